package phone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"branchline/appliance/e2e/lan"
)

// Linphone is the phone of the how-to, without its window: linphonec, over TCP as the how-to sets it
// up. It says what a file holds and keeps what it hears in another, so it needs no sound card. It
// registers by itself and is driven as a user types.
type Linphone struct {
	Host     *lan.Host
	Dir      string
	Server   string
	User     string
	Password string // empty: none
	Say      []byte // WAV file of what its user says

	cmd    *exec.Cmd
	exited chan error
	keys   io.WriteCloser
	screen screen
}

// screen is what a program printed so far.
type screen struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *screen) text() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.buf.Bytes())
}

// Start runs the phone, which registers by itself.
func (p *Linphone) Start(ctx context.Context) error {
	// It fails to make the directories it keeps its databases in.
	for _, sub := range []string{".local/share/linphone", ".config/linphone"} {
		if err := os.MkdirAll(filepath.Join(p.Dir, sub), 0o755); err != nil {
			return err
		}
	}
	say := filepath.Join(p.Dir, "say.wav")
	if err := os.WriteFile(say, p.Say, 0o644); err != nil {
		return err
	}
	// No other transport, no services of Linphone's own, no picture.
	config := fmt.Sprintf(`[sip]
sip_port=0
sip_tcp_port=5060
sip_tls_port=0
use_ipv6=0
guess_hostname=1
default_proxy=0
[sound]
use_files=1
[rtp]
audio_rtp_port=7078
[video]
enabled=0
[proxy_0]
reg_proxy=<sip:%[1]s;transport=tcp>
reg_identity=sip:%[2]s@%[1]s
reg_expires=600
reg_sendregister=1
publish=0
`, p.Server, p.User)
	if p.Password != "" {
		config += fmt.Sprintf("[auth_info_0]\nusername=%s\npasswd=%s\nrealm=asterisk\n", p.User, p.Password)
	}
	path := filepath.Join(p.Dir, "linphonerc")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		return err
	}
	// Without a way to the Internet it holds that there is no network at all.
	if out, err := p.Host.Command(ctx, "ip", "route", "replace", "default", "dev", "eth0").CombinedOutput(); err != nil {
		return fmt.Errorf("default route of %s: %w: %s", p.Host.Addr, err, out)
	}
	p.cmd = p.Host.Command(ctx, "linphonec", "-c", path)
	p.cmd.Dir = p.Dir
	p.cmd.Env = append(os.Environ(), "HOME="+p.Dir, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=")
	p.cmd.Stdout, p.cmd.Stderr = &p.screen, &p.screen
	keys, err := p.cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.keys = keys
	p.exited = make(chan error, 1)
	go func() { p.exited <- p.cmd.Wait() }()
	return errors.Join(p.Type("soundcard use files"), p.Type("play "+say), p.Type("record "+p.recording()))
}

func (p *Linphone) recording() string { return filepath.Join(p.Dir, "heard.wav") }

// Type types a line: call ADDRESS, answer, terminate.
func (p *Linphone) Type(line string) error {
	if _, err := io.WriteString(p.keys, line+"\n"); err != nil {
		return fmt.Errorf("linphone for %s: %w", p.User, err)
	}
	return nil
}

// Shows waits until the phone has printed a text.
func (p *Linphone) Shows(limit time.Duration, text string) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if bytes.Contains(p.screen.text(), []byte(text)) {
			return nil
		}
		select {
		case err := <-p.exited:
			p.exited <- err
			return fmt.Errorf("linphone for %s ended: %w\n%s", p.User, err, p.Screen())
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("linphone for %s does not show %q:\n%s", p.User, text, p.Screen())
		}
	}
}

// Heard is the recording of what the phone played to its user, a WAV file; it is whole when the
// call is over.
func (p *Linphone) Heard() ([]byte, error) { return os.ReadFile(p.recording()) }

// Screen is what the phone printed last.
func (p *Linphone) Screen() string { return tail(p.screen.text(), 4000) }

// Stop ends the process.
func (p *Linphone) Stop() error {
	if p.cmd == nil || p.cmd.Process == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	p.exited <- <-p.exited
	return nil
}
