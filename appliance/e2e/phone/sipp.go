// Package phone plays telephones that were not written here: SIPp with the scenarios of this
// package for exact signalling, baresip for a whole phone.
//
// The SIPp phones are lenient: they answer what a phone has to answer and go on. What was right is
// judged by the recording of the switch, see [lan.Tap].
package phone

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"branchline/appliance/e2e/lan"
)

//go:embed scenario/*.xml
var scenarios embed.FS

// SIPp is one SIPp process playing one phone (or, with Count, many calls of one kind).
type SIPp struct {
	Host     *lan.Host
	Dir      string // for its files
	Scenario string // name of a file in scenario/, without .xml
	Aside    string // another one, for calls that come while the first goes on
	TCP      bool
	Port     int    // 0 for 5060
	Server   string // address of the exchange
	User     string // who this phone is
	Password string // for digest; empty sends the wrong one
	Dial     string // the number to call

	Codecs string        // payload types to offer or answer with, default "0 101"
	Say    []byte        // capture file to play once the call is up
	Ring   time.Duration // how long to ring before answering
	Refuse int           // answer with this status
	Talk   time.Duration // how long to talk before hanging up; a phone that is called waits 60 s for a BYE by default
	Expire int           // seconds to register for; 0 for 3600
	Lamp   []string      // the states that the dialogs of what it watches go through
	Args   []string      // more arguments for SIPp
	Extra  map[string]string
	CPUs   string // pin it to these, as taskset -c spells them

	cmd    *exec.Cmd
	exited chan error
}

const sippLimit = 90 * time.Second

// Start runs the process; it is killed when ctx ends.
func (s *SIPp) Start(ctx context.Context) error {
	if s.Port == 0 {
		s.Port = 5060
	}
	if s.Codecs == "" {
		s.Codecs = "0 101"
	}
	if s.Expire == 0 {
		s.Expire = 3600
	}
	if s.Talk == 0 {
		s.Talk = time.Minute
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return err
	}
	path, err := s.render(s.Scenario)
	if err != nil {
		return err
	}
	if s.Say != nil {
		if err := os.WriteFile(filepath.Join(s.Dir, "say.pcap"), s.Say, 0o644); err != nil {
			return err
		}
	}
	mode := "u1"
	if s.TCP {
		mode = "t1"
	}
	args := []string{
		"-sf", path, "-m", "1", "-i", s.Host.Addr, "-p", fmt.Sprint(s.Port), "-t", mode,
		"-s", s.Dial, "-nostdin", "-timeout", fmt.Sprint(int(sippLimit.Seconds())) + "s",
		"-trace_err", "-error_file", filepath.Join(s.Dir, "errors"),
		// An answer the scenario does not name ends it; nothing is sent that the scenario does not say.
		"-default_behaviors", "abortunexp", "-mp", fmt.Sprint(s.Port + 1000),
	}
	if s.Aside != "" {
		aside, err := s.render(s.Aside)
		if err != nil {
			return err
		}
		args = append(args, "-oocsf", aside)
	}
	args = append(args, s.Args...)
	args = append(args, s.Server+":5060")
	out, err := os.Create(filepath.Join(s.Dir, "screen"))
	if err != nil {
		return err
	}
	defer out.Close()
	name := "sipp"
	if s.CPUs != "" {
		name, args = "taskset", append([]string{"-c", s.CPUs, name}, args...)
	}
	s.cmd = s.Host.Command(ctx, name, args...)
	s.cmd.Dir = s.Dir
	s.cmd.Stdout, s.cmd.Stderr = out, out
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.exited = make(chan error, 1)
	go func() { s.exited <- s.cmd.Wait() }()
	return nil
}

// render writes a scenario for this phone and returns its path.
func (s *SIPp) render(name string) (string, error) {
	t, err := template.New("").Funcs(template.FuncMap{"ms": time.Duration.Milliseconds}).
		ParseFS(scenarios, "scenario/*.xml")
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name+".xml", s); err != nil {
		return "", err
	}
	path := filepath.Join(s.Dir, name+".xml")
	return path, os.WriteFile(path, b.Bytes(), 0o644)
}

// RTPMap lists the rtpmap lines for the codecs offered.
func (s *SIPp) RTPMap() string {
	names := map[string]string{"0": "PCMU/8000", "8": "PCMA/8000", "101": "telephone-event/8000", "18": "G729/8000", "9": "G722/8000"}
	var b strings.Builder
	for pt := range strings.FieldsSeq(s.Codecs) {
		fmt.Fprintf(&b, "a=rtpmap:%s %s\n", pt, names[pt])
		if pt == "101" {
			b.WriteString("a=fmtp:101 0-16\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Transport is what a contact URI needs to name the protocol.
func (s *SIPp) Transport() string {
	if s.TCP {
		return ";transport=tcp"
	}
	return ""
}

// PID is the process id.
func (s *SIPp) PID() int { return s.cmd.Process.Pid }

// Wait waits for the end of the scenario; nil means that it ran to its end.
func (s *SIPp) Wait() error {
	err := <-s.exited
	s.exited <- err
	if err == nil {
		return nil
	}
	screen, _ := os.ReadFile(filepath.Join(s.Dir, "screen"))
	errs, _ := os.ReadFile(filepath.Join(s.Dir, "errors"))
	return fmt.Errorf("sipp %s for %s at %s: %w\n%s\n%s", s.Scenario, s.User, s.Host.Addr, err,
		tail(screen, 2000), tail(errs, 4000))
}

// Stop ends the process if it still runs.
func (s *SIPp) Stop() error {
	if s.cmd == nil || s.cmd.Process == nil {
		return nil
	}
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	s.exited <- <-s.exited
	return nil
}

// Ended reports whether the process is gone.
func (s *SIPp) Ended() bool {
	select {
	case err := <-s.exited:
		s.exited <- err
		return true
	default:
		return false
	}
}

// Listening reports whether the phone's SIP port is open.
func (s *SIPp) Listening() bool {
	file := "udp"
	if s.TCP {
		file = "tcp"
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", s.PID(), file))
	return err == nil && strings.Contains(string(b), fmt.Sprintf(":%04X ", s.Port))
}

func tail(b []byte, n int) string { return string(b[max(0, len(b)-n):]) }

// netstring frames a JSON value the way baresip's ctrl_tcp wants it.
func netstring(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%d:%s,", len(b), b), nil
}
