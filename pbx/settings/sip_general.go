package settings

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// sipGeneralOptions is every option of [general] that is no default of devices.
func sipGeneralOptions() []option[SIP] {
	type S = SIP
	return []option[S]{
		// Who may come in.
		{name: "allowguest", def: "yes", take: takeGuests},
		{name: "alwaysauthreject", def: "yes", kind: truth, at: func(s *S) any { return &s.AlwaysAuthReject }},
		{name: "match_auth_username", def: "no", kind: truth, at: func(s *S) any { return &s.MatchAuthUsername }},
		{name: "auth_options_requests", def: "no", kind: truth, at: func(s *S) any { return &s.AuthOptions }},
		{name: "auth_message_requests", def: "yes", kind: truth, at: func(s *S) any { return &s.AuthMessages }},
		{name: "accept_outofcall_message", def: "yes", kind: truth, at: func(s *S) any { return &s.AcceptMessages }},
		{name: "outofcall_message_context", kind: text, at: func(s *S) any { return &s.Device.e.MessageContext }},
		{name: "realm", def: "asterisk", kind: text, at: func(s *S) any { return &s.Realm }},
		{name: "domainsasrealm", def: "no", kind: truth, standing: later},
		{name: "domain", take: func(s *S, v string) error { s.Domains = append(s.Domains, v); return nil }, standing: later},
		{name: "autodomain", def: "no", kind: truth, at: func(s *S) any { return &s.AutoDomain }, standing: later},
		{name: "allowexternaldomains", def: "yes", kind: truth, at: func(s *S) any { return &s.AllowExternalDomains }, standing: later},
		{name: "autocreatepeer", def: "no", take: func(_ *S, v string) error {
			switch strings.ToLower(v) {
			case "no", "false", "off", "0":
				return nil
			}
			return doubt("devices are never created for whoever asks")
		}},
		{name: "dynamic_exclude_static", def: "no", kind: truth, standing: later},
		{name: "authfailureevents", def: "no", kind: truth, standing: ignored},

		// Sockets and addresses.
		{name: "udpbindaddr", take: func(s *S, v string) error { return takeListen(&s.UDP, v) }},
		{name: "bindaddr", take: func(s *S, v string) error {
			if err := takeListen(&s.UDP, v); err != nil {
				return err
			}
			return takeListen(&s.TCP, v)
		}},
		{name: "bindport", take: func(s *S, v string) error {
			n, err := strconv.ParseUint(v, 10, 16)
			if err != nil || n == 0 {
				return errors.New("want a port from 1 to 65535")
			}
			s.UDP = netip.AddrPortFrom(s.UDP.Addr(), uint16(n))
			return nil
		}},
		{name: "tcpenable", def: "no", kind: truth, at: func(s *S) any { return &s.TCPEnable }},
		{name: "tcpbindaddr", take: func(s *S, v string) error { return takeListen(&s.TCP, v) }},
		{name: "tcpauthtimeout", def: "30", kind: count(1, 3600), standing: ignored},
		{name: "tcpauthlimit", def: "100", kind: count(1, 100000), standing: ignored},
		{name: "tlsenable", def: "no", kind: truth, at: func(s *S) any { return &s.TLSEnable }, standing: later},
		{name: "tlsbindaddr", kind: text, standing: later},
		{name: "tlscertfile", kind: text, standing: later},
		{name: "tlsprivatekey", kind: text, standing: later},
		{name: "tlscafile", kind: text, standing: later},
		{name: "tlscapath", kind: text, standing: later},
		{name: "tlscadir", kind: text, standing: later},
		{name: "tlsdontverifyserver", def: "no", kind: text, standing: later},
		{name: "tlscipher", kind: text, standing: later},
		{name: "tlsclientmethod", kind: text, standing: later},
		{name: "websocket_enabled", def: "yes", kind: truth, standing: ignored},
		{name: "websocket_write_timeout", def: "100", kind: anyCount, standing: ignored},
		{name: "srvlookup", def: "yes", kind: truth, at: func(s *S) any { return &s.SRVLookup }},
		{name: "localnet", take: func(s *S, v string) error {
			p, err := prefix(v)
			if err == nil {
				s.LocalNets = append(s.LocalNets, p)
			}
			return err
		}},
		{name: "externaddr", take: func(s *S, v string) (err error) {
			s.ExternalAddr, s.ExternalPort, err = hostAndPort(v)
			return err
		}},
		{name: "externhost", take: func(s *S, v string) (err error) {
			s.ExternalHost, s.ExternalPort, err = hostAndPort(v)
			return err
		}},
		{name: "externrefresh", def: "10", kind: anyCount, at: func(s *S) any { return &s.ExternalRefresh }},
		{name: "externtcpport", def: "0", kind: count(0, 65535), at: func(s *S) any { return &s.ExternalTCPPort }},
		{name: "externtlsport", def: "0", kind: count(0, 65535), standing: later},
		{name: "matchexternaddrlocally", def: "no", kind: truth, standing: later},
		{name: "matchexterniplocally", def: "no", kind: truth, standing: later},
		{name: "media_address", kind: text, at: func(s *S) any { return &s.MediaAddress }},
		{name: "rtpbindaddr", kind: text, standing: later},
		{name: "stunaddr", kind: text, standing: later},
		{name: "tos_sip", def: "0", kind: tos, at: func(s *S) any { return &s.TOS }},
		{name: "tos_audio", def: "0", kind: tos, at: func(s *S) any { return &s.Device.e.TOSAudio }, standing: later},
		{name: "tos_video", def: "0", kind: tos, standing: later},
		{name: "tos_text", def: "0", kind: tos, standing: later},
		{name: "cos_sip", def: "4", kind: count(0, 7), at: func(s *S) any { return &s.COS }, standing: later},
		{name: "cos_audio", def: "5", kind: count(0, 7), standing: later},
		{name: "cos_video", def: "6", kind: count(0, 7), standing: later},
		{name: "cos_text", def: "5", kind: count(0, 7), standing: later},

		// Registration, ours and theirs.
		{name: "minexpiry", def: "60", kind: anyCount, at: func(s *S) any { return &s.MinExpiry }},
		{name: "maxexpiry", def: "3600", kind: anyCount, at: func(s *S) any { return &s.MaxExpiry }},
		{name: "defaultexpiry", def: "120", kind: anyCount, at: func(s *S) any { return &s.DefaultExpiry }},
		{name: "registertimeout", def: "20", kind: count(1, 86400), at: func(s *S) any { return &s.RegisterTimeout }},
		{name: "registerattempts", def: "0", kind: anyCount, at: func(s *S) any { return &s.RegisterAttempts }},
		{name: "register_retry_403", def: "no", kind: truth, at: func(s *S) any { return &s.RegisterRetry403 }},
		{name: "qualifygap", def: "100", kind: anyCount, standing: ignored},
		{name: "qualifypeers", def: "1", kind: anyCount, standing: ignored},
		{name: "regcontext", kind: text, standing: later},
		{name: "regextenonqualify", def: "no", kind: truth, standing: later},
		{name: "ignoreregexpire", def: "no", kind: truth, standing: later},
		{name: "mwi", kind: text, secret: true, standing: later},
		{name: "mwiexpiry", def: "3600", kind: anyCount, standing: later},
		{name: "submin", def: "60", kind: anyCount, standing: later},
		{name: "subminexpiry", def: "60", kind: anyCount, at: func(s *S) any { return &s.MinSubscription }, standing: later},
		{name: "submaxexpiry", def: "3600", kind: anyCount, at: func(s *S) any { return &s.MaxSubscription }, standing: later},

		// What our messages look like.
		{name: "callerid", def: "asterisk", kind: text, at: func(s *S) any { return &s.CallerID }},
		{name: "useragent", kind: text, at: func(s *S) any { return &s.UserAgent }},
		{name: "sdpowner", def: "root", take: func(s *S, v string) error {
			if v == "" || strings.ContainsAny(v, " \t") {
				return errors.New("must be one word")
			}
			s.SDPOwner = v
			return nil
		}},
		{name: "sdpsession", kind: text, at: func(s *S) any { return &s.SDPSession }},
		{name: "t1min", def: "100", kind: milliseconds(1, 60000), at: func(s *S) any { return &s.TimerT1Min }, standing: later},
		{name: "timert1", def: "500", kind: milliseconds(1, 60000), at: func(s *S) any { return &s.TimerT1 }, standing: later},
		{name: "timerb", def: "32000", kind: milliseconds(1, 3600000), at: func(s *S) any { return &s.TimerB }, standing: later},
		{name: "maxforwards", def: "70", kind: count(1, 255), at: func(s *S) any { return &s.MaxForwards }},
		{name: "pedantic", def: "yes", kind: truth, at: func(s *S) any { return &s.Pedantic }, standing: ignored},
		{name: "compactheaders", def: "no", kind: truth, at: func(s *S) any { return &s.CompactHeaders }, standing: later},
		{name: "legacy_useroption_parsing", def: "no", kind: truth, standing: later},
		{name: "shrinkcallerid", def: "yes", kind: truth, standing: later},
		{name: "prematuremedia", def: "yes", kind: truth, standing: later},
		{name: "relaxdtmf", def: "no", kind: truth, standing: ignored},
		{name: "directrtpsetup", def: "no", kind: truth, standing: later},
		{name: "notifyringing", def: "yes", kind: text, standing: later},
		{name: "notifyhold", def: "no", kind: truth, at: func(s *S) any { return &s.NotifyHold }, standing: later},
		{name: "notifycid", def: "no", kind: text, standing: later},
		{name: "notifymimetype", def: "application/simple-message-summary", kind: text, standing: later},
		{name: "checkmwi", kind: text, standing: ignored},
		{name: "storesipcause", def: "no", kind: truth, standing: ignored},
		{name: "store_sip_cause", def: "no", kind: truth, standing: ignored},
		{name: "callevents", kind: text, standing: ignored},
		{name: "subscribe_network_change_event", def: "yes", kind: truth, standing: ignored},

		// Traces.
		{name: "sipdebug", def: "no", kind: truth, at: func(s *S) any { return &s.Debug }},
		{name: "recordhistory", def: "no", kind: truth, at: func(s *S) any { return &s.RecordHistory }},
		{name: "dumphistory", def: "no", kind: truth, standing: later},

		// Databases of devices, jitter buffers.
		{name: "rtcachefriends", def: "no", kind: truth, standing: ignored},
		{name: "rtsavesysname", def: "no", kind: truth, standing: ignored},
		{name: "rtsavepath", def: "no", kind: truth, standing: ignored},
		{name: "rtupdate", def: "yes", kind: truth, standing: ignored},
		{name: "rtautoclear", def: "yes", kind: text, standing: ignored},
		{name: "jbenable", def: "no", kind: truth, standing: later},
		{name: "jbforce", def: "no", kind: truth, standing: later},
		{name: "jbmaxsize", kind: text, standing: later},
		{name: "jbresyncthreshold", kind: text, standing: later},
		{name: "jbimpl", kind: text, standing: later},
		{name: "jbtargetextra", kind: text, standing: later},
		{name: "jblog", def: "no", kind: truth, standing: later},
		{name: "t38pt_udptl_ec", kind: text, standing: later},
	}
}

func takeGuests(s *SIP, v string) error {
	on, _, err := truth.read(v)
	s.AllowGuest, _ = on.(bool)
	s.guestsWritten = true
	return err
}

// takeListen reads an address to bind, with or without port; without, a port
// set before stays.
func takeListen(to *netip.AddrPort, v string) error {
	if ap, err := netip.ParseAddrPort(v); err == nil {
		*to = ap
		return nil
	}
	a, err := netip.ParseAddr(strings.Trim(v, "[]"))
	if err != nil {
		return fault("not an address, want ip or ip:port")
	}
	*to = netip.AddrPortFrom(a, to.Port())
	return nil
}
