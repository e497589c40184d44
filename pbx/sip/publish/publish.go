// Package publish takes what telephones publish of themselves (PUBLISH, RFC 3903): that
// their users are busy, away, on the telephone elsewhere. Only event package presence is
// taken, and only from an endpoint about itself. What was published last counts, until
// it expires or is withdrawn.
package publish

import (
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/presence"
	"branchline/pbx/settings"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/wire"
)

// How long publications last: what is granted to those who do not say, and at most; who
// wants less than the least, but not none, is told so (RFC 3903 6, step 4).
const (
	usualTerm = time.Hour
	longTerm  = time.Hour
	leastTerm = time.Minute
)

// Bounds: publications of one endpoint, which may be several telephones, and of all.
const (
	maxEach = 16
	maxAll  = 4096
)

// statusConditionFailed is RFC 3903 11.2.1's 412.
const statusConditionFailed = 412

// Options are what a Book needs.
type Options struct {
	Door  *door.Door
	Token func() string
	// Changed is called when the state of a device ("PJSIP/1001") may be another. It
	// must not block; nil: nobody cares.
	Changed func(device string)
	Log     *slog.Logger
}

// A Book keeps what was published.
type Book struct {
	o Options

	mu   sync.Mutex
	of   map[string][]*publication // by device, what was said last at the end
	held int
}

// A publication is one telephone's, as long as it lasts.
type publication struct {
	tag   string // its entity-tag
	says  document
	until time.Time
	end   *time.Timer
}

// New makes a book in which nothing is written.
func New(o Options) *Book { return &Book{o: o, of: map[string][]*publication{}} }

// device is what hints and functions call an endpoint, and names what it may call
// itself in a request.
func device(ep *settings.Endpoint) (id string, names []string) {
	if ep.Legacy {
		return ep.ID, []string{strings.TrimPrefix(ep.ID, "SIP/")}
	}
	return "PJSIP/" + ep.ID, append([]string{ep.ID}, ep.AORs...)
}

// Receive answers a PUBLISH of an endpoint that has proved who it is, in the order of
// RFC 3903 6.
func (b *Book) Receive(in *wire.Inbound, ep *settings.Endpoint) {
	req := in.Request
	id, names := device(ep)
	event, _, _ := strings.Cut(header.First(req, "event"), ";")
	user, _, _ := strings.Cut(door.Unescape(req.Recipient.User), ";")
	term, ok := termOf(req)
	tags := req.GetHeaders("sip-if-match")
	switch {
	case !strings.EqualFold(strings.TrimSpace(event), "presence"):
		b.o.Door.Respond(in, door.StatusBadEvent, sip.NewHeader("Allow-Events", "presence"))
	case !slices.Contains(names, user):
		b.o.Door.Respond(in, sip.StatusForbidden)
	case !ok || len(tags) > 1 || len(tags) == 0 && len(req.Body()) == 0:
		b.o.Door.Respond(in, sip.StatusBadRequest)
	case term > 0 && term < leastTerm:
		b.o.Door.Respond(in, sip.StatusIntervalToBrief, sip.NewHeader("Min-Expires", seconds(leastTerm)))
	default:
		tag := ""
		if len(tags) > 0 {
			tag = strings.TrimSpace(tags[0].Value())
		}
		b.take(in, id, tag, len(tags) > 0, min(term, longTerm))
	}
}

// take does what a request asks for that is in order so far.
func (b *Book) take(in *wire.Inbound, id, tag string, known bool, term time.Duration) {
	var says *document
	if body := in.Request.Body(); len(body) > 0 {
		kind, _, _ := strings.Cut(header.First(in.Request, "content-type"), ";")
		if coding := header.First(in.Request, "content-encoding"); !strings.EqualFold(strings.TrimSpace(kind), pidfType) ||
			coding != "" && !strings.EqualFold(coding, "identity") {
			b.o.Door.Respond(in, sip.StatusUnsupportedMediaType, sip.NewHeader("Accept", pidfType))
			return
		}
		d, err := read(body)
		if err != nil {
			b.o.Log.Info("a publication cannot be read", "device", id, "source", in.Source, "error", err)
			b.o.Door.Respond(in, sip.StatusBadRequest)
			return
		}
		says = &d
	}
	next, status := b.enter(id, tag, known, says, term)
	if status != sip.StatusOK {
		b.o.Door.Respond(in, status)
		return
	}
	b.o.Door.Respond(in, sip.StatusOK, sip.NewHeader("SIP-ETag", next), sip.NewHeader("Expires", seconds(term)))
	if says != nil || term == 0 {
		b.changed(id)
	}
}

// enter begins, renews, replaces or withdraws a publication, and gives its next
// entity-tag.
func (b *Book) enter(id, tag string, known bool, says *document, term time.Duration) (next string, status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &publication{}
	if i := slices.IndexFunc(b.of[id], func(p *publication) bool { return p.tag == tag && time.Now().Before(p.until) }); known {
		if i < 0 {
			return "", statusConditionFailed
		}
		p = b.of[id][i]
	} else if b.held >= maxAll || len(b.of[id]) >= maxEach {
		b.o.Log.Warn("a publication is refused: there are too many", "device", id)
		return "", sip.StatusServiceUnavailable
	}
	if p.end != nil {
		p.end.Stop()
	}
	next = b.o.Token()
	switch {
	case term == 0:
		b.strike(id, p)
		return next, sip.StatusOK
	case says != nil:
		b.strike(id, p)
		p.says = *says
		b.of[id] = append(b.of[id], p)
		b.held++
	}
	p.tag, p.until = next, time.Now().Add(term)
	p.end = time.AfterFunc(term, func() { b.expire(id, p, next) })
	return next, sip.StatusOK
}

// expire ends a publication that was not renewed since it had tag.
func (b *Book) expire(id string, p *publication, tag string) {
	b.mu.Lock()
	if p.tag != tag {
		b.mu.Unlock()
		return
	}
	b.strike(id, p)
	b.mu.Unlock()
	b.changed(id)
}

// strike takes a publication out. The caller holds mu.
func (b *Book) strike(id string, p *publication) {
	list := b.of[id]
	i := slices.Index(list, p)
	if i < 0 {
		return
	}
	b.held--
	if len(list) == 1 {
		delete(b.of, id)
		return
	}
	b.of[id] = slices.Delete(list, i, i+1)
}

func (b *Book) changed(id string) {
	if b.o.Changed != nil {
		b.o.Changed(id)
	}
}

// last is what was published last of a device.
func (b *Book) last(id string) (document, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.of[id]
	if len(list) == 0 {
		return document{}, false
	}
	return list[len(list)-1].says, true
}

// Presence is what a device ("PJSIP/1001") says of its user, presence.NotSet if
// nothing.
func (b *Book) Presence(id string) presence.State {
	d, ok := b.last(id)
	if !ok {
		return presence.NotSet
	}
	return d.presence()
}

// Idle is the state of a device that has no calls and can be reached, as its user
// wants it to be seen.
func (b *Book) Idle(id string) channel.DeviceState {
	d, ok := b.last(id)
	if !ok {
		return channel.DeviceNotInUse
	}
	return d.device()
}

// termOf is how long a publication is to last; false if that cannot be read.
func termOf(req *sip.Request) (time.Duration, bool) {
	text := strings.TrimSpace(header.First(req, "expires"))
	if text == "" {
		return usualTerm, true
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
