// Package outreg keeps the exchange registered with providers: the sections of
// type=registration (RFC 3261 10.2). Each has a goroutine that sends REGISTER,
// refreshes before expiry, and retries in the way its options say. Unlike
// Asterisk it never gives up for good: an exchange in a cupboard has nobody to
// press the button, so after the last permitted retry it goes on every five
// minutes and says so in the log.
package outreg

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
	"branchline/pbx/sip/digest"
)

// A Caller sends a REGISTER for r that asks for expires (0 ends the
// registration), answers challenges and returns the final response. The error
// means that there was none.
type Caller interface {
	SendRegister(ctx context.Context, r *settings.Registration, t *Thread, expires time.Duration) (*sip.Response, error)
}

// A Thread is what the REGISTERs of one registration have in common.
type Thread struct {
	CallID, Tag string // made by the caller when empty
	Seq         uint32 // CSeq of the last request
	Client      digest.Client
}

// State is where a registration stands, in the words `pjsip show registrations`
// uses.
type State string

const (
	Unregistered State = "Unregistered"
	Registered   State = "Registered"
	Rejected     State = "Rejected"
	Stopped      State = "Stopped" // by `pjsip send unregister`
)

// A Status is what the console shows of a registration.
type Status struct {
	*settings.Registration
	State   State
	Expires time.Time // Registered: when the provider forgets us
	Next    time.Time // of the next REGISTER, zero if none is planned
	Code    int       // status of the last answer, 0 if there was none
	Runs    int       // how often it was tried
	Last    time.Time // when the last try began
}

// slowPace is the interval after everything that was configured has failed (D7).
const slowPace = 5 * time.Minute

// early is how long before expiry a registration is refreshed.
const early = 10 * time.Second

// A Keeper keeps all registrations.
type Keeper struct {
	caller Caller
	log    *slog.Logger

	mu      sync.Mutex
	ctx     context.Context // nil until Run
	entries map[string]*entry
	group   sync.WaitGroup
}

// New makes a keeper; nothing is sent before Run.
func New(caller Caller, log *slog.Logger) *Keeper {
	if log == nil {
		log = slog.Default()
	}
	return &Keeper{caller: caller, log: log, entries: map[string]*entry{}}
}

// Configure follows a new snapshot: registrations that changed begin anew, those
// no longer there are ended at the provider.
func (k *Keeper) Configure(s *settings.Snapshot) {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := map[string]*settings.Registration{}
	for _, r := range s.Registrations {
		next[r.ID] = r
	}
	for id, e := range k.entries {
		if r := next[id]; r == nil || !same(r, e.r) {
			e.cancel()
			delete(k.entries, id)
		}
	}
	for id, r := range next {
		if k.entries[id] != nil {
			continue
		}
		e := &entry{keeper: k, r: r, orders: make(chan bool, 1), status: Status{Registration: r, State: Unregistered}}
		k.entries[id] = e
		if k.ctx != nil {
			k.start(e)
		}
	}
}

// same reports whether two versions of a registration ask for the same, wherever
// they stand in their file.
func same(a, b *settings.Registration) bool {
	x, y := *a, *b
	x.Pos, y.Pos = astconf.Pos{}, astconf.Pos{}
	return reflect.DeepEqual(x, y)
}

// Run registers until ctx ends, and then unregisters everywhere.
func (k *Keeper) Run(ctx context.Context) error {
	k.mu.Lock()
	k.ctx = ctx
	for _, e := range k.entries {
		k.start(e)
	}
	k.mu.Unlock()
	<-ctx.Done()
	k.group.Wait()
	return nil
}

func (k *Keeper) start(e *entry) {
	var ctx context.Context
	ctx, e.stop = context.WithCancel(k.ctx)
	k.group.Add(1)
	go func() {
		defer k.group.Done()
		e.run(ctx)
	}()
}

// Statuses lists the registrations by name.
func (k *Keeper) Statuses() []Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := make([]Status, 0, len(k.entries))
	for _, e := range k.entries {
		e.mu.Lock()
		out = append(out, e.status)
		e.mu.Unlock()
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// Send registers (on) or unregisters a registration now; false if there is none
// of that name. The answer is seen in Statuses.
func (k *Keeper) Send(id string, on bool) bool {
	k.mu.Lock()
	e := k.entries[id]
	k.mu.Unlock()
	if e == nil {
		return false
	}
	select {
	case <-e.orders: // the latest order counts
	default:
	}
	e.orders <- on
	return true
}

// An entry is one registration.
type entry struct {
	keeper *Keeper
	r      *settings.Registration
	stop   context.CancelFunc
	orders chan bool
	thread Thread
	tries  int

	mu     sync.Mutex
	status Status
}

func (e *entry) cancel() {
	if e.stop != nil {
		e.stop()
	}
}

func (e *entry) show(change func(*Status)) {
	e.mu.Lock()
	change(&e.status)
	e.mu.Unlock()
}

// run is the registration's life.
func (e *entry) run(ctx context.Context) {
	var wait time.Duration
	if e.r.MaxRandomDelay > 0 {
		// Not all of a provider's customers at once after a power cut.
		wait = rand.N(e.r.MaxRandomDelay)
	}
	planned := true
	for {
		timer := time.NewTimer(wait)
		tick := timer.C
		e.show(func(s *Status) { s.Next = time.Now().Add(wait) })
		if !planned {
			tick = nil
			e.show(func(s *Status) { s.Next = time.Time{} })
		}
		on := true
		select {
		case <-tick:
		case on = <-e.orders:
			e.tries = 0
		case <-ctx.Done():
			timer.Stop()
			e.farewell(ctx)
			return
		}
		timer.Stop()
		if !on {
			e.farewell(ctx)
			e.show(func(s *Status) { s.State = Stopped })
			planned = false
			continue
		}
		wait = e.register(ctx)
		planned = true
	}
}

// register sends one REGISTER and says when the next is due.
func (e *entry) register(ctx context.Context) time.Duration {
	asked := e.r.Expiration
	e.show(func(s *Status) {
		s.Runs++
		s.Last = time.Now()
	})
	for range 3 {
		res, err := e.keeper.caller.SendRegister(ctx, e.r, &e.thread, asked)
		if err != nil {
			if ctx.Err() != nil {
				return 0
			}
			return e.failed(0, err.Error(), e.r.RetryInterval, 0)
		}
		switch code := res.StatusCode; {
		case code/100 == 2:
			return e.registered(granted(res, asked))
		case code == 423: // RFC 3261 10.2.8: ask for what the registrar wants
			if least := seconds(res, "Min-Expires"); least > asked {
				asked = least
				continue
			}
			return e.failed(code, res.Reason, e.r.FatalRetry, seconds(res, "Retry-After"))
		case code == 403:
			return e.failed(code, res.Reason, e.r.ForbiddenRetry, seconds(res, "Retry-After"))
		case code == 401 || code == 407:
			if e.r.AuthRejectionPermanent {
				return e.failed(code, res.Reason, 0, 0)
			}
			return e.failed(code, res.Reason, e.r.RetryInterval, seconds(res, "Retry-After"))
		case code == 408 || code == 500 || code == 502 || code == 503 || code == 504 || code/100 == 6:
			return e.failed(code, res.Reason, e.r.RetryInterval, seconds(res, "Retry-After"))
		default:
			return e.failed(code, res.Reason, e.r.FatalRetry, seconds(res, "Retry-After"))
		}
	}
	return e.failed(423, "interval too brief", e.r.FatalRetry, 0)
}

func (e *entry) registered(expires time.Duration) time.Duration {
	e.tries = 0
	was := e.status.State
	e.show(func(s *Status) {
		s.State, s.Code, s.Expires = Registered, 200, time.Now().Add(expires)
	})
	if was != Registered {
		e.keeper.log.Info("registered", "registration", e.r.ID, "server", e.r.ServerURI, "for", expires)
	}
	if expires > 2*early {
		return expires - early
	}
	return max(expires/2, time.Second)
}

// failed decides on the next try. retry 0 means that the options say to stop.
func (e *entry) failed(code int, why string, retry, after time.Duration) time.Duration {
	e.tries++
	e.show(func(s *Status) {
		s.Code = code
		if s.State = Unregistered; code >= 400 && retry == 0 || e.tries > e.r.MaxRetries {
			s.State = Rejected
		}
	})
	wait := retry
	switch {
	case after > 0:
		wait = after
	case retry == 0 || e.tries > e.r.MaxRetries:
		wait = slowPace
	}
	e.keeper.log.Warn("registration failed", "registration", e.r.ID, "server", e.r.ServerURI,
		"status", code, "reason", why, "try", e.tries, "next", wait)
	return wait
}

// farewell unregisters if we are registered; a provider that does not answer
// forgets us by itself.
func (e *entry) farewell(ctx context.Context) {
	e.mu.Lock()
	registered := e.status.State == Registered
	e.mu.Unlock()
	if !registered {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, err := e.keeper.caller.SendRegister(ctx, e.r, &e.thread, 0); err != nil {
		e.keeper.log.Info("not unregistered", "registration", e.r.ID, "error", err)
	}
	e.show(func(s *Status) { s.State, s.Expires = Unregistered, time.Time{} })
}

// granted is how long a 200 lets us be registered: the expires of our contact,
// else the Expires header, else what was asked.
func granted(res *sip.Response, asked time.Duration) time.Duration {
	if c := res.Contact(); c != nil {
		if v, ok := c.Params.Get("expires"); ok {
			if n, err := strconv.Atoi(v); err == nil && n > 0 {
				return time.Duration(n) * time.Second
			}
		}
	}
	if d := seconds(res, "Expires"); d > 0 {
		return d
	}
	return asked
}

// seconds reads a header that is a number of seconds; 0 if absent, broken or
// longer than a day asks for.
func seconds(res *sip.Response, header string) time.Duration {
	h := res.GetHeader(header)
	if h == nil {
		return 0
	}
	digits := h.Value()
	for i, c := range digits {
		if c < '0' || c > '9' {
			digits = digits[:i] // "120 (busy)", "120;duration=60"
			break
		}
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > 86400 {
		return 0
	}
	return time.Duration(n) * time.Second
}
