// Package settings is what is configured as one immutable Snapshot of endpoints,
// addresses of record, credentials and transports, and what their values mean; packages
// pjsipconf and sipconf read it from pjsip.conf and sip.conf. It reads rtp.conf and
// asterisk.conf itself.
package settings

import (
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"branchline/media"
	"branchline/pbx/astconf"
	"branchline/pbx/channel"
	"branchline/pbx/settings/option"
)

// A Snapshot is one accepted configuration. It is never changed after it was
// made; a reload makes another. Maps are keyed by the section name.
type Snapshot struct {
	Global     Global
	System     System
	Transports []*Transport // in file order
	Endpoints  map[string]*Endpoint
	AORs       map[string]*AOR
	Auths      map[string]*Auth
	Identifies []*Identify // in file order
	ACLs       []*ACL
	Aliases    map[string]string // domain_alias: alias -> domain
	// Registrations are the [x] type=registration sections, in file order.
	Registrations []*Registration
	RTP           RTP
	// SIP is what sip.conf says; nil if it says nothing. See Join.
	SIP *SIP
}

// An Object is what all configuration objects share.
type Object struct {
	ID  string
	Pos astconf.Pos

	sec      *astconf.Section // where it was read from; nil for defaults
	set      []option.Shown   // what the file says, sorted by name
	defaults []option.Shown   // of the object's type, sorted by name; shared, never written
}

// NewObject is what a section says: set and defaults, of the object's type, are in the
// order of option.ByName and belong to the object from now on. A nil section is none: the
// object is made of defaults.
func NewObject(sec *astconf.Section, set, defaults []option.Shown) Object {
	o := Object{sec: sec, set: set, defaults: defaults}
	if sec != nil {
		o.ID, o.Pos = sec.Name, sec.Pos
	}
	return o
}

// At is the place where the file sets an option, named as in the file; the
// place of the object if it does not.
func (o *Object) At(option string) astconf.Pos {
	if o.sec != nil {
		if e, ok := o.sec.Last(option); ok {
			return e.Pos
		}
	}
	return o.Pos
}

// Section is what the object was read from; nil if it is made of defaults.
func (o *Object) Section() *astconf.Section { return o.sec }

type Global struct {
	Object
	UserAgent                 string
	DefaultRealm              string // "asterisk"
	DefaultFromUser           string // "asterisk"
	EndpointIdentifierOrder   []string
	MaxForwards               int
	KeepAliveInterval         time.Duration
	ContactExpirationInterval time.Duration
	MaxInitialQualify         time.Duration
	DisableMultiDomain        bool
	IgnoreURIUserOptions      bool
	CallerContact             bool   // use_callerid_contact
	LateRinging               bool   // allow_sending_180_after_183
	VoicemailExtension        string // default_voicemail_extension
	NoInitialMWI              bool   // mwi_disable_initial_unsolicited
	Debug                     string // "no", "yes" or a host
}

type System struct {
	Object
	TimerT1, TimerB  time.Duration // 500 ms, 32 s
	CompactHeaders   bool
	DisableTCPSwitch bool
	DisableRport     bool
}

type Transport struct {
	Object
	Protocol                      string // "udp", "tcp"
	Bind                          netip.AddrPort
	Device                        string // bind= names an interface: its IPv4 address counts, Bind has the port only
	LocalNets                     []netip.Prefix
	ExternalSignaling             string
	ExternalSignalingPort         int
	ExternalMedia                 string
	Domain                        string
	TOS, COS                      int // TOS is the whole octet, 0-255
	AllowReload                   bool
	Symmetric                     bool
	KeepAlive                     bool // SO_KEEPALIVE
	KeepAliveIdle, KeepAliveEvery time.Duration
	KeepAliveProbes               int
	Legacy                        bool // comes from sip.conf
}

type Endpoint struct {
	Object
	Context                                                                        string
	Transport                                                                      string // "" = chosen by address
	AORs                                                                           []string
	Auths                                                                          []string // inbound
	OutboundAuths                                                                  []string
	Codecs                                                                         []*media.Codec
	PacketTimes                                                                    map[*media.Codec]time.Duration // allow=ulaw:40
	DTMF                                                                           DTMFMode
	ForceRport, RewriteContact, RTPSymmetric, DirectMedia, DisableDirectMediaOnNAT bool
	CallerID                                                                       channel.Party
	CallerIDPrivacy                                                                channel.Presentation
	CallerIDTag                                                                    string
	FromUser, FromDomain, ContactUser                                              string
	TrustIDInbound, TrustIDOutbound, SendPAI, SendRPID, SendDiversion, UserEqPhone bool
	SendConnectedLine, TrustConnectedLine, RPIDImmediate, SendHistoryInfo          bool
	ConnectedLineMethod                                                            string // invite, update
	MessageContext                                                                 string // of MESSAGE requests, "": Context
	IdentifyBy                                                                     []string
	OutboundProxy                                                                  string
	Rel100                                                                         string // no, yes, peer_supported, required
	Timers                                                                         string // no, yes, required, always
	TimersMinSE, TimersExpires                                                     time.Duration
	RTPTimeout, RTPTimeoutHold, RTPKeepalive                                       time.Duration
	InbandProgress                                                                 bool
	UsePtime, UseAVPF                                                              bool
	IncomingOfferPref                                                              string // local, local_first, remote, remote_first
	SetVars                                                                        []channel.Header
	OneTouchRecording                                                              bool   // a phone's recording key works
	RecordOn, RecordOff                                                            string // features that it stands for
	Language, ToneZone, AccountCode, MOHSuggest                                    string
	CallGroup, PickupGroup                                                         uint64 // bit n: group n
	NamedCallGroups, NamedPickupGroups                                             []string
	MediaAddress                                                                   string
	BindRTPToMediaAddress                                                          bool
	RTPIPv6                                                                        bool
	AllowTransfer, AllowSubscribe, AllowOverlap                                    bool
	OverlapContext                                                                 string
	SubscribeContext                                                               string // where hints are looked up, "": Context
	SubMinExpiry                                                                   time.Duration
	MWISubscribeReplaces                                                           bool          // a phone may subscribe to mailboxes that it is told of anyway
	SubMaxExpiry                                                                   time.Duration // 0: an hour
	HideRinging                                                                    bool          // what rings is shown as if it did not
	EarlyInUseRinging                                                              bool          // what rings beside a call is shown as ringing
	RedirectMethod                                                                 string
	DeviceStateBusyAt                                                              int
	AllowUnauthenticatedOptions                                                    bool
	SDPOwner, SDPSession                                                           string
	SuppressQ850, Ignore183WithoutSDP, FollowEarlyMediaFork                        bool
	Mailboxes                                                                      []string // whose waiting messages it is told of
	AggregateMWI                                                                   bool     // of all mailboxes in one sum
	MWIFromUser, VoicemailExtension                                                string   // who tells it so, and where messages are heard
	IncomingMailbox                                                                string   // whose messages it tells us of
	ACL                                                                            []Rule
	ContactACL                                                                     []Rule
	TOSAudio                                                                       int
	PreferredCodecOnly                                                             bool
	MaxAudioStreams, MaxVideoStreams                                               int
	// Legacy is set for endpoints that came from sip.conf.
	Legacy bool
}

// DTMFMode is an endpoint's dtmf_mode.
type DTMFMode uint8

const (
	DTMFRFC4733 DTMFMode = iota
	DTMFInband
	DTMFInfo
	DTMFAuto     // 4733 if offered, else inband
	DTMFAutoInfo // 4733 if offered, else INFO
	DTMFNone
)

type AOR struct {
	Object
	Contacts                                         []string // permanent
	MaxContacts                                      int
	RemoveExisting, RemoveUnavailable                bool
	MinExpiry, MaxExpiry, DefaultExpiry              time.Duration
	QualifyFrequency, QualifyTimeout                 time.Duration
	Qualify2xxOnly, AuthenticateQualify, SupportPath bool
	OutboundProxy                                    string
	Mailboxes                                        []string
	VoicemailExtension                               string // where the messages of mailboxes are heard
	Legacy                                           bool   // comes from sip.conf
}

type Auth struct {
	Object
	Type, Username, Password, MD5Cred, Realm string
	NonceLifetime                            time.Duration
	Algorithms                               []string // uas, best first: "MD5", "SHA-256"
	AlgorithmsUAC                            []string // what we answer challenges with
	// Digests are precomputed HA1 values (password_digest), lower-case hex, by
	// algorithm name; MD5Cred is there under "MD5" too.
	Digests map[string]string
}

type Identify struct {
	Object
	Endpoint    string
	Matches     []Match
	Header      string // match_header's name, "" if none
	HeaderValue string // exact text, or
	HeaderRegex string // a POSIX extended expression
	RequestURI  string // exact text, or /expression/
	SRVLookups  bool
}

// A Match is one item of an identify's match list.
type Match struct {
	Prefix  netip.Prefix
	Port    uint16 // 0: any
	Exclude bool   // "!net"
	// Host is a name; pbx/sip looks it up and puts one Match for each of its
	// addresses in this one's place.
	Host string
	Text string // as `pjsip show identifies` prints it
}

type ACL struct {
	Object
	Rules, ContactRules []Rule
}

// A Rule is one permit or deny; the last rule that covers an address decides,
// and without any the address is permitted.
type Rule struct {
	Permit bool
	Prefix netip.Prefix
}

// A Registration is one account at another server that we register with.
type Registration struct {
	Object
	ServerURI, ClientURI, ContactUser, Transport, OutboundProxy string
	ContactHeaderParams, UserAgent, Endpoint                    string
	OutboundAuths                                               []string
	Expiration, RetryInterval, ForbiddenRetry, FatalRetry       time.Duration
	MaxRetries                                                  int
	MaxRandomDelay                                              time.Duration
	AuthRejectionPermanent, Line                                bool
	Legacy                                                      bool // register => of sip.conf

	// Account is who registers where, of a line of sip.conf.
	Account Account
}

// RTP is rtp.conf.
type RTP struct {
	PortFirst, PortLast int
	Strict              bool
	Probation           int // packets before a new source is believed
	DTMFTimeout         time.Duration
	RTCPInterval        time.Duration
}

// Options lists every option as it stands after defaults, sorted by name, in
// the words `pjsip show ...` prints. Secrets are masked.
func (o *Object) Options() []option.Shown {
	out := make([]option.Shown, 0, len(o.defaults)+len(o.set))
	for _, d := range o.defaults {
		if _, found := slices.BinarySearchFunc(o.set, d, option.ByName); !found {
			out = append(out, d)
		}
	}
	out = append(out, o.set...)
	sort.SliceStable(out, func(i, j int) bool { return option.ByName(out[i], out[j]) < 0 })
	return out
}

// Option tells one option's value as Options would list it. ok is false if the
// object has no such option.
func (o *Object) Option(name string) (value string, ok bool) {
	for _, list := range [][]option.Shown{o.set, o.defaults} {
		if i, found := slices.BinarySearchFunc(list, option.Shown{Name: strings.ToLower(name)}, option.ByName); found {
			return list[i].Value, true
		}
	}
	return "", false
}

// An Account is a user at a registrar.
type Account struct {
	User, Host string
	Port       int // 0: not said
}

// Binding is what the transport is bound to, as bind= spells it.
func (t *Transport) Binding() string {
	if t.Device != "" {
		return t.Device + ":" + strconv.Itoa(int(t.Bind.Port()))
	}
	return t.Bind.String()
}

// HeaderWords is match_header as it was written; "" if there is none.
func (i *Identify) HeaderWords() string {
	switch {
	case i.Header == "":
		return ""
	case i.HeaderRegex != "":
		return i.Header + ": /" + i.HeaderRegex + "/"
	}
	return i.Header + ": " + i.HeaderValue
}

// Transport finds a transport by its section name; nil if there is none.
func (s *Snapshot) Transport(name string) *Transport {
	for _, t := range s.Transports {
		if t.ID == name {
			return t
		}
	}
	return nil
}

// UASAuths are the credentials e is challenged for. missing is true if one of
// its auth= names does not exist: its requests are then answered 500.
func (s *Snapshot) UASAuths(e *Endpoint) (auths []*Auth, missing bool) { return s.auths(e.Auths) }

// NamedAuths finds credentials by their names; what does not exist is left out.
func (s *Snapshot) NamedAuths(names []string) []*Auth {
	out, _ := s.auths(names)
	return out
}

// UACAuths are the credentials we answer e's challenges with. missing is true
// if one of its outbound_auth= names does not exist.
func (s *Snapshot) UACAuths(e *Endpoint) (auths []*Auth, missing bool) {
	return s.auths(e.OutboundAuths)
}

func (s *Snapshot) auths(names []string) (out []*Auth, missing bool) {
	for _, n := range names {
		a := s.Auths[n]
		if a == nil && s.SIP != nil {
			a = s.SIP.Auths[n]
		}
		if a == nil {
			missing = true
			continue
		}
		out = append(out, a)
	}
	return out, missing
}
