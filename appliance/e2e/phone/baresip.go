package phone

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"branchline/appliance/e2e/lan"
)

// Baresip is a whole telephone: it registers, answers by itself, sends a file as what
// its user says and keeps what it hears in another. It is driven over its control connection.
type Baresip struct {
	Host     *lan.Host
	Dir      string
	Server   string
	User     string
	Password string // empty: none
	TCP      bool
	Codec    string // pcmu or pcma; empty for pcmu
	Say      []byte // WAV file of what its user says

	dropped int // packets counted by Dropped
	cmd     *exec.Cmd
	exited  chan error
	ctrl    net.Conn
	in      *bufio.Reader
}

const baresipModules = "/usr/lib/baresip/modules"

// Start runs the phone and connects to it; it registers by itself.
func (b *Baresip) Start(ctx context.Context) error {
	if err := os.MkdirAll(b.Dir, 0o755); err != nil {
		return err
	}
	proto := "udp"
	if b.TCP {
		proto = "tcp"
	}
	codec := b.Codec
	if codec == "" {
		codec = "pcmu"
	}
	say := filepath.Join(b.Dir, "say.wav")
	if err := os.WriteFile(say, b.Say, 0o644); err != nil {
		return err
	}
	config := fmt.Sprintf(`module_path %s
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
audio_player aubridge,ear
audio_source aufile,%s
audio_alert aubridge,bell
snd_path %s
ctrl_tcp_listen 127.0.0.1:4444
sip_listen %s:5060
net_interface eth0
rtp_ports 6000-6100
`, baresipModules, say, b.Dir, b.Host.Addr)
	auth := ";auth_pass=none"
	if b.Password != "" {
		auth = ";auth_pass=" + b.Password
	}
	account := fmt.Sprintf("<sip:%s@%s;transport=%s>%s;answermode=auto;audio_codecs=%s;regint=600\n",
		b.User, b.Server, proto, auth, codec)
	for name, text := range map[string]string{"config": config, "accounts": account, "contacts": ""} {
		if err := os.WriteFile(filepath.Join(b.Dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	out, err := os.Create(filepath.Join(b.Dir, "screen"))
	if err != nil {
		return err
	}
	defer out.Close()
	b.cmd = b.Host.Command(ctx, "baresip", "-4", "-f", b.Dir)
	b.cmd.Dir = b.Dir
	b.cmd.Stdout, b.cmd.Stderr = out, out
	if err := b.cmd.Start(); err != nil {
		return err
	}
	b.exited = make(chan error, 1)
	go func() { b.exited <- b.cmd.Wait() }()
	return b.connect(ctx)
}

func (b *Baresip) connect(ctx context.Context) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := b.Host.Do(func() error {
			var err error
			b.ctrl, err = net.DialTimeout("tcp4", "127.0.0.1:4444", time.Second)
			return err
		})
		if err == nil {
			b.in = bufio.NewReader(b.ctrl)
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("baresip for %s: %w\n%s", b.User, err, b.Screen())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-b.exited:
			b.exited <- err
			return fmt.Errorf("baresip for %s ended: %w\n%s", b.User, err, b.Screen())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Command sends one command, such as dial or hangup, and waits for its answer.
func (b *Baresip) Command(name, params string) error {
	msg, err := netstring(map[string]string{"command": name, "params": params, "token": name})
	if err != nil {
		return err
	}
	if err := b.ctrl.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := b.ctrl.Write(msg); err != nil {
		return fmt.Errorf("baresip for %s: %w", b.User, err)
	}
	for {
		m, err := b.read()
		if err != nil {
			return fmt.Errorf("baresip for %s: answer to %s: %w", b.User, name, err)
		}
		if m["response"] == true && m["token"] == name {
			if m["ok"] != true {
				return fmt.Errorf("baresip for %s: %s: %v", b.User, name, m["data"])
			}
			return nil
		}
	}
}

// Event waits for an event of one of these types, such as REGISTER_OK or CALL_ESTABLISHED, and
// returns the type that came.
func (b *Baresip) Event(limit time.Duration, types ...string) (string, error) {
	if err := b.ctrl.SetDeadline(time.Now().Add(limit)); err != nil {
		return "", err
	}
	var seen []string
	for {
		m, err := b.read()
		if err != nil {
			return "", fmt.Errorf("baresip for %s: waiting for %v, saw %v: %w\n%s", b.User, types, seen, err, b.Screen())
		}
		got, _ := m["type"].(string)
		for _, t := range types {
			if t == got {
				return got, nil
			}
		}
		seen = append(seen, got)
	}
}

func (b *Baresip) read() (map[string]any, error) {
	size, err := b.in.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(size, ":"))
	if err != nil {
		return nil, err
	}
	buf := make([]byte, n+1)
	if _, err := io.ReadFull(b.in, buf); err != nil {
		return nil, err
	}
	var m map[string]any
	return m, json.Unmarshal(buf[:n], &m)
}

// Heard is the longest recording of what the phone played to its user, a WAV file. The phone begins
// a new one with every session description, so also with the last re-INVITE before the end.
func (b *Baresip) Heard() ([]byte, error) {
	found, err := filepath.Glob(filepath.Join(b.Dir, "dump-*-dec.wav"))
	if err != nil {
		return nil, err
	}
	var longest []byte
	for _, path := range found {
		file, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if len(file) > len(longest) {
			longest = file
		}
	}
	if longest == nil {
		return nil, fmt.Errorf("baresip for %s recorded nothing", b.User)
	}
	return longest, nil
}

// Screen is what the phone printed.
func (b *Baresip) Screen() string {
	out, _ := os.ReadFile(filepath.Join(b.Dir, "screen"))
	return tail(out, 4000)
}

// Dropped reports whether the phone has thrown packets away as late since it was last
// asked.
func (b *Baresip) Dropped() bool {
	out, _ := os.ReadFile(filepath.Join(b.Dir, "screen"))
	n := strings.Count(string(out), "(Connection timed out)")
	more := n > b.dropped
	b.dropped = n
	return more
}

// Stop ends the process.
func (b *Baresip) Stop() error {
	if b.cmd == nil || b.cmd.Process == nil {
		return nil
	}
	if b.ctrl != nil {
		b.ctrl.Close()
	}
	if err := b.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	b.exited <- <-b.exited
	return nil
}
