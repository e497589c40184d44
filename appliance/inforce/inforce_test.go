package inforce

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"branchline/appliance/configuration"
	"branchline/pbx/astconf"
	"branchline/pbx/settings"
)

// site is a directory with an extensions.conf, and an exchange of which only the plan's
// contexts are known, in the order in which they came into force.
type site struct {
	dir     string
	put     []string
	stuck   bool // nothing can be readied
	machine int
	*Force
}

func newSite(t *testing.T, lenient bool) *site {
	s := &site{dir: t.TempDir()}
	d := settings.Directories{Etc: s.dir, VarLib: filepath.Join(s.dir, "lib")}
	s.Force = New(Options{
		Directories: d, Lenient: lenient, Log: slog.New(slog.DiscardHandler),
		Judge: func() configuration.Judge { return configuration.Judge{Process: settings.Process{Directories: d}} },
		Exchange: func(_, next configuration.Config) (func(), []astconf.Diag) {
			if s.stuck {
				return nil, []astconf.Diag{{Severity: astconf.Error, Message: "stuck"}}
			}
			return func() {
				var names []string
				for _, name := range []string{"a", "b", "lent"} {
					if next.Plan.HasContext(name) {
						names = append(names, name)
					}
				}
				s.put = append(s.put, strings.Join(names, " "))
			}, nil
		},
		Machine: func(_, _ configuration.Config) (func(), []astconf.Diag) { return func() { s.machine++ }, nil },
	})
	return s
}

func (s *site) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "extensions.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *site) first() error {
	return s.First(func(configuration.Config) {}, func([]astconf.Diag) bool { return false })
}

const (
	planA  = "[a]\nexten => 1,1,Answer()\n"
	planB  = "[b]\nexten => 1,1,Answer()\n"
	broken = "[a]\nexten => 1,1,Answer()\n[broken\n"
)

func TestWholeOrNotAtAll(t *testing.T) {
	s := newSite(t, false)
	s.write(t, broken)
	if err := s.first(); err != ErrRefused || s.put != nil || !s.Accepted().IsZero() || !astconf.Failed(s.Findings()) {
		t.Fatalf("a broken start: %v, in force %q, findings %v", err, s.put, s.Findings())
	}
	s.write(t, planA)
	if err := s.first(); err != nil || s.Accepted().IsZero() {
		t.Fatal(err)
	}
	s.write(t, broken)
	if _, _, err := s.Reload(); err == nil {
		t.Error("a broken reload is accepted")
	}
	s.write(t, planB)
	s.stuck = true
	if _, _, err := s.Reload(); err == nil {
		t.Error("what cannot be readied is accepted")
	}
	s.stuck = false
	if _, changes, err := s.Reload(); err != nil || len(changes) != 2 {
		t.Errorf("%v, %v", changes, err)
	}
	if want := []string{"a", "b"}; !slices.Equal(s.put, want) || s.machine != 2 {
		t.Errorf("in force were %q, want %q; the machine was told %d times", s.put, want, s.machine)
	}
}

func TestLenientStart(t *testing.T) {
	s := newSite(t, true)
	s.write(t, broken)
	if err := s.first(); err != nil || !slices.Equal(s.put, []string{"a"}) {
		t.Errorf("%v, in force %q", err, s.put)
	}
	s.Remember()
	if kept, err := s.Kept(); err != nil || kept != nil {
		t.Errorf("a configuration with errors is kept: %q, %v", kept, err)
	}
}

// What is borrowed is given back, and the machine does not notice.
func TestBorrow(t *testing.T) {
	s := newSite(t, false)
	s.write(t, planA)
	if err := s.first(); err != nil {
		t.Fatal(err)
	}
	s.write(t, planB) // edited, not read
	lend := func(text string) func(configuration.Config) (fs.FS, error) {
		return func(configuration.Config) (fs.FS, error) {
			return fstest.MapFS{"extensions.conf": {Data: []byte(text)}}, nil
		}
	}
	var said bytes.Buffer
	if err := s.Borrow(&said, lend("[lent]\nexten => 1,1,Echo()\n"), func() error { return fs.ErrClosed }); err != fs.ErrClosed {
		t.Error(err)
	}
	if err := s.Borrow(&said, lend("[lent\n"), func() error { t.Error("done all the same"); return nil }); err == nil || said.Len() == 0 {
		t.Errorf("broken phones: %v, %q", err, said.String())
	}
	if want := []string{"a", "a lent", "a"}; !slices.Equal(s.put, want) || s.machine != 1 {
		t.Errorf("in force were %q, want %q; the machine was told %d times", s.put, want, s.machine)
	}
}
