package channel

import (
	"sync"
	"time"
)

// EventKind says what a leg reports, or what somebody asks of a channel.
type EventKind uint8

const (
	Ringing      EventKind = iota + 1 // far side rings (180, 181, 182)
	Progressed                        // early media can be heard (183 with SDP)
	Answered                          // far side answered
	Gone                              // the leg has ended, Cause says why; the last event
	DigitBegan                        // a DTMF digit started
	DigitEnded                        // and ended, Length is known
	PlayDone                          // the programme ID is over
	Held                              // party put us on hold
	Unheld                            // and came back
	Diverted                          // outbound, unanswered: far side forwards the call itself (181), Party to Target
	Forwarded                         // outbound, unanswered: far side asks to try Target instead (3xx); Gone follows
	Transfer                          // party asks that its peer be sent to Target (REFER)
	MediaLost                         // no RTP for the configured time
	Identity                          // the party's identity changed (PAI, RPID)
	Pictured                          // the party's video has changed; Asked: by its own wish
	PictureAsked                      // the party wants a whole picture of the video
	Texted                            // party sent Text
	HangupAsked                       // somebody wants this channel ended (console, AbsoluteTimeout)
	Redirect                          // somebody wants the channel at Target, as "context,exten,priority"
	Ask                               // run Ask on the owner's goroutine
	Transferred                       // a Redirect of the answered party has come to its end, Status says how
	Replaced                          // the channel has another party now: see Swap
	Nudge                             // what an application waits for outside of the call has happened
)

// An Event is one item in a Mailbox. Only the fields its kind names are set.
type Event struct {
	Kind   EventKind
	Leg    Leg // whose event it is
	Cause  Cause
	Status int    // technology's own code, e.g. the SIP status; 0: none
	Reason string // and its words
	Digit  byte
	Length time.Duration
	// Signalled says that the digit came in signalling (SIP INFO): the media
	// plane has not passed it on to the peer, so that the bridge must.
	Signalled bool
	ID        uint64
	Whole     bool     // PlayDone: played to its end
	Replaces  string   // Transfer: name of the transferring party's other channel, whose peer is the target
	Target    string   // Forwarded, Transfer, Redirect
	Pictures  Pictures // Pictured: what the party wants
	Asked     bool
	Party     Party
	Text      *Text
	Ask       func(*Channel)
	// Referrer is who asks for a Transfer, as a SIP name-addr; the transferred
	// channel's variable SIPREFERREDBYHDR carries it to the next INVITE.
	Referrer string
	Replies  chan<- int // Transfer: progress of the target as SIP status codes, closed at the end; may be nil
}

// A Mailbox is an unbounded queue of events with one reader. Put never blocks,
// so that network and media threads can use it.
type Mailbox struct {
	mu    sync.Mutex
	queue []Event
	ready chan struct{}
}

// NewMailbox makes an empty mailbox.
func NewMailbox() *Mailbox { return &Mailbox{ready: make(chan struct{}, 1)} }

// Put appends an event and wakes the reader.
func (m *Mailbox) Put(e Event) {
	m.mu.Lock()
	m.queue = append(m.queue, e)
	m.mu.Unlock()
	m.wake()
}

func (m *Mailbox) wake() {
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

// Ready receives a value when events may be waiting. A wake-up can find the
// mailbox empty.
func (m *Mailbox) Ready() <-chan struct{} { return m.ready }

// Next takes the oldest event, and reports false if there is none.
func (m *Mailbox) Next() (Event, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 {
		return Event{}, false
	}
	e := m.queue[0]
	m.queue[0] = Event{}
	m.queue = m.queue[1:]
	if len(m.queue) == 0 {
		m.queue = nil
	} else {
		m.wake() // a reader that takes one event and goes back to Ready sees the rest
	}
	return e, true
}

// Move hands the undelivered events of leg over to another mailbox, in order.
// The leg must already be bound to it.
func (m *Mailbox) Move(leg Leg, to *Mailbox) {
	m.mu.Lock()
	var moved []Event
	kept := m.queue[:0]
	for _, e := range m.queue {
		if e.Leg == leg {
			moved = append(moved, e)
		} else {
			kept = append(kept, e)
		}
	}
	clear(m.queue[len(kept):])
	m.queue = kept
	m.mu.Unlock()
	if len(moved) == 0 {
		return
	}
	to.mu.Lock()
	to.queue = append(moved, to.queue...) // older than whatever came since Bind
	to.mu.Unlock()
	to.wake()
}
