package sipconf

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"branchline/media"
	"branchline/pbx/astconf"
	"branchline/pbx/settings"
	"branchline/pbx/settings/pjsipconf"
)

// legacyEndpoint is an endpoint with the defaults sip.conf has.
func legacyEndpoint() settings.Endpoint {
	e := pjsipconf.DefaultEndpoint()
	e.Legacy = true
	e.Codecs = slices.Clone(media.Codecs)
	e.DTMF = settings.DTMFRFC4733
	e.IdentifyBy = nil // sip.conf has its own ways
	e.Rel100 = "no"
	e.DirectMedia, e.AllowOverlap, e.AllowTransfer, e.AllowSubscribe, e.SendDiversion = true, true, true, true, true
	e.ForceRport, e.MOHSuggest = false, ""
	return e
}

// complete makes endpoints, addresses of record and credentials of what was
// read.
func (r *reader) complete() {
	s := r.file
	s.Context = s.Device.e.Context
	if s.SDPSession == "" {
		s.SDPSession = "Asterisk PBX"
	}
	if s.ExternalHost != "" && s.ExternalAddr == "" {
		s.ExternalAddr = s.ExternalHost
	}
	if s.ExternalAddr != "" && len(s.LocalNets) == 0 {
		r.add(s.at("externaddr", "externip", "externhost"), astconf.Warning, "no-localnet",
			"[general]: externaddr has no effect without localnet: every phone counts as local").
			Cure = "add localnet=<your own network>, such as localnet=192.168.1.0/24"
	}
	for _, d := range s.List {
		r.completeDevice(d)
	}
	direct := s.Device
	direct.own()
	direct.Object = settings.Object{ID: legacyPrefix + "direct", Pos: s.Pos}
	e := r.endpointOf(&direct)
	e.OutboundAuths = s.realmNames(nil)
	s.Direct = e
	if s.AllowGuest {
		guest := *e
		guest.ID = legacyPrefix + "guest"
		s.Guest = &guest
		r.warnGuests()
	}
	r.completeRegistrations()
	s.SIP.Device, s.SIP.Devices = s.Device.Device, make(map[string]*settings.Device, len(s.Devices))
	for _, d := range s.List {
		s.SIP.List = append(s.SIP.List, &d.Device)
	}
	for key, d := range s.Devices {
		s.SIP.Devices[key] = &d.Device
	}
}

// at is where one of these options of [general] was written last, or the
// section.
func (s *conf) at(names ...string) astconf.Pos {
	for _, n := range names {
		if p, ok := s.pos[n]; ok {
			return p
		}
	}
	return s.Pos
}

func (r *reader) warnGuests() {
	s := r.file
	how := "allowguest=yes"
	if !s.guestsWritten {
		how = "allowguest is not written, which means yes"
	}
	d := r.add(s.at("allowguest"), astconf.Warning, "guest-calls",
		"[general]: %s: anyone who can reach this exchange can call every extension of context %s, with no account and no password", how, s.Context)
	d.Cure = "write allowguest=no into [general]"
}

func (r *reader) completeDevice(d *device) {
	s := r.file
	e := r.endpointOf(d)
	d.Endpoint = e
	if d.Secret != "" || d.MD5Secret != "" {
		in := &settings.Auth{Object: settings.Object{ID: d.ID, Pos: d.Pos}, Type: "userpass", Username: d.Name, Password: d.Secret, Realm: s.Realm,
			NonceLifetime: 32 * time.Second, Algorithms: []string{"MD5"}, AlgorithmsUAC: []string{"MD5"}}
		if d.MD5Secret != "" {
			in.Type, in.MD5Cred, in.Digests = "md5", d.MD5Secret, map[string]string{"MD5": d.MD5Secret}
		}
		s.Auths[in.ID] = in
		e.Auths = []string{in.ID}
		out := *in
		out.ID, out.Realm = d.ID+" outbound", ""
		if d.MD5Secret != "" {
			out.Realm = s.Realm // the digest holds the realm
		}
		s.ownCredentials(d, &out)
	} else if d.RemoteSecret != "" {
		s.ownCredentials(d, &settings.Auth{Object: settings.Object{ID: d.ID + " outbound", Pos: d.Pos}, Type: "userpass", Username: d.Name, AlgorithmsUAC: []string{"MD5"}})
	}
	e.OutboundAuths = append(e.OutboundAuths, s.realmNames(d)...)
	if d.Callable() {
		r.reachable(d)
	}
	e.SubscribeContext, e.SubMinExpiry, e.SubMaxExpiry = d.SubscribeContext, s.MinSubscription, s.MaxSubscription
	e.EarlyInUseRinging, e.HideRinging = s.NotifyRinging == "yes", s.NotifyRinging == "no"
	natted := *e
	natted.ForceRport = natted.ForceRport || d.NAT.AutoRport
	natted.RTPSymmetric = natted.RTPSymmetric || d.NAT.AutoComedia
	d.NATted = &natted
}

// ownCredentials adds what we answer the device's challenges with.
func (s *conf) ownCredentials(d *device, out *settings.Auth) {
	if d.DefaultUser != "" {
		out.Username = d.DefaultUser
	}
	if d.RemoteSecret != "" {
		out.Type, out.Password, out.Digests, out.MD5Cred, out.Realm = "userpass", d.RemoteSecret, nil, "", ""
	}
	s.Auths[out.ID] = out
	d.Endpoint.OutboundAuths = append(d.Endpoint.OutboundAuths, out.ID)
}

// realmNames enters the credentials of [authentication] and of d's auth= lines.
func (s *conf) realmNames(d *device) []string {
	var names []string
	enter := func(prefix string, list []*settings.Auth) {
		for i, a := range list {
			a.ID = prefix + strconv.Itoa(i+1)
			s.Auths[a.ID] = a
			names = append(names, a.ID)
		}
	}
	if d != nil {
		enter(d.ID+" auth ", d.auths)
	}
	enter(legacyPrefix+"authentication ", s.realms)
	return names
}

// endpointOf is the engine's view of a device.
func (r *reader) endpointOf(d *device) *settings.Endpoint {
	s := r.file
	e := d.e
	e.Object = d.Object
	if d.Video == "no" {
		e.Codecs = slices.DeleteFunc(slices.Clone(e.Codecs), func(c *media.Codec) bool { return c.Video })
	}
	e.ForceRport, e.RTPSymmetric = d.NAT.ForceRport, d.NAT.Comedia
	e.SDPOwner, e.SDPSession, e.MediaAddress = s.SDPOwner, s.SDPSession, s.MediaAddress
	switch d.SessionTimers {
	case "refuse":
		e.Timers = "no"
	case "originate":
		e.Timers = "always"
	default:
		e.Timers = "accept"
	}
	e.TimersExpires = max(e.TimersExpires, e.TimersMinSE)
	e.DeviceStateBusyAt = d.BusyLevel
	e.SuppressQ850 = !d.UseReason
	e.CallerID.Tag, e.CallerID.Presentation = e.CallerIDTag, e.CallerIDPrivacy
	if d.Callable() && d.Name != "" {
		e.AORs = []string{d.ID}
	}
	return &e
}

// reachable makes the device's address of record.
func (r *reader) reachable(d *device) {
	s := r.file
	a := &settings.AOR{Object: settings.Object{ID: d.ID, Pos: d.Pos}, Legacy: true,
		MinExpiry: s.MinExpiry, MaxExpiry: s.MaxExpiry, DefaultExpiry: min(s.DefaultExpiry, s.MaxExpiry)}
	if d.Dynamic {
		a.MaxContacts, a.RemoveExisting = 1, true
	}
	host := d.Host
	if host == "" && !d.Dynamic {
		host = d.DefaultHost
	}
	if host != "" {
		a.Contacts = []string{d.uri(host)}
	}
	if d.Qualify > 0 {
		a.QualifyFrequency, a.QualifyTimeout = d.QualifyFreq, d.Qualify
	}
	d.AOR = a
}

// uri is how the device is called at host.
func (d *device) uri(host string) string {
	u := "sip:"
	if d.DefaultUser != "" {
		u += d.DefaultUser + "@"
	}
	u += uriHost(strings.Trim(host, "[]"), d.Port)
	if d.Networks[0] != "udp" {
		u += ";transport=" + d.Networks[0]
	}
	return u
}

// transports are the listeners of sip.conf.
func (s *conf) transports() []*settings.Transport {
	make := func(id, network string, bind netip.AddrPort, pos astconf.Pos) *settings.Transport {
		if bind.Port() == 0 {
			bind = netip.AddrPortFrom(bind.Addr(), 5060)
		}
		t := &settings.Transport{Object: settings.Object{ID: id, Pos: pos}, Protocol: network, Bind: bind, LocalNets: s.LocalNets,
			TOS: s.TOS, COS: s.COS, AllowReload: true, Legacy: true}
		if s.ExternalAddr != "" && len(s.LocalNets) > 0 {
			t.ExternalSignaling, t.ExternalMedia, t.ExternalSignalingPort = s.ExternalAddr, s.ExternalAddr, s.ExternalPort
			if network == "tcp" && s.ExternalTCPPort != 0 {
				t.ExternalSignalingPort = s.ExternalTCPPort
			}
		}
		return t
	}
	out := []*settings.Transport{make("sip-udp", "udp", s.UDP, s.at("udpbindaddr", "bindaddr", "bindport"))}
	if s.TCPEnable {
		out = append(out, make("sip-tcp", "tcp", s.TCP, s.at("tcpbindaddr", "bindaddr", "tcpenable")))
	}
	return out
}

// join is Join.
func (legacy *conf) join(s *settings.Snapshot) []astconf.Diag {
	var ds []astconf.Diag
	s.SIP = &legacy.SIP
	guestsOff := false
	for _, t := range legacy.transports() {
		if other := claimed(s, t); other != nil {
			d := astconf.Diag{Pos: t.Pos, Severity: astconf.Warning, Rule: "bind-conflict",
				Message: t.Protocol + " " + t.Bind.String() + " of sip.conf is " + other.Protocol + " " + other.Bind.String() +
					" of [" + other.ID + "] at " + other.Pos.String() + " too",
				Effect: "both use that one socket, and callers are looked for in " + other.Pos.File + " first",
				Cure:   "give one of them another port, or empty the file you do not use"}
			if !legacy.guestsWritten && legacy.Guest != nil {
				guestsOff = true
				d.Effect += "; guests are refused there as long as allowguest is not written"
			}
			ds = append(ds, d)
			legacy.Transports = append(legacy.Transports, other.ID)
			legacy.Shared = append(legacy.Shared, other.ID)
			continue
		}
		for s.Transport(t.ID) != nil {
			t.ID += "-legacy"
		}
		s.Transports = append(s.Transports, t)
		legacy.Transports = append(legacy.Transports, t.ID)
	}
	if guestsOff {
		legacy.Guest = nil
	}
	for _, d := range legacy.List {
		if d.AOR == nil {
			continue
		}
		if other := s.AORs[d.ID]; other != nil {
			ds = append(ds, astconf.Diag{Pos: other.Pos, Severity: astconf.Error, Rule: "reserved-name",
				Message: "the name [" + d.ID + "] belongs to the device [" + d.Name + "] at " + d.Pos.String()})
		}
		s.AORs[d.ID] = d.AOR
	}
	for _, reg := range legacy.registrations {
		for slices.ContainsFunc(s.Registrations, func(o *settings.Registration) bool { return o.ID == reg.ID }) {
			reg.ID += "-legacy"
		}
		network := reg.Transport
		reg.Transport = ""
		for _, id := range legacy.Transports {
			if t := s.Transport(id); t != nil && t.Protocol == network {
				reg.Transport = id
			}
		}
		if reg.Transport == "" {
			ds = append(ds, astconf.Diag{Pos: reg.Pos, Severity: astconf.Warning, Rule: "no-transport",
				Message: "register: there is no " + network + " transport, so nothing is registered", Cure: "add " + network + "enable=yes to [general]"})
			continue
		}
		s.Registrations = append(s.Registrations, reg.Registration)
	}
	return ds
}

// claimed is the transport that has the socket t wants; nil if it is free.
func claimed(s *settings.Snapshot, t *settings.Transport) *settings.Transport {
	for _, o := range s.Transports {
		a, b := o.Bind.Addr().Unmap(), t.Bind.Addr().Unmap()
		if !o.Legacy && o.Device == "" && o.Protocol == t.Protocol && o.Bind.Port() == t.Bind.Port() && a.Is4() == b.Is4() &&
			(a == b || a.IsUnspecified() || b.IsUnspecified()) {
			return o
		}
	}
	return nil
}
