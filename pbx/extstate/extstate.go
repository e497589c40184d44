// Package extstate watches extensions: it tells those who ask for it when the devices
// of an extension's hint go into use, ring or are gone, and when the hint itself is
// not there any more.
//
// A device that changes costs what its own watchers cost, however many others are
// watched: hints are found by the devices they name.
package extstate

import (
	"strings"
	"sync"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
)

// A Report is what a watcher is told.
type Report struct {
	State channel.DeviceState
	Gone  bool // the extension has no hint any more; it is the last report
}

// A Finder finds the hint of an extension in the plan in force, its variables filled
// in.
type Finder func(context, exten string) (dialplan.Hint, bool)

// Watches are the extensions that are watched. Its methods may be called from
// anywhere; none of them waits for a watcher.
type Watches struct {
	find  Finder
	state dialplan.StateOf

	weighing sync.Mutex // held while a state is found and told, so that none overtakes another

	mu       sync.Mutex
	watched  map[place]*extension
	byDevice map[string]map[*extension]struct{} // in lower case
	stale    map[*extension]bool                // whose state is to be looked at; true: and its hint
	working  bool
}

type place struct{ context, exten string }

// An extension is one that somebody watches.
type extension struct {
	place
	hint     dialplan.Hint
	state    channel.DeviceState
	watchers map[*watcher]struct{}
}

type watcher struct{ tell func(Report) }

// New makes watches of nothing.
func New(find Finder, state dialplan.StateOf) *Watches {
	return &Watches{
		find: find, state: state, watched: map[place]*extension{},
		byDevice: map[string]map[*extension]struct{}{}, stale: map[*extension]bool{},
	}
}

// Watch lets tell be called, never concurrently, after each change of an extension's
// state until stop is called or the hint is gone. It gives the present state; false if
// there is no hint. tell must not block and must not call Watches.
func (w *Watches) Watch(context, exten string, tell func(Report)) (now channel.DeviceState, stop func(), ok bool) {
	hint, ok := w.find(context, exten)
	if !ok {
		return channel.DeviceUnknown, nil, false
	}
	w.weighing.Lock()
	defer w.weighing.Unlock()
	one := &watcher{tell}
	w.mu.Lock()
	at := place{context, exten}
	e := w.watched[at]
	first := e == nil
	if first {
		e = &extension{place: at, hint: hint, watchers: map[*watcher]struct{}{}}
		w.watched[at] = e
		w.index(e)
	}
	e.watchers[one] = struct{}{}
	w.mu.Unlock()
	if first { // only now that changes of its devices are noted
		state := hint.State(w.state)
		w.mu.Lock()
		e.state = state
		w.mu.Unlock()
	}
	return e.state, func() { w.unwatch(e, one) }, true
}

func (w *Watches) unwatch(e *extension, one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(e.watchers, one)
	if len(e.watchers) == 0 && w.watched[e.place] == e {
		w.remove(e)
	}
}

// remove forgets an extension; w.mu is held.
func (w *Watches) remove(e *extension) {
	w.unindex(e)
	delete(w.watched, e.place)
	delete(w.stale, e)
}

func devices(h dialplan.Hint) []string { return strings.Split(strings.ToLower(h.Devices), "&") }

// index notes by which devices an extension is found; w.mu is held.
func (w *Watches) index(e *extension) {
	for _, d := range devices(e.hint) {
		d = strings.TrimSpace(d)
		if w.byDevice[d] == nil {
			w.byDevice[d] = map[*extension]struct{}{}
		}
		w.byDevice[d][e] = struct{}{}
	}
}

func (w *Watches) unindex(e *extension) {
	for _, d := range devices(e.hint) {
		d = strings.TrimSpace(d)
		if delete(w.byDevice[d], e); len(w.byDevice[d]) == 0 {
			delete(w.byDevice, d)
		}
	}
}

// Changed says that a device ("PJSIP/1001") may have another state now.
func (w *Watches) Changed(device string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.byDevice) == 0 {
		return
	}
	for e := range w.byDevice[strings.ToLower(device)] {
		w.mark(e, false)
	}
}

// Reloaded says that there is another plan, or other devices.
func (w *Watches) Reloaded() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.watched {
		w.mark(e, true)
	}
}

// Watchers is how many watch the extensions that a hint of the plan is for: exten may
// be a pattern.
func (w *Watches) Watchers(context, exten string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.watched {
		if e.hint.Context == context && e.hint.Exten == exten {
			n += len(e.watchers)
		}
	}
	return n
}

// mark lets an extension be looked at, soon and once; w.mu is held.
func (w *Watches) mark(e *extension, anew bool) {
	w.stale[e] = w.stale[e] || anew
	if !w.working {
		w.working = true
		go w.work()
	}
}

// work looks at what is marked until nothing is.
func (w *Watches) work() {
	for {
		w.mu.Lock()
		all := w.stale
		if len(all) == 0 {
			w.working = false
			w.mu.Unlock()
			return
		}
		w.stale = map[*extension]bool{}
		w.mu.Unlock()
		for e, anew := range all {
			w.weigh(e, anew)
		}
	}
}

// weigh finds the state of an extension and tells whoever watches it if it is another.
func (w *Watches) weigh(e *extension, anew bool) {
	w.weighing.Lock()
	defer w.weighing.Unlock()
	hint, there := e.hint, true
	if anew {
		hint, there = w.find(e.context, e.exten)
	}
	w.mu.Lock()
	if w.watched[e.place] != e { // nobody watches any more
		w.mu.Unlock()
		return
	}
	if !there {
		w.remove(e)
	} else if anew {
		w.unindex(e)
		e.hint = hint
		w.index(e)
	}
	w.mu.Unlock()
	r := Report{State: channel.DeviceUnavailable, Gone: true}
	if there {
		r = Report{State: hint.State(w.state)}
	}
	w.mu.Lock()
	if there && r.State == e.state {
		w.mu.Unlock()
		return
	}
	e.state = r.State
	tell := make([]*watcher, 0, len(e.watchers))
	for one := range e.watchers {
		tell = append(tell, one)
	}
	w.mu.Unlock()
	for _, one := range tell {
		one.tell(r)
	}
}
