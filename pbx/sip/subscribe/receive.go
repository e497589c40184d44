package subscribe

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/extstate"
	"branchline/pbx/settings"
	"branchline/pbx/sip/compose"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/document"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/party"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
	"branchline/pbx/sip/wire"
)

// Receive takes a SUBSCRIBE outside any dialog, whose sender has proven who he is.
func (b *Book) Receive(w *transports.World, in *wire.Inbound, ep *settings.Endpoint) {
	b.put(func() { b.receive(w, in, ep) })
}

// usual is how long a subscription lasts if the phone does not say, and the longest
// there is.
const usual = time.Hour

// receive checks in Asterisk's order.
func (b *Book) receive(w *transports.World, in *wire.Inbound, ep *settings.Endpoint) {
	req := in.Request
	if !ep.AllowSubscribe {
		status := sip.StatusGlobalDecline
		if ep.Legacy {
			status = sip.StatusForbidden
		}
		b.respond(in, status)
		return
	}
	exten, ok := door.Exten(w, &req.Recipient)
	if !ok {
		b.respond(in, sip.StatusRequestedRangeNotSatisfiable)
		return
	}
	without := usual
	if ep.Legacy {
		without = w.Settings.SIP.DefaultExpiry
	}
	lasts, ok := b.term(in, ep, without)
	if !ok {
		return
	}
	if lasts == 0 && !ep.Legacy {
		b.respond(in, sip.StatusBadRequest)
		return
	}
	event, id := eventOf(req)
	body, fits := "", false
	if document.Known(event) {
		body, fits = document.Choose(event, req)
	}
	if !fits {
		b.respond(in, door.StatusBadEvent)
		return
	}
	s := &subscription{
		book: b, ep: ep, event: event, eventID: id, body: body, exten: exten, context: contextOf(ep), lasts: lasts,
		peer: in.Source,
	}
	if status := b.admit(s, w, in); status != 0 {
		b.respond(in, status)
		return
	}
	if s.told(w) {
		b.respond(in, sip.StatusInternalServerError)
		return
	}
	if !s.watch(w) {
		b.o.Log.Info(fmt.Sprintf("subscription to %s %s refused: there is nothing to watch", event, exten),
			"endpoint", ep.ID, "context", s.context, "source", in.Source)
		b.respond(in, sip.StatusNotFound)
		return
	}
	b.serial++
	s.serial = b.serial
	b.enter(s)
	s.grant(in)
	if lasts == 0 {
		s.end("timeout")
		return
	}
	s.lease()
	s.notify()
	s.keep()
}

// term is how long a SUBSCRIBE asks for, or without if it does not say; false if it
// has been refused.
func (b *Book) term(in *wire.Inbound, ep *settings.Endpoint, without time.Duration) (time.Duration, bool) {
	text := strings.TrimSpace(header.First(in.Request, "Expires"))
	longest := usual
	if ep.SubMaxExpiry > 0 {
		longest = ep.SubMaxExpiry
	}
	if text == "" {
		return min(without, longest), true
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		b.respond(in, sip.StatusBadRequest)
		return 0, false
	}
	lasts := min(time.Duration(n)*time.Second, longest)
	if lasts > 0 && lasts < ep.SubMinExpiry {
		b.respond(in, sip.StatusIntervalToBrief, sip.NewHeader("Min-Expires", strconv.Itoa(int(ep.SubMinExpiry/time.Second))))
		return 0, false
	}
	return lasts, true
}

// eventOf reads the Event header: the package, and the parameters by which a phone
// tells its subscriptions apart.
func eventOf(req *sip.Request) (event, params string) {
	text := header.First(req, "Event")
	if text == "" {
		text = header.First(req, "o")
	}
	event, params, _ = strings.Cut(text, ";")
	return strings.TrimSpace(event), strings.TrimSpace(params)
}

func contextOf(ep *settings.Endpoint) string {
	if ep.SubscribeContext != "" {
		return ep.SubscribeContext
	}
	return ep.Context
}

// kept are the headers that stay in memory with a subscription.
var kept = [...]string{"From", "To", "Call-ID", "Contact", "Record-Route", "Event", "o"}

// admit makes the dialog and the way back; a status if there can be none.
func (b *Book) admit(s *subscription, w *transports.World, in *wire.Inbound) int {
	req := in.Request
	size := len(s.exten)
	for _, name := range kept {
		for _, h := range req.GetHeaders(name) {
			size += len(h.Value())
		}
	}
	switch {
	case size > mostKept:
		return sip.StatusMessageTooLarge
	case b.closed, b.count() >= mostOfAll, b.of[s.ep.ID] >= mostOfEndpoint:
		b.o.Log.Warn("subscription refused: there are too many", "endpoint", s.ep.ID, "subscriptions", b.count())
		return sip.StatusServiceUnavailable
	}
	if c := req.Contact(); c != nil && c.Address.Scheme != "sip" && c.Address.Scheme != "sips" && c.Address.Scheme != "" {
		return sip.StatusRequestedRangeNotSatisfiable
	}
	s.equip(w, in.Wire, in.Local, req.Recipient.User)
	tag, _ := req.To().Params.Get("tag")
	d, err := dialog.Accepted(req, tag, s.voice.Contact(""))
	if err != nil {
		return sip.StatusBadRequest
	}
	s.dialog = d
	s.rewrite(in)
	return 0
}

// equip gives a subscription its way to the phone: x is the transport that it came by,
// local the address of ours that the phone used, if known, called the user part of the
// URI it asked for.
func (s *subscription) equip(w *transports.World, x *wire.Wire, local netip.Addr, called string) {
	b := s.book
	s.wire = x.Name()
	s.voice = compose.Voice{
		Endpoint: s.ep, Local: way.Appearance(w, s.ep, x, s.peer.Addr(), local), UserAgent: b.o.Rack.UserAgent(),
		Inbound: true, Called: called,
	}
	if s.dialog != nil {
		s.dialog.Contact = s.voice.Contact("")
	}
	road := way.RoadTo(w, s.ep, x.Name())
	if pin := w.Wire(s.ep.Transport); pin != nil && pin.Network() != x.Network() {
		road.Pin = x.Name() // as for calls: he may have no port for the other
	}
	if s.ep.Legacy {
		road.Pin = x.Name()
		if s.ep.ForceRport || x.Reliable() {
			road.Held = s.peer
		}
		if ua := w.Settings.SIP.UserAgent; ua != "" {
			s.voice.UserAgent = ua
		}
	}
	s.network = b.o.Ways.Carrier(road)
	s.hops = max(w.Settings.Global.MaxForwards, 1)
	if auths, _ := w.Settings.UACAuths(s.ep); len(auths) > 0 {
		s.credentials = &way.Credentials{Auths: auths}
	}
}

// rewrite takes the real source of a request for the address that NOTIFYs go to
// (rewrite_contact).
func (s *subscription) rewrite(in *wire.Inbound) {
	if !s.ep.RewriteContact {
		return
	}
	at := &s.dialog.Target
	if len(s.dialog.Routes) > 0 {
		at = &s.dialog.Routes[0]
	}
	at.Host, at.Port = in.Source.Addr().WithZone("").String(), int(in.Source.Port())
}

// told reports whether the phone asks for what it is told anyway, without being asked.
func (s *subscription) told(w *transports.World) bool {
	if s.event != "message-summary" || s.ep.Legacy || s.ep.MWISubscribeReplaces {
		return false
	}
	return slices.ContainsFunc(mailboxesOf(w, s.ep, s.exten), func(m string) bool { return slices.Contains(s.ep.Mailboxes, m) })
}

// watch begins to watch what the subscription is about; false if there is nothing.
func (s *subscription) watch(w *transports.World) bool {
	b := s.book
	if s.event == "message-summary" {
		s.mailboxes = mailboxesOf(w, s.ep, s.exten)
		if len(s.mailboxes) == 0 {
			return false
		}
		s.account = s.voicemail(w)
		if b.o.Mailboxes == nil {
			return true
		}
		for _, m := range s.mailboxes {
			stop := b.o.Mailboxes.Watch(m, func() { b.put(s.counted) })
			s.stops = append(s.stops, stop)
		}
		s.count, _ = b.o.Mailboxes.Sum(s.mailboxes)
		return true
	}
	if b.o.Extensions == nil {
		return false
	}
	now, stop, ok := b.o.Extensions.Watch(s.context, s.exten, func(r extstate.Report) { b.put(func() { s.changed(r) }) })
	if !ok {
		return false
	}
	s.state, s.stops = now, append(s.stops, stop)
	return true
}

// voicemail is the URI where the messages are heard, "" if none is configured.
func (s *subscription) voicemail(w *transports.World) string {
	at := sip.Uri{Scheme: "sip", Host: s.voice.Local.Host, Port: s.voice.Local.Port}
	exten := ""
	if dev := w.Device(s.ep.ID); dev != nil {
		exten = dev.VMExten
		if at.Port == sip.DefaultUdpPort {
			at.Port = 0
		}
	} else {
		aors := s.ep.AORs
		if s.exten != "" {
			aors = []string{s.exten}
		}
		for _, id := range aors { // the endpoint's own is for what is told unasked
			if a := w.Settings.AORs[id]; a != nil {
				exten = cmp.Or(exten, a.VoicemailExtension)
			}
		}
		exten = cmp.Or(exten, w.Settings.Global.VoicemailExtension)
	}
	if exten == "" {
		return ""
	}
	at.User = party.EscapeUser(exten)
	return at.String()
}

// mailboxesOf are those a phone asks for: of an address of record by its name, or its
// own if it names none.
func mailboxesOf(w *transports.World, ep *settings.Endpoint, name string) (out []string) {
	add := func(more []string) {
		for _, m := range more {
			if m != "" && !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	if ep.Legacy { // chan_sip tells of the device's own, whatever is asked for
		add(ep.Mailboxes)
		return out
	}
	aors := []string{name}
	if name == "" {
		aors = ep.AORs
	}
	for _, id := range aors {
		if a := w.Settings.AORs[id]; a != nil {
			add(a.Mailboxes)
		}
	}
	return out
}

// An Entry is a subscription as the console shows it.
type Entry struct {
	Endpoint  string
	Legacy    bool          // of sip.conf
	Caller    channel.Party // as configured
	Exten     string        // or address of record
	Context   string
	Event     string
	Body      string // type of the bodies
	CallID    string
	Left      time.Duration
	Over      bool // only the last NOTIFY is not answered yet
	State     channel.DeviceState
	Mailboxes []string
	Peer      netip.Addr
}

// List is the subscriptions there are, oldest first.
func (b *Book) List() []Entry {
	done := make(chan []Entry, 1)
	b.put(func() {
		all := b.all()
		slices.SortFunc(all, func(x, y *subscription) int { return int(int64(x.serial) - int64(y.serial)) })
		out := make([]Entry, 0, len(all))
		for _, s := range all {
			out = append(out, Entry{
				Endpoint: s.ep.ID, Legacy: s.ep.Legacy, Caller: s.ep.CallerID, Exten: s.exten, Context: s.context, Event: s.event,
				Body: s.body, CallID: s.dialog.CallID, Left: s.left(), Over: s.over != "", State: s.state, Mailboxes: s.mailboxes,
				Peer: s.peer.Addr(),
			})
		}
		done <- out
	})
	return <-done
}
