package sipconf

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
	"branchline/pbx/settings"
	"branchline/pbx/settings/option"
)

// deviceOptions is every option of a device section; most of them may stand
// in [general] too, as the default of all devices.
func deviceOptions() []option.Row[device] {
	type D = device
	return []option.Row[D]{
		{Name: "type", Kind: option.Text},
		// Where it is and how it proves who it is.
		{Name: "host", Take: takeHost},
		{Name: "defaultip", Take: func(d *D, s string) error { d.DefaultHost = s; return nil }},
		{Name: "port", Default: "0", Kind: option.Count(0, 65535), At: func(d *D) any { return &d.Port }},
		{Name: "secret", Kind: option.Text, Secret: true, At: func(d *D) any { return &d.Secret }},
		{Name: "remotesecret", Kind: option.Text, Secret: true, At: func(d *D) any { return &d.RemoteSecret }},
		{Name: "md5secret", Secret: true, Take: takeMD5Secret},
		{Name: "auth", Secret: true, Take: func(d *D, s string) error {
			a, err := realmAuth(s)
			if err == nil {
				d.auths = append(d.auths, a)
			}
			return err
		}},
		{Name: "defaultuser", Kind: option.Text, At: func(d *D) any { return &d.DefaultUser }},
		{Name: "insecure", Take: takeInsecure},
		{Name: "permit", Take: func(d *D, s string) error { return guarded(settings.TakeRules(&d.e.ACL, true, s)) }},
		{Name: "deny", Take: func(d *D, s string) error { return guarded(settings.TakeRules(&d.e.ACL, false, s)) }},
		{Name: "acl", Take: func(*D, string) error { return option.Doubt("acl.conf is not read; write permit and deny here") }},
		{Name: "contactpermit", Take: func(d *D, s string) error { return guarded(settings.TakeRules(&d.e.ContactACL, true, s)) }},
		{Name: "contactdeny", Take: func(d *D, s string) error { return guarded(settings.TakeRules(&d.e.ContactACL, false, s)) }},
		{Name: "contactacl", Take: func(*D, string) error {
			return option.Doubt("acl.conf is not read; write contactpermit and contactdeny here")
		}},
		{Name: "directmediapermit", Kind: option.Text, Standing: option.Later},
		{Name: "directmediadeny", Kind: option.Text, Standing: option.Later},
		{Name: "directmediaacl", Kind: option.Text, Standing: option.Later},
		{Name: "transport", Take: takeNetworks},
		{Name: "outboundproxy", Take: takeProxy},
		{Name: "nat", Take: takeNAT},
		{Name: "qualify", Take: takeQualify},
		{Name: "qualifyfreq", Default: "60", Kind: option.Count(1, 86400), At: func(d *D) any { return &d.QualifyFreq }},
		{Name: "keepalive", Default: "0", Kind: option.Text, Standing: option.Later},
		{Name: "supportpath", Default: "no", Kind: option.Truth, Standing: option.Later},

		// What its calls are.
		{Name: "context", Default: "default", Kind: option.Text, At: func(d *D) any { return &d.e.Context }},
		{Name: "callerid", Take: func(d *D, s string) error {
			d.e.CallerID = settings.ParseParty(s, d.e.CallerID.Presentation)
			return nil
		}},
		{Name: "fullname", Take: func(d *D, s string) error { d.e.CallerID.Name = s; return nil }},
		{Name: "cid_number", Take: func(d *D, s string) error { d.e.CallerID.Number = s; return nil }},
		{Name: "cid_tag", Take: func(d *D, s string) error { d.e.CallerIDTag = s; return nil }},
		{Name: "callingpres", Take: takeCallingPres},
		{Name: "fromuser", Kind: option.Text, At: func(d *D) any { return &d.e.FromUser }},
		{Name: "fromdomain", Kind: option.Text, At: func(d *D) any { return &d.e.FromDomain }},
		{Name: "usereqphone", Default: "no", Kind: option.Truth, At: func(d *D) any { return &d.e.UserEqPhone }},
		{Name: "trustrpid", Default: "no", Kind: option.Truth, At: func(d *D) any { return &d.e.TrustIDInbound }},
		{Name: "sendrpid", Take: takeSendRPID},
		{Name: "trust_id_outbound", Default: "legacy", Take: takeTrustOutbound},
		{Name: "rpid_update", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "rpid_immediate", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "send_diversion", Default: "yes", Kind: option.Truth, At: func(d *D) any { return &d.e.SendDiversion }},
		{Name: "setvar", Take: func(d *D, s string) error { return settings.TakeVariable(&d.e, s) }},
		{Name: "language", Kind: option.Text, At: func(d *D) any { return &d.e.Language }},
		{Name: "tonezone", Kind: option.Text, At: func(d *D) any { return &d.e.ToneZone }},
		{Name: "accountcode", Kind: option.Text, At: func(d *D) any { return &d.e.AccountCode }},
		{Name: "amaflags", Kind: option.Choice("default", "omit", "billing", "documentation"), Standing: option.Later},
		{Name: "callgroup", Kind: option.Groups, At: func(d *D) any { return &d.e.CallGroup }},
		{Name: "pickupgroup", Kind: option.Groups, At: func(d *D) any { return &d.e.PickupGroup }},
		{Name: "namedcallgroup", Kind: option.SpacedList, At: func(d *D) any { return &d.e.NamedCallGroups }, Standing: option.Later},
		{Name: "namedpickupgroup", Kind: option.SpacedList, At: func(d *D) any { return &d.e.NamedPickupGroups }, Standing: option.Later},
		{Name: "mohinterpret", Default: "default", Kind: option.Text, Standing: option.Later},
		{Name: "mohsuggest", Kind: option.Text, At: func(d *D) any { return &d.e.MOHSuggest }},
		{Name: "parkinglot", Kind: option.Text, Standing: option.Later},
		{Name: "description", Kind: option.Text, At: func(d *D) any { return &d.Description }},
		{Name: "call-limit", Default: "0", Kind: option.AnyCount, At: func(d *D) any { return &d.CallLimit }},
		{Name: "busylevel", Default: "0", Kind: option.AnyCount, At: func(d *D) any { return &d.BusyLevel }},
		{Name: "callcounter", Default: "no", Kind: option.Truth, At: func(d *D) any { return &d.CallCounter }},
		{Name: "allowoverlap", Default: "yes", Take: takeOverlap},
		{Name: "allowtransfer", Default: "yes", Kind: option.Truth, At: func(d *D) any { return &d.e.AllowTransfer }},
		{Name: "promiscredir", Default: "no", Kind: option.Truth, At: func(d *D) any { return &d.PromiscRedir }, Standing: option.Later},
		{Name: "maxforwards", Default: "0", Kind: option.Count(0, 255), At: func(d *D) any { return &d.MaxForwards }},
		{Name: "disallowed_methods", Kind: option.Text, Standing: option.Later},
		{Name: "use_q850_reason", Default: "no", Kind: option.Truth, At: func(d *D) any { return &d.UseReason }},
		{Name: "timert1", Default: "0", Kind: option.Milliseconds(0, 60000), Standing: option.Later},
		{Name: "timerb", Default: "0", Kind: option.Milliseconds(0, 3600000), Standing: option.Later},
		{Name: "useclientcode", Default: "no", Kind: option.Truth, Standing: option.Ignored},
		{Name: "header", Kind: option.Text, Standing: option.Later},
		{Name: "recordonfeature", Default: "automon", Kind: option.Text, Standing: option.Later},
		{Name: "recordofffeature", Default: "automon", Kind: option.Text, Standing: option.Later},

		// Media.
		{Name: "allow", Take: func(d *D, s string) error { return softCodecs(d.e.TakeCodecs(s, true)) }},
		{Name: "disallow", Take: func(d *D, s string) error { return softCodecs(d.e.TakeCodecs(s, false)) }},
		{Name: "preferred_codec_only", Default: "no", Kind: option.Truth, At: func(d *D) any { return &d.e.PreferredCodecOnly }},
		{Name: "autoframing", Default: "no", Kind: option.Truth, At: func(d *D) any { return &d.AutoFraming }, Standing: option.Later},
		{Name: "dtmfmode", Default: "rfc2833", Take: takeDigits},
		{Name: "directmedia", Default: "yes", Take: takeDirectMedia},
		{Name: "videosupport", Default: "no", Kind: option.Choice("no|false|0|off", "yes|true|1|on", "always"), At: func(d *D) any { return &d.Video }},
		{Name: "textsupport", Default: "no", Kind: option.Truth, At: func(d *D) any { return &d.Text }, Standing: option.Later},
		{Name: "maxcallbitrate", Default: "384", Kind: option.AnyCount, At: func(d *D) any { return &d.MaxBitRate }, Standing: option.Later},
		{Name: "progressinband", Default: "no", Take: takeInband},
		{Name: "rtptimeout", Default: "0", Kind: option.AnyCount, At: func(d *D) any { return &d.e.RTPTimeout }},
		{Name: "rtpholdtimeout", Default: "0", Kind: option.AnyCount, At: func(d *D) any { return &d.e.RTPTimeoutHold }},
		{Name: "rtpkeepalive", Default: "0", Kind: option.AnyCount, At: func(d *D) any { return &d.e.RTPKeepalive }, Standing: option.Later},
		{Name: "rtp_engine", Default: "asterisk", Kind: option.Text, Standing: option.Ignored},
		{Name: "ignoresdpversion", Default: "no", Kind: option.Truth, Standing: option.Ignored},
		{Name: "rfc2833compensate", Default: "no", Kind: option.Truth, Standing: option.Ignored},
		{Name: "g726nonstandard", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "buggymwi", Default: "no", Kind: option.Truth, Standing: option.Ignored},
		{Name: "constantssrc", Default: "no", Kind: option.Truth, Standing: option.Ignored},
		{Name: "discard_remote_hold_retrieval", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "avpf", Default: "no", Kind: option.Truth, At: func(d *D) any { return &d.e.UseAVPF }},
		{Name: "force_avp", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "icesupport", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "rtcp_mux", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "encryption", Default: "no", Kind: option.Text, Standing: option.Later},
		{Name: "encryption_taglen", Default: "80", Kind: option.Text, Standing: option.Later},
		{Name: "dtlsenable", Default: "no", Kind: option.Text, Standing: option.Later},
		{Name: "dtlsverify", Kind: option.Text, Standing: option.Later},
		{Name: "dtlsrekey", Kind: option.Text, Standing: option.Later},
		{Name: "dtlscertfile", Kind: option.Text, Standing: option.Later},
		{Name: "dtlsprivatekey", Kind: option.Text, Standing: option.Later},
		{Name: "dtlscipher", Kind: option.Text, Standing: option.Later},
		{Name: "dtlscafile", Kind: option.Text, Standing: option.Later},
		{Name: "dtlscapath", Kind: option.Text, Standing: option.Later},
		{Name: "dtlssetup", Kind: option.Text, Standing: option.Later},
		{Name: "dtlsfingerprint", Kind: option.Text, Standing: option.Later},
		{Name: "t38pt_udptl", Default: "no", Kind: option.Text, Standing: option.Later},
		{Name: "t38pt_usertpsource", Default: "no", Kind: option.Text, Standing: option.Later},
		{Name: "faxdetect", Default: "no", Kind: option.Text, Standing: option.Later},

		// Session timers.
		{Name: "session-timers", Default: "accept", Kind: option.Choice("accept", "originate", "refuse"), At: func(d *D) any { return &d.SessionTimers }},
		{Name: "session-expires", Default: "1800", Kind: option.Count(90, math.MaxInt32), At: func(d *D) any { return &d.e.TimersExpires }},
		{Name: "session-minse", Default: "90", Kind: option.Count(90, math.MaxInt32), At: func(d *D) any { return &d.e.TimersMinSE }},
		{Name: "session-refresher", Default: "uas", Kind: option.Choice("uas", "uac"), At: func(d *D) any { return &d.SessionRefresher }, Standing: option.Later},

		// Message waiting, presence, provisioning.
		{Name: "mailbox", Take: func(d *D, s string) error { d.e.Mailboxes = append(d.e.Mailboxes, option.CommaList(s)...); return nil }},
		{Name: "hasvoicemail", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "vmexten", Default: "asterisk", Kind: option.Text, At: func(d *D) any { return &d.VMExten }},
		{Name: "subscribemwi", Default: "no", Kind: option.Truth, At: func(d *D) any { return &d.SubscribeMWI }},
		{Name: "unsolicited_mailbox", Kind: option.Text, At: func(d *D) any { return &d.UnsolicitedMailbox }},
		{Name: "mwi_from", Kind: option.Text, At: func(d *D) any { return &d.MWIFrom }},
		{Name: "subscribecontext", Kind: option.Text, At: func(d *D) any { return &d.SubscribeContext }},
		{Name: "allowsubscribe", Default: "yes", Kind: option.Truth, At: func(d *D) any { return &d.e.AllowSubscribe }},
		{Name: "regexten", Kind: option.Text, At: func(d *D) any { return &d.RegExten }, Standing: option.Later},
		{Name: "callbackextension", Kind: option.Text, At: func(d *D) any { return &d.CallbackExten }},
		{Name: "refer_addheaders", Default: "yes", Kind: option.Truth, Standing: option.Later},
		{Name: "snom_aoc_enabled", Default: "no", Kind: option.Truth, Standing: option.Ignored},
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
		return option.Doubt(err.Error())
	}
	return nil
}

func takeHost(d *device, s string) error {
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
	if !settings.IsHostName(host) {
		return "", 0, fmt.Errorf("%q is neither an address nor a host name", host)
	}
	return host, port, nil
}

func takeMD5Secret(d *device, s string) error {
	if s != "" && (len(s) != 32 || strings.Trim(strings.ToLower(s), "0123456789abcdef") != "") {
		return fault("not 32 hexadecimal digits: the MD5 of user:realm:secret")
	}
	d.MD5Secret = strings.ToLower(s)
	return nil
}

func takeInsecure(d *device, s string) error {
	d.InsecurePort, d.InsecureInvite = false, false
	for _, w := range option.CommaList(s) {
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

func takeNetworks(d *device, s string) error {
	d.Networks = nil
	var bad []string
	for _, w := range option.CommaList(s) {
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
		return option.Doubt(strings.Join(bad, ", ") + " is not supported yet; left out")
	}
	return nil
}

// takeProxy reads [transport://]host[:port][,force]; the proxy is always used,
// as with force.
func takeProxy(d *device, s string) error {
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

func takeNAT(d *device, s string) error {
	var n settings.NAT
	var note error
	for _, w := range option.CommaList(s) {
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

func takeQualify(d *device, s string) error {
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
func takeCallingPres(d *device, s string) error {
	n, err := strconv.Atoi(s)
	if err != nil {
		return settings.TakePrivacy(&d.e, s)
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

func takeSendRPID(d *device, s string) error {
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

func takeTrustOutbound(d *device, s string) error {
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

func takeOverlap(d *device, s string) error {
	d.e.AllowOverlap = true
	switch strings.ToLower(s) {
	case "yes", "true", "on", "1", "y", "t":
	case "dtmf":
		return option.Doubt("digits after the call has begun are not collected; taken as yes")
	default:
		d.e.AllowOverlap = false
	}
	return nil
}

func takeDigits(d *device, s string) error {
	modes := map[string]settings.DTMFMode{
		"rfc2833": settings.DTMFRFC4733, "rfc4733": settings.DTMFRFC4733, "inband": settings.DTMFInband, "info": settings.DTMFInfo, "shortinfo": settings.DTMFInfo, "auto": settings.DTMFAuto,
	}
	word := strings.ToLower(s)
	m, ok := modes[word]
	if !ok {
		return errors.New("not a known word, want rfc2833, inband, info, shortinfo or auto")
	}
	d.e.DTMF, d.DigitsWord = m, word
	return nil
}

func takeDirectMedia(d *device, s string) error {
	d.e.DirectMedia, d.e.DisableDirectMediaOnNAT, d.DirectMedia = false, false, "no"
	for _, w := range option.CommaList(s) {
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

func takeInband(d *device, s string) error {
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
