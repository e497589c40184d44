package callerid

import (
	"branchline/media/callerid/fsk"
	"branchline/media/callerid/onhook"
)

// Hearing is what a receiver listens for, as a set.
type Hearing uint8

const (
	HearFSK   Hearing = 1 << iota // Bell 202 and V.23, NTT's frames too
	HearDTMF                      // all forms
	HearAlert                     // the alerting tone
	HearAll   = HearFSK | HearDTMF | HearAlert
)

// EventKind says what a receiver has noticed.
type EventKind uint8

const (
	Nothing  EventKind = iota
	Alerted            // the alerting tone has ended: a telephone in a call acknowledges it within 100 ms
	Begun              // a message begins; Complete or Damaged follows within 3 s
	Complete           // Message is there
	Damaged            // what began ended without a message that may be shown
)

func (k EventKind) String() string {
	return [...]string{"nothing", "alerted", "begun", "complete", "damaged"}[k]
}

// An Event is something that a receiver has noticed.
type Event struct {
	Kind    EventKind
	At      int64 // samples heard since the receiver was made or reset
	Message Message
}

// patience is how long a message may take, in samples: the longest frame lasts 2.2 s
// and 0.4 s go before it.
const patience = 3 * Rate

// A Receiver listens for messages in all forms at once. It takes what comes at
// -10 to -45 dBm0 with 6 dB of twist, 15 dB above noise, at 1200 Bd ±1.5 %. It does
// not allocate but for the strings of a Message.
type Receiver struct {
	want    Hearing
	n       int64 // samples heard
	modem   *fsk.Demodulator
	frame   frame
	keys    *onhook.Keys
	alert   *onhook.Alert
	begun   Hearing // who has begun a message
	begunAt int64
	queue   [4]Event
	queued  int
}

// NewReceiver makes a receiver.
func NewReceiver(want Hearing) *Receiver {
	return &Receiver{want: want, modem: fsk.NewDemodulator(), keys: onhook.NewKeys(), alert: onhook.NewAlert()}
}

// Reset forgets all that was heard.
func (r *Receiver) Reset() {
	r.n, r.begun, r.queued = 0, 0, 0
	r.modem.Reset()
	r.frame.reset()
	r.keys.Reset()
	r.alert.Reset()
}

// Hear takes speech, 20 ms at a time or otherwise up to 100 ms, and returns what was
// noticed in it. There is one event at most: a second one comes with the next speech.
func (r *Receiver) Hear(speech []int16) (e Event) {
	if r.want&HearFSK != 0 {
		r.hearModem(speech)
	}
	if r.want&HearDTMF != 0 {
		r.hearKeys(speech)
	}
	r.n += int64(len(speech))
	if r.want&HearAlert != 0 && r.alert.Hear(speech) {
		r.put(Event{Kind: Alerted})
	}
	if r.begun != 0 && r.n-r.begunAt > patience {
		r.fail(HearAll)
	}
	if r.queued > 0 {
		e = r.queue[0]
		r.queue[0].Message = Message{}
		copy(r.queue[:], r.queue[1:r.queued])
		r.queued--
	}
	return e
}

func (r *Receiver) hearModem(speech []int16) {
	for _, v := range speech {
		s := r.modem.Feed(v)
		if s.Kind == fsk.None {
			continue
		}
		switch r.frame.take(s) {
		case frameBegun:
			r.begin(HearFSK)
		case frameLost:
			r.modem.Done()
			r.fail(HearFSK)
		case frameWhole:
			r.modem.Done()
			m, ok := r.frame.message()
			if !ok {
				r.fail(HearFSK)
				continue
			}
			if m.Signal != V23JP && !r.modem.Bell() {
				m.Signal = V23
			}
			r.complete(m)
		}
	}
}

func (r *Receiver) hearKeys(speech []int16) {
	for len(speech) > 0 {
		n := min(len(speech), 160)
		switch r.keys.Hear(speech[:n]) {
		case onhook.Begun:
			r.begin(HearDTMF)
		case onhook.Broken:
			r.fail(HearDTMF)
		case onhook.Whole:
			if m, ok := parseKeys(r.keys.Row()); ok {
				r.complete(m)
			} else {
				r.fail(HearDTMF)
			}
		}
		speech = speech[n:]
	}
}

func (r *Receiver) begin(by Hearing) {
	if r.begun == 0 {
		r.begunAt = r.n
		r.put(Event{Kind: Begun})
	}
	r.begun |= by
}

func (r *Receiver) fail(by Hearing) {
	was := r.begun
	if r.begun &^= by; was != 0 && r.begun == 0 {
		r.put(Event{Kind: Damaged})
	}
}

func (r *Receiver) complete(m Message) {
	if r.begun == 0 {
		r.put(Event{Kind: Begun})
	}
	r.begun = 0
	r.put(Event{Kind: Complete, Message: m})
}

// put queues an event. The queue cannot fill in ordinary use; if it does the newest
// that is no message gives way.
func (r *Receiver) put(e Event) {
	e.At = r.n
	if r.queued == len(r.queue) {
		if e.Kind != Complete {
			return
		}
		r.queued--
	}
	r.queue[r.queued] = e
	r.queued++
}
