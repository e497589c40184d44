package settings

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A SIP is what sip.conf says: the older front end of the same engine. Its
// [general] section (Object) holds the settings of the whole and the defaults
// of every device.
type SIP struct {
	Object
	Context           string
	AllowGuest        bool
	AlwaysAuthReject  bool
	MatchAuthUsername bool
	AuthOptions       bool // auth_options_requests
	AuthMessages      bool // auth_message_requests
	AcceptMessages    bool // accept_outofcall_message
	Realm             string
	UDP, TCP          netip.AddrPort // bind addresses
	TCPEnable         bool
	TLSEnable         bool
	SRVLookup         bool
	LocalNets         []netip.Prefix
	ExternalAddr      string // address or host name, without port
	ExternalPort      int
	ExternalTCPPort   int
	ExternalHost      string // looked up when the configuration is loaded
	ExternalRefresh   int    // seconds
	MediaAddress      string

	MinExpiry, MaxExpiry, DefaultExpiry time.Duration
	MinSubscription, MaxSubscription    time.Duration
	RegisterTimeout                     time.Duration
	RegisterAttempts                    int // 0: no limit
	RegisterRetry403                    bool
	UserAgent                           string // "": the product's
	SDPOwner, SDPSession                string
	MaxForwards                         int
	TimerT1, TimerT1Min, TimerB         time.Duration
	TOS, COS                            int
	Debug, RecordHistory                bool
	Domains                             []string
	AutoDomain, AllowExternalDomains    bool
	NotifyHold                          bool
	NotifyRinging                       string // yes, no, notinuse: not beside a call
	CallerID                            string // whom calls without a number come from
	CompactHeaders, Pedantic            bool

	// Device is what [general] says for all devices, and for callers that are
	// none.
	Device Device
	// Devices are the device sections by lower-case name: names have no case.
	Devices map[string]*Device
	// List is the same in file order.
	List []*Device
	// Guest serves callers that are no device; nil if allowguest=no.
	Guest *Endpoint
	// Direct is what Dial(SIP/number@host) calls with.
	Direct *Endpoint
	// Auths are the credentials of devices and registrations.
	Auths map[string]*Auth
	// Transports names the transports that belong to this front end, and Shared
	// those among them that pjsip.conf has too, after sipconf.File.Join.
	Transports, Shared []string
}

// A Device is one peer, user or friend of sip.conf.
type Device struct {
	Object        // its ID is "SIP/" and the name
	Name   string // as written
	Kind   string // "user", "peer" or "friend"

	Dynamic      bool   // host=dynamic: it registers
	Host         string // address or name otherwise
	DefaultHost  string // defaultip
	Port         int    // 0: 5060
	Secret       string
	MD5Secret    string
	RemoteSecret string
	DefaultUser  string
	Networks     []string // transport=: "udp", "tcp"; the first calls out

	InsecurePort, InsecureInvite bool
	NAT                          NAT
	Qualify                      time.Duration // the longest good answer, 0: not watched
	QualifyFreq                  time.Duration
	CallLimit, BusyLevel         int
	CallCounter                  bool
	DirectMedia                  string // yes, no, nonat, outgoing, update
	Video                        string // yes, no, always
	SessionTimers                string // accept, originate, refuse
	SessionRefresher             string // uas, uac
	Description                  string
	SubscribeContext, VMExten    string
	UnsolicitedMailbox, MWIFrom  string // whose messages it tells us of; who tells it of its own
	SubscribeMWI                 bool   // it is told only what it subscribes to
	RegExten, CallbackExten      string
	MaxForwards                  int
	MaxBitRate                   int // kbit/s
	AutoFraming, Text            bool
	PromiscRedir, UseReason      bool
	DigitsWord                   string // dtmfmode as sip.conf words it

	// Endpoint is the device as the engine sees it; NATted is the same for
	// requests that come from behind a router, for nat=auto_...
	Endpoint, NATted *Endpoint
	// AOR is where it can be reached; nil for type=user.
	AOR *AOR
	// Addresses are those of a fixed host=; pbx/sip looks names up.
	Addresses []netip.Addr
}

// NAT is what nat= asks for.
type NAT struct{ ForceRport, Comedia, AutoRport, AutoComedia bool }

// Callable reports whether calls can be made to the device.
func (d *Device) Callable() bool { return d.Kind != "user" }

// Claims reports whether a caller is taken for the device by his name alone.
func (d *Device) Claims() bool { return d.Kind != "peer" }

// Permits reports whether the device may use a network ("udp", "tcp").
func (d *Device) Permits(network string) bool {
	return slices.Contains(d.Networks, strings.ToLower(network))
}

// Device finds a device of sip.conf by its name, whose case does not matter;
// nil if there is none.
func (s *Snapshot) Device(name string) *Device {
	if s.SIP == nil {
		return nil
	}
	return s.SIP.Devices[strings.ToLower(name)]
}
