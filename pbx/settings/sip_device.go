package settings

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/channel"
)

// sipDeviceOptions is every option of a device section; most of them may stand
// in [general] too, as the default of all devices.
func sipDeviceOptions() []option[Device] {
	type D = Device
	return []option[D]{
		{name: "type", kind: text},
		// Where it is and how it proves who it is.
		{name: "host", take: takeHost},
		{name: "defaultip", take: func(d *D, s string) error { d.DefaultHost = s; return nil }},
		{name: "port", def: "0", kind: count(0, 65535), at: func(d *D) any { return &d.Port }},
		{name: "secret", kind: text, secret: true, at: func(d *D) any { return &d.Secret }},
		{name: "remotesecret", kind: text, secret: true, at: func(d *D) any { return &d.RemoteSecret }},
		{name: "md5secret", secret: true, take: takeMD5Secret},
		{name: "auth", secret: true, take: func(d *D, s string) error {
			a, err := realmAuth(s)
			if err == nil {
				d.auths = append(d.auths, a)
			}
			return err
		}},
		{name: "defaultuser", kind: text, at: func(d *D) any { return &d.DefaultUser }},
		{name: "insecure", take: takeInsecure},
		{name: "permit", take: func(d *D, s string) error { return guarded(takeRules(&d.e.ACL, true, s)) }},
		{name: "deny", take: func(d *D, s string) error { return guarded(takeRules(&d.e.ACL, false, s)) }},
		{name: "acl", take: func(*D, string) error { return doubt("acl.conf is not read; write permit and deny here") }},
		{name: "contactpermit", take: func(d *D, s string) error { return guarded(takeRules(&d.e.ContactACL, true, s)) }},
		{name: "contactdeny", take: func(d *D, s string) error { return guarded(takeRules(&d.e.ContactACL, false, s)) }},
		{name: "contactacl", take: func(*D, string) error {
			return doubt("acl.conf is not read; write contactpermit and contactdeny here")
		}},
		{name: "directmediapermit", kind: text, standing: later},
		{name: "directmediadeny", kind: text, standing: later},
		{name: "directmediaacl", kind: text, standing: later},
		{name: "transport", take: takeNetworks},
		{name: "outboundproxy", take: takeProxy},
		{name: "nat", take: takeNAT},
		{name: "qualify", take: takeQualify},
		{name: "qualifyfreq", def: "60", kind: count(1, 86400), at: func(d *D) any { return &d.QualifyFreq }},
		{name: "keepalive", def: "0", kind: text, standing: later},
		{name: "supportpath", def: "no", kind: truth, standing: later},

		// What its calls are.
		{name: "context", def: "default", kind: text, at: func(d *D) any { return &d.e.Context }},
		{name: "callerid", take: func(d *D, s string) error { d.e.CallerID = party(s, d.e.CallerID.Presentation); return nil }},
		{name: "fullname", take: func(d *D, s string) error { d.e.CallerID.Name = s; return nil }},
		{name: "cid_number", take: func(d *D, s string) error { d.e.CallerID.Number = s; return nil }},
		{name: "cid_tag", take: func(d *D, s string) error { d.e.CallerIDTag = s; return nil }},
		{name: "callingpres", take: takeCallingPres},
		{name: "fromuser", kind: text, at: func(d *D) any { return &d.e.FromUser }},
		{name: "fromdomain", kind: text, at: func(d *D) any { return &d.e.FromDomain }},
		{name: "usereqphone", def: "no", kind: truth, at: func(d *D) any { return &d.e.UserEqPhone }},
		{name: "trustrpid", def: "no", kind: truth, at: func(d *D) any { return &d.e.TrustIDInbound }},
		{name: "sendrpid", take: takeSendRPID},
		{name: "trust_id_outbound", def: "legacy", take: takeTrustOutbound},
		{name: "rpid_update", def: "no", kind: truth, standing: later},
		{name: "rpid_immediate", def: "no", kind: truth, standing: later},
		{name: "send_diversion", def: "yes", kind: truth, at: func(d *D) any { return &d.e.SendDiversion }},
		{name: "setvar", take: func(d *D, s string) error { return takeVariable(&d.e, s) }},
		{name: "language", kind: text, at: func(d *D) any { return &d.e.Language }},
		{name: "tonezone", kind: text, at: func(d *D) any { return &d.e.ToneZone }},
		{name: "accountcode", kind: text, at: func(d *D) any { return &d.e.AccountCode }},
		{name: "amaflags", kind: choice("default", "omit", "billing", "documentation"), standing: later},
		{name: "callgroup", kind: groups, at: func(d *D) any { return &d.e.CallGroup }},
		{name: "pickupgroup", kind: groups, at: func(d *D) any { return &d.e.PickupGroup }},
		{name: "namedcallgroup", kind: spacedList, at: func(d *D) any { return &d.e.NamedCallGroups }, standing: later},
		{name: "namedpickupgroup", kind: spacedList, at: func(d *D) any { return &d.e.NamedPickupGroups }, standing: later},
		{name: "mohinterpret", def: "default", kind: text, standing: later},
		{name: "mohsuggest", kind: text, at: func(d *D) any { return &d.e.MOHSuggest }},
		{name: "parkinglot", kind: text, standing: later},
		{name: "description", kind: text, at: func(d *D) any { return &d.Description }},
		{name: "call-limit", def: "0", kind: anyCount, at: func(d *D) any { return &d.CallLimit }},
		{name: "busylevel", def: "0", kind: anyCount, at: func(d *D) any { return &d.BusyLevel }},
		{name: "callcounter", def: "no", kind: truth, at: func(d *D) any { return &d.CallCounter }},
		{name: "allowoverlap", def: "yes", take: takeOverlap},
		{name: "allowtransfer", def: "yes", kind: truth, at: func(d *D) any { return &d.e.AllowTransfer }},
		{name: "promiscredir", def: "no", kind: truth, at: func(d *D) any { return &d.PromiscRedir }, standing: later},
		{name: "maxforwards", def: "0", kind: count(0, 255), at: func(d *D) any { return &d.MaxForwards }},
		{name: "disallowed_methods", kind: text, standing: later},
		{name: "use_q850_reason", def: "no", kind: truth, at: func(d *D) any { return &d.UseReason }},
		{name: "timert1", def: "0", kind: milliseconds(0, 60000), standing: later},
		{name: "timerb", def: "0", kind: milliseconds(0, 3600000), standing: later},
		{name: "useclientcode", def: "no", kind: truth, standing: ignored},
		{name: "header", kind: text, standing: later},
		{name: "recordonfeature", def: "automon", kind: text, standing: later},
		{name: "recordofffeature", def: "automon", kind: text, standing: later},

		// Media.
		{name: "allow", take: func(d *D, s string) error { return softCodecs(d.e.takeCodecs(s, true)) }},
		{name: "disallow", take: func(d *D, s string) error { return softCodecs(d.e.takeCodecs(s, false)) }},
		{name: "preferred_codec_only", def: "no", kind: truth, at: func(d *D) any { return &d.e.PreferredCodecOnly }},
		{name: "autoframing", def: "no", kind: truth, at: func(d *D) any { return &d.AutoFraming }, standing: later},
		{name: "dtmfmode", def: "rfc2833", take: takeDigits},
		{name: "directmedia", def: "yes", take: takeDirectMedia},
		{name: "videosupport", def: "no", kind: choice("no|false|0|off", "yes|true|1|on", "always"), at: func(d *D) any { return &d.Video }},
		{name: "textsupport", def: "no", kind: truth, at: func(d *D) any { return &d.Text }, standing: later},
		{name: "maxcallbitrate", def: "384", kind: anyCount, at: func(d *D) any { return &d.MaxBitRate }, standing: later},
		{name: "progressinband", def: "no", take: takeInband},
		{name: "rtptimeout", def: "0", kind: anyCount, at: func(d *D) any { return &d.e.RTPTimeout }},
		{name: "rtpholdtimeout", def: "0", kind: anyCount, at: func(d *D) any { return &d.e.RTPTimeoutHold }},
		{name: "rtpkeepalive", def: "0", kind: anyCount, at: func(d *D) any { return &d.e.RTPKeepalive }, standing: later},
		{name: "rtp_engine", def: "asterisk", kind: text, standing: ignored},
		{name: "ignoresdpversion", def: "no", kind: truth, standing: ignored},
		{name: "rfc2833compensate", def: "no", kind: truth, standing: ignored},
		{name: "g726nonstandard", def: "no", kind: truth, standing: later},
		{name: "buggymwi", def: "no", kind: truth, standing: ignored},
		{name: "constantssrc", def: "no", kind: truth, standing: ignored},
		{name: "discard_remote_hold_retrieval", def: "no", kind: truth, standing: later},
		{name: "avpf", def: "no", kind: truth, at: func(d *D) any { return &d.e.UseAVPF }},
		{name: "force_avp", def: "no", kind: truth, standing: later},
		{name: "icesupport", def: "no", kind: truth, standing: later},
		{name: "rtcp_mux", def: "no", kind: truth, standing: later},
		{name: "encryption", def: "no", kind: text, standing: later},
		{name: "encryption_taglen", def: "80", kind: text, standing: later},
		{name: "dtlsenable", def: "no", kind: text, standing: later},
		{name: "dtlsverify", kind: text, standing: later},
		{name: "dtlsrekey", kind: text, standing: later},
		{name: "dtlscertfile", kind: text, standing: later},
		{name: "dtlsprivatekey", kind: text, standing: later},
		{name: "dtlscipher", kind: text, standing: later},
		{name: "dtlscafile", kind: text, standing: later},
		{name: "dtlscapath", kind: text, standing: later},
		{name: "dtlssetup", kind: text, standing: later},
		{name: "dtlsfingerprint", kind: text, standing: later},
		{name: "t38pt_udptl", def: "no", kind: text, standing: later},
		{name: "t38pt_usertpsource", def: "no", kind: text, standing: later},
		{name: "faxdetect", def: "no", kind: text, standing: later},

		// Session timers.
		{name: "session-timers", def: "accept", kind: choice("accept", "originate", "refuse"), at: func(d *D) any { return &d.SessionTimers }},
		{name: "session-expires", def: "1800", kind: count(90, math.MaxInt32), at: func(d *D) any { return &d.e.TimersExpires }},
		{name: "session-minse", def: "90", kind: count(90, math.MaxInt32), at: func(d *D) any { return &d.e.TimersMinSE }},
		{name: "session-refresher", def: "uas", kind: choice("uas", "uac"), at: func(d *D) any { return &d.SessionRefresher }, standing: later},

		// Message waiting, presence, provisioning.
		{name: "mailbox", take: func(d *D, s string) error { d.e.Mailboxes = append(d.e.Mailboxes, commaList(s)...); return nil }, standing: later},
		{name: "hasvoicemail", def: "no", kind: truth, standing: later},
		{name: "vmexten", def: "asterisk", kind: text, at: func(d *D) any { return &d.VMExten }, standing: later},
		{name: "subscribemwi", def: "no", kind: truth, standing: later},
		{name: "unsolicited_mailbox", kind: text, standing: later},
		{name: "mwi_from", kind: text, standing: later},
		{name: "subscribecontext", kind: text, at: func(d *D) any { return &d.SubscribeContext }, standing: later},
		{name: "allowsubscribe", def: "yes", kind: truth, at: func(d *D) any { return &d.e.AllowSubscribe }, standing: later},
		{name: "regexten", kind: text, at: func(d *D) any { return &d.RegExten }, standing: later},
		{name: "callbackextension", kind: text, at: func(d *D) any { return &d.CallbackExten }},
		{name: "refer_addheaders", def: "yes", kind: truth, standing: later},
		{name: "snom_aoc_enabled", def: "no", kind: truth, standing: ignored},
	}
}

// guarded makes an address list that cannot be read a fault: without it more
// could come in than was meant.
func guarded(err error) error {
	if err != nil {
		return fault(err.Error())
	}
	return nil
}

// softCodecs lets a codec that nobody knows pass with a warning, as chan_sip
// did.
func softCodecs(err error) error {
	if err != nil {
		return doubt(err.Error())
	}
	return nil
}

func takeHost(d *Device, s string) error {
	d.Dynamic, d.Host, d.Addresses = false, "", nil
	if strings.EqualFold(s, "dynamic") {
		d.Dynamic = true
		return nil
	}
	host, port, err := hostAndPort(s)
	if err != nil {
		return fault(err.Error())
	}
	if port != 0 {
		d.Port = port
	}
	d.Host = host
	if a, err := netip.ParseAddr(host); err == nil {
		d.Addresses = []netip.Addr{a.Unmap()}
	}
	return nil
}

// hostAndPort reads host, host:port, [ipv6] and [ipv6]:port; port 0 means none.
func hostAndPort(s string) (host string, port int, err error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().String(), int(ap.Port()), nil
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap().String(), 0, nil
	}
	host, number, ported := strings.Cut(s, ":")
	if ported {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 {
			return "", 0, fmt.Errorf("%q is no port", number)
		}
		port = int(n)
	}
	if !isHostName(host) {
		return "", 0, fmt.Errorf("%q is neither an address nor a host name", host)
	}
	return host, port, nil
}

func takeMD5Secret(d *Device, s string) error {
	if s != "" && (len(s) != 32 || strings.Trim(strings.ToLower(s), "0123456789abcdef") != "") {
		return fault("not 32 hexadecimal digits: the MD5 of user:realm:secret")
	}
	d.MD5Secret = strings.ToLower(s)
	return nil
}

func takeInsecure(d *Device, s string) error {
	d.InsecurePort, d.InsecureInvite = false, false
	for _, w := range commaList(s) {
		switch strings.ToLower(w) {
		case "port":
			d.InsecurePort = true
		case "invite":
			d.InsecureInvite = true
		case "no", "none":
		case "yes", "very":
			return fault("yes and very are no longer known; write port,invite for what very meant, port for yes")
		default:
			return fault(fmt.Sprintf("%q is neither port nor invite", w))
		}
	}
	return nil
}

func takeNetworks(d *Device, s string) error {
	d.Networks = nil
	var bad []string
	for _, w := range commaList(s) {
		switch w = strings.ToLower(w); w {
		case "udp", "tcp":
			if !slices.Contains(d.Networks, w) {
				d.Networks = append(d.Networks, w)
			}
		case "tls", "ws", "wss":
			bad = append(bad, w)
		default:
			return fmt.Errorf("%q is no transport, want udp, tcp", w)
		}
	}
	if len(d.Networks) == 0 {
		d.Networks = []string{"udp"}
	}
	if bad != nil {
		return doubt(strings.Join(bad, ", ") + " is not supported yet; left out")
	}
	return nil
}

// takeProxy reads [transport://]host[:port][,force]; the proxy is always used,
// as with force.
func takeProxy(d *Device, s string) error {
	s, _, _ = strings.Cut(s, ",")
	scheme, rest, ok := strings.Cut(strings.TrimSpace(s), "://")
	transport := ""
	if ok {
		s, transport = rest, ";transport="+strings.ToLower(scheme)
	}
	host, port, err := hostAndPort(s)
	if err != nil {
		return err
	}
	d.e.OutboundProxy = "sip:" + uriHost(host, port) + ";lr" + transport
	return nil
}

// uriHost is host and port as a URI has them; port 0 is left out.
func uriHost(host string, port int) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == 0 {
		return host
	}
	return host + ":" + strconv.Itoa(port)
}

func takeNAT(d *Device, s string) error {
	var n NAT
	var note error
	for _, w := range commaList(s) {
		switch strings.ToLower(w) {
		case "no", "false", "off", "0", "never", "route":
		case "yes", "true", "on", "1":
			n.ForceRport, n.Comedia = true, true
			note = dated("an old word for force_rport,comedia")
		case "force_rport":
			n.ForceRport = true
		case "comedia":
			n.Comedia = true
		case "auto_force_rport":
			n.AutoRport = true
		case "auto_comedia":
			n.AutoComedia = true
		default:
			return fmt.Errorf("%q is not a known word, want no, force_rport, comedia, auto_force_rport or auto_comedia", w)
		}
	}
	d.NAT = n
	return note
}

func takeQualify(d *Device, s string) error {
	switch strings.ToLower(s) {
	case "yes", "true", "on", "y", "t":
		d.Qualify = 2 * time.Second
		return nil
	case "no", "false", "off", "n", "f", "0":
		d.Qualify = 0
		return nil
	}
	n, err := strconv.ParseUint(s, 10, 20)
	if err != nil {
		d.Qualify = 0
		return errors.New("want yes, no, or the milliseconds an answer may take")
	}
	d.Qualify = time.Duration(n) * time.Millisecond
	return nil
}

// takeCallingPres reads a word or Q.931's number: presentation in bits 5 and 6,
// screening in the lowest two.
func takeCallingPres(d *Device, s string) error {
	n, err := strconv.Atoi(s)
	if err != nil {
		return takePrivacy(&d.e, s)
	}
	p, ok := map[int]channel.Presentation{
		0: channel.AllowedNotScreened, 1: channel.AllowedPassedScreen, 2: channel.AllowedFailedScreen, 3: channel.Allowed,
		32: channel.ProhibNotScreened, 33: channel.ProhibPassedScreen, 34: channel.ProhibFailedScreen, 35: channel.Prohib,
		67: channel.Unavailable,
	}[n]
	if !ok {
		return errors.New("not a presentation, want 0-3, 32-35, 67 or a word")
	}
	d.e.CallerIDPrivacy = p
	return nil
}

func takeSendRPID(d *Device, s string) error {
	d.e.SendRPID, d.e.SendPAI = false, false
	switch strings.ToLower(s) {
	case "pai":
		d.e.SendPAI = true
	case "rpid", "yes", "true", "on", "1", "y", "t":
		d.e.SendRPID = true
	case "no", "false", "off", "0", "n", "f", "":
	default:
		return errors.New("not a known word, want no, yes, rpid or pai")
	}
	return nil
}

func takeTrustOutbound(d *Device, s string) error {
	switch strings.ToLower(s) {
	case "legacy", "no", "false", "off", "0":
		d.e.TrustIDOutbound = false
	case "yes", "true", "on", "1":
		d.e.TrustIDOutbound = true
	default:
		return errors.New("not a known word, want legacy, yes or no")
	}
	return nil
}

func takeOverlap(d *Device, s string) error {
	d.e.AllowOverlap = true
	switch strings.ToLower(s) {
	case "yes", "true", "on", "1", "y", "t":
	case "dtmf":
		return doubt("digits after the call has begun are not collected; taken as yes")
	default:
		d.e.AllowOverlap = false
	}
	return nil
}

func takeDigits(d *Device, s string) error {
	modes := map[string]DTMFMode{
		"rfc2833": DTMFRFC4733, "rfc4733": DTMFRFC4733, "inband": DTMFInband, "info": DTMFInfo, "shortinfo": DTMFInfo, "auto": DTMFAuto,
	}
	word := strings.ToLower(s)
	m, ok := modes[word]
	if !ok {
		return errors.New("not a known word, want rfc2833, inband, info, shortinfo or auto")
	}
	d.e.DTMF, d.DigitsWord = m, word
	return nil
}

func takeDirectMedia(d *Device, s string) error {
	d.e.DirectMedia, d.e.DisableDirectMediaOnNAT, d.DirectMedia = false, false, "no"
	for _, w := range commaList(s) {
		switch strings.ToLower(w) {
		case "yes", "true", "on", "1", "y", "t":
			d.e.DirectMedia, d.DirectMedia = true, "yes"
		case "nonat":
			d.e.DirectMedia, d.e.DisableDirectMediaOnNAT, d.DirectMedia = true, true, "nonat"
		case "update", "outgoing":
			d.e.DirectMedia, d.DirectMedia = true, strings.ToLower(w)
		case "no", "false", "off", "0", "n", "f":
		default:
			return fmt.Errorf("%q is not a known word, want yes, no, nonat, outgoing or update", w)
		}
	}
	return nil
}

func takeInband(d *Device, s string) error {
	switch strings.ToLower(s) {
	case "yes", "true", "on", "1", "y", "t":
		d.e.InbandProgress = true
	case "no", "never", "false", "off", "0", "n", "f":
		d.e.InbandProgress = false
	default:
		return errors.New("not a known word, want never, no or yes")
	}
	return nil
}
