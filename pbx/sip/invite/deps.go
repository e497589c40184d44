package invite

import (
	"log/slog"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/media/plane"
	tones "branchline/media/tone"
	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/link"
)

// Dialogs is the agent's table by which in-dialog requests find their session.
// Its methods may be called from any goroutine and do not block.
type Dialogs interface {
	Add(id dialog.ID, s *Session)
	Remove(id dialog.ID, s *Session)
	// Find is the session of a dialog, or nil.
	Find(id dialog.ID) *Session
}

// Credentials answer a challenge: they put an Authorization or
// Proxy-Authorization on req for the 401 or 407 in res. An error means that
// nothing fits. pbx/sip/digest has the real ones.
type Credentials interface {
	Authorize(req *sip.Request, res *sip.Response) error
}

// A Config is what every session is made from.
type Config struct {
	Name        string // channel name: PJSIP/1001-0000002a
	Endpoint    *settings.Endpoint
	UserAgent   string // Server and User-Agent header
	FromUser    string // global default_from_user, "" is "asterisk"
	MaxForwards int    // of in-dialog requests, 0: 70
	Local       link.Local
	// Find looks for the address of an outbound call when it is dialled. It
	// returns at once and calls done once, from any goroutine, with how the
	// exchange appears there (Local.MediaBind does not count any more), or with
	// why there is none, a *channel.Refusal. nil: Local is right.
	Find        func(done func(link.Local, error))
	Network     link.Network
	Plane       plane.Plane
	Dialogs     Dialogs
	Credentials Credentials // outbound_auth; nil: every challenge ends the leg
	// Locate gives the URI of an endpoint a party is to be sent to; nil: none is known.
	Locate func(endpoint string) (uri string, ok bool)
	// CallerContact puts the caller's number into the Contact of outbound calls
	// (global use_callerid_contact).
	CallerContact bool
	// FeatureCode is what is dialled for a feature of features.conf, "" if nothing
	// is; nil: there are no features.
	FeatureCode func(feature string) string
	// Tones gives the book whose zones the endpoint's tone_zone names; nil: the
	// built-in one.
	Tones func() *tones.Book
	// LateRinging lets a 180 follow a 183 (global allow_sending_180_after_183).
	LateRinging bool
	T1          time.Duration // system timer_t1, 0: 500 ms
	Log         *slog.Logger
	// Ended is called once, when the session's last transaction is over and its
	// dialogs are removed; nil if nobody cares.
	Ended func(*Session)
}

// A Call is what an outbound session shall say in its INVITE.
type Call struct {
	Target      sip.Uri   // Request-URI: the contact
	Routes      []sip.Uri // outbound_proxy, then the contact's Path
	AOR         string    // of the contact, for CHANNEL(aor)
	Contact     string    // URI as registered, for CHANNEL(contact)
	Caller      channel.Party
	Redirecting channel.Party
	Codecs      []*media.Codec // the caller's, best first; the common ones are offered first
	Headers     []channel.Header
	MaxForwards int // 0: 70
	Privacy     bool
}
