package subscribe

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/extstate"
	"branchline/pbx/mailbox"
	"branchline/pbx/settings"
	"branchline/pbx/sip/compose"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/document"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/way"
	"branchline/pbx/sip/wire"
)

// A subscription is one phone's wish to be told of one thing. It belongs to the steps
// of its book.
type subscription struct {
	book    *Book
	serial  uint64
	ep      *settings.Endpoint
	dialog  *dialog.Dialog
	voice   compose.Voice
	network link.Network
	hops    int
	peer    netip.AddrPort
	wire    string // the transport it came by

	event, eventID string // presence, id=7
	body           string // its type
	context, exten string
	mailboxes      []string
	account        string   // where messages are heard, a URI or ""
	stops          []func() // end the watching
	lasts          time.Duration
	until          time.Time
	timer          *time.Timer
	credentials    *way.Credentials

	state   channel.DeviceState
	count   mailbox.Count
	version uint32
	said    []byte // the body of the last NOTIFY, as it would be with version 0

	under    bool   // a NOTIFY is under way
	wanted   bool   // and another is to follow
	over     string // why it has ended, "": it has not
	answered bool   // the last NOTIFY was sent again with credentials
}

// left is how long the subscription still lasts.
func (s *subscription) left() time.Duration { return max(0, time.Until(s.until)) }

// lease starts the time that the subscription lasts.
func (s *subscription) lease() {
	s.until = time.Now().Add(s.lasts)
	s.expire()
}

// expire sets the alarm for the end.
func (s *subscription) expire() {
	if s.timer != nil {
		s.timer.Stop()
	}
	mine := s.until
	s.timer = time.AfterFunc(s.left(), func() {
		s.book.put(func() {
			if s.until.Equal(mine) {
				s.end("timeout")
			}
		})
	})
}

// grant answers a SUBSCRIBE with 200.
func (s *subscription) grant(in *wire.Inbound) {
	res := s.voice.Respond(in.Request, sip.StatusOK, s.dialog.Local.Tag)
	res.AppendHeader(sip.NewHeader("Expires", seconds(s.lasts)))
	s.voice.Describe(res, s.dialog.Contact)
	res.SetBody(nil)
	if err := in.Respond(res); err != nil {
		s.book.o.Log.Debug("respond", "status", res.StatusCode, "source", in.Source, "error", err)
	}
}

func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second/2) / time.Second)) }

// within is a request in the subscription's dialog.
func (s *subscription) within(in *wire.Inbound) {
	b, req := s.book, in.Request
	switch {
	case b.closed: // it may come again after the restart
		b.respond(in, sip.StatusServiceUnavailable)
		return
	case s.dialog.OrderOf(req) == dialog.Stale:
		b.respond(in, sip.StatusInternalServerError)
		return
	case req.Method != sip.SUBSCRIBE:
		s.dialog.Heard(req)
		b.respond(in, sip.StatusMethodNotAllowed, sip.NewHeader("Allow", "SUBSCRIBE"))
		return
	case s.over != "":
		b.respond(in, sip.StatusCallTransactionDoesNotExists)
		return
	}
	s.dialog.Heard(req)
	if event, id := eventOf(req); event != s.event || id != s.eventID {
		b.respond(in, door.StatusBadEvent)
		return
	}
	if !s.permitted() {
		b.respond(in, sip.StatusForbidden)
		s.end("rejected")
		return
	}
	lasts, ok := b.term(in, s.ep, s.lasts)
	if !ok {
		return
	}
	if c := req.Contact(); c != nil && len(c.Value()) <= mostKept && s.dialog.Refresh(c) {
		s.rewrite(in)
	}
	s.lasts = lasts
	s.grant(in)
	if lasts == 0 {
		s.end("timeout")
		return
	}
	s.lease()
	s.notify()
}

// permitted takes the endpoint as it is configured now; false if it is there no more,
// or may not subscribe any more.
func (s *subscription) permitted() bool {
	ep := s.now(s.book.o.Rack.Load())
	if ep == nil || !ep.AllowSubscribe || ep.ID != s.ep.ID {
		return false
	}
	s.ep, s.voice.Endpoint = ep, ep
	return true
}

// changed is what the extension's watch tells.
func (s *subscription) changed(r extstate.Report) {
	if s.over != "" {
		return
	}
	s.state = r.State
	if r.Gone {
		s.end("noresource")
		return
	}
	s.tell()
}

// counted is a change of a mailbox.
func (s *subscription) counted() {
	if s.over != "" {
		return
	}
	s.count, _ = s.book.o.Mailboxes.Sum(s.mailboxes)
	s.tell()
}

// tell notifies, once the NOTIFY under way has been answered, unless the phone would
// then read what it has read before.
func (s *subscription) tell() {
	if !s.under && !bytes.Equal(s.said, s.text(0)) {
		s.notify()
	}
}

// end ends the subscription with a last NOTIFY.
func (s *subscription) end(reason string) {
	if s.over != "" {
		return
	}
	s.over = reason
	s.part()
	s.notify()
}

// part forgets the subscription; a NOTIFY may still be under way.
func (s *subscription) part() {
	if s.over == "" {
		s.over = "noresource"
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	for _, stop := range s.stops {
		stop()
	}
	s.stops = nil
	s.book.strike(s)
	if store := s.book.o.Store; store != nil {
		store.DelSoon(family, s.dialog.Local.Tag, soon)
	}
}

// text is what there is to tell now.
func (s *subscription) text(version uint32) []byte {
	if s.event == "message-summary" {
		return []byte(s.count.Summary(s.account))
	}
	v := document.View{
		Exten: s.exten, Entity: s.dialog.Local.URI.String(), Watcher: s.dialog.Remote.URI.String(), State: s.shown(),
		Early: s.ep.EarlyInUseRinging, Version: version, Token: s.dialog.Local.Tag,
	}
	return v.Body(s.body)
}

// shown is the state as the endpoint wants to see it.
func (s *subscription) shown() channel.DeviceState {
	switch {
	case s.ep.HideRinging && s.state == channel.DeviceRinging:
		return channel.DeviceNotInUse
	case s.ep.HideRinging && s.state == channel.DeviceRingInUse:
		return channel.DeviceInUse
	}
	return s.state
}

// notify sends the present state, or notes that it is to be sent when the NOTIFY under
// way has been answered: phones take one after the other.
func (s *subscription) notify() {
	if s.under {
		s.wanted = true
		return
	}
	s.wanted, s.answered = false, false
	s.said = s.text(0)
	s.send(s.text(s.version), nil)
	s.version++
}

// send sends one NOTIFY; challenge is the response that asked for credentials.
func (s *subscription) send(body []byte, challenge *sip.Response) {
	req := s.dialog.Request(sip.NOTIFY)
	event := s.event
	if s.eventID != "" {
		event += ";" + s.eventID
	}
	req.AppendHeader(sip.NewHeader("Event", event))
	state := "active;expires=" + strconv.Itoa(int(s.left()/time.Second))
	if s.over != "" {
		state = "terminated;reason=" + s.over
	}
	req.AppendHeader(sip.NewHeader("Subscription-State", state))
	req.AppendHeader(sip.NewHeader("Allow-Events", document.AllowEvents))
	s.voice.Finish(req, s.hops, s.body, body)
	if challenge != nil {
		if err := s.credentials.Authorize(req, challenge); err != nil {
			s.lost()
			return
		}
	}
	s.under = true
	s.network.Request(req, func(r link.Reply) {
		if r.Err != nil || r.Response.StatusCode >= 200 {
			s.book.put(func() { s.reply(body, r) })
		}
	})
}

// dead are the answers that tell that a phone does not know the subscription (RFC 6665
// 4.2.2).
var dead = []int{404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604}

// reply is what became of a NOTIFY.
func (s *subscription) reply(body []byte, r link.Reply) {
	s.under = false
	switch {
	case errors.Is(r.Err, link.ErrClosed): // our own doing
	case r.Err != nil, r.Response != nil && slices.Contains(dead, r.Response.StatusCode):
		s.lost()
		return
	case r.Response.StatusCode == 401 || r.Response.StatusCode == 407:
		if s.credentials == nil || s.answered {
			s.lost()
			return
		}
		s.answered = true
		s.send(body, r.Response)
		return
	}
	switch {
	case s.wanted:
		s.notify()
	case s.over == "":
		s.tell()
	}
}

// lost ends a subscription that its phone does not know any more.
func (s *subscription) lost() {
	s.wanted = false
	if s.over == "" {
		s.part()
	}
}
