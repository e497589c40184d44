package outreg

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
)

// provider answers REGISTERs from a script and notes when they came.
type provider struct {
	answers []func(expires time.Duration) (*sip.Response, error) // the last one repeats
	at      []time.Duration
	asked   []time.Duration
	start   time.Time
}

func (p *provider) SendRegister(_ context.Context, _ *settings.Registration, _ *Thread, expires time.Duration) (*sip.Response, error) {
	p.at = append(p.at, time.Since(p.start))
	p.asked = append(p.asked, expires)
	a := p.answers[min(len(p.at), len(p.answers))-1]
	return a(expires)
}

func status(code int, headers ...string) func(time.Duration) (*sip.Response, error) {
	return func(time.Duration) (*sip.Response, error) {
		res := sip.NewResponse(code, "x")
		for i := 0; i+1 < len(headers); i += 2 {
			res.AppendHeader(sip.NewHeader(headers[i], headers[i+1]))
		}
		return res, nil
	}
}

func silence(time.Duration) (*sip.Response, error) { return nil, errors.New("no answer") }

// Seed: S-170, S-171, S-272.
func TestSchedule(t *testing.T) {
	ok := status(200, "Expires", "3600")
	for _, c := range []struct {
		name    string
		change  func(*settings.Registration)
		answers []func(time.Duration) (*sip.Response, error)
		run     time.Duration
		at      []time.Duration // when REGISTERs must have been sent, the farewell not counted
		state   State
	}{
		{"refreshed ten seconds early", nil, []func(time.Duration) (*sip.Response, error){ok}, 2 * time.Hour,
			[]time.Duration{0, 3590 * time.Second, 7180 * time.Second}, Registered},
		{"short registrations at half time", nil, []func(time.Duration) (*sip.Response, error){status(200, "Expires", "12")}, 13 * time.Second,
			[]time.Duration{0, 6 * time.Second, 12 * time.Second}, Registered},
		{"no answer, then one", nil, []func(time.Duration) (*sip.Response, error){silence, ok}, 2 * time.Minute,
			[]time.Duration{0, time.Minute}, Registered},
		{"retry-after wins", nil, []func(time.Duration) (*sip.Response, error){status(503, "Retry-After", "7"), ok}, time.Minute,
			[]time.Duration{0, 7 * time.Second}, Registered},
		{"never gives up", func(r *settings.Registration) { r.MaxRetries = 1 }, []func(time.Duration) (*sip.Response, error){silence}, 12 * time.Minute,
			[]time.Duration{0, time.Minute, 6 * time.Minute, 11 * time.Minute}, Rejected},
		{"forbidden without retry interval", nil, []func(time.Duration) (*sip.Response, error){status(403)}, 6 * time.Minute,
			[]time.Duration{0, 5 * time.Minute}, Rejected},
		{"too brief is asked again at once", nil, []func(time.Duration) (*sip.Response, error){status(423, "Min-Expires", "7200"), status(200)}, time.Second,
			[]time.Duration{0, 0}, Registered},
		{"wrong password is permanent", nil, []func(time.Duration) (*sip.Response, error){status(401)}, 2 * time.Minute,
			[]time.Duration{0}, Rejected},
		{"wrong password, but told to go on", func(r *settings.Registration) { r.AuthRejectionPermanent = false },
			[]func(time.Duration) (*sip.Response, error){status(401), ok}, 2 * time.Minute, []time.Duration{0, time.Minute}, Registered},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &settings.Registration{Expiration: time.Hour, RetryInterval: time.Minute, MaxRetries: 10, AuthRejectionPermanent: true}
				r.ID = "itsp"
				if c.change != nil {
					c.change(r)
				}
				p := &provider{answers: c.answers, start: time.Now()}
				k := New(p, nil)
				k.Configure(&settings.Snapshot{Registrations: []*settings.Registration{r}})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- k.Run(ctx) }()
				time.Sleep(c.run)
				synctest.Wait()
				if got := k.Statuses()[0].State; got != c.state {
					t.Errorf("state %s, want %s", got, c.state)
				}
				if !slices.Equal(p.at, c.at) {
					t.Errorf("REGISTER sent at %v, want %v", p.at, c.at)
				}
				sent := len(p.at)
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if c.state == Registered && (len(p.asked) != sent+1 || p.asked[sent] != 0) {
					t.Errorf("no unregistration at the end: asked for %v", p.asked)
				}
			})
		})
	}
}

// A reload that changes nothing does not disturb a registration that stands.
func TestReloadKeeps(t *testing.T) {
	a := &settings.Registration{Object: settings.Object{ID: "x", Pos: astconf.Pos{File: "f", Line: 1}}, ServerURI: "sip:a", Expiration: time.Hour}
	b := *a
	b.Pos.Line = 7
	if !same(a, &b) {
		t.Error("moved in the file: begun anew")
	}
	b.ServerURI = "sip:b"
	if same(a, &b) {
		t.Error("another server: not noticed")
	}
}
