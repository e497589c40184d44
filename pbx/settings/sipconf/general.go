package sipconf

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"branchline/pbx/settings"
	"branchline/pbx/settings/option"
)

// generalOptions is every option of [general] that is no default of devices.
func generalOptions() []option.Row[conf] {
	type S = conf
	return []option.Row[S]{
		// Who may come in.
		{Name: "allowguest", Default: "yes", Take: takeGuests},
		{Name: "alwaysauthreject", Default: "yes", Kind: option.Truth, At: func(s *S) any { return &s.AlwaysAuthReject }},
		{Name: "match_auth_username", Default: "no", Kind: option.Truth, At: func(s *S) any { return &s.MatchAuthUsername }},
		{Name: "auth_options_requests", Default: "no", Kind: option.Truth, At: func(s *S) any { return &s.AuthOptions }},
		{Name: "auth_message_requests", Default: "yes", Kind: option.Truth, At: func(s *S) any { return &s.AuthMessages }},
		{Name: "accept_outofcall_message", Default: "yes", Kind: option.Truth, At: func(s *S) any { return &s.AcceptMessages }},
		{Name: "outofcall_message_context", Kind: option.Text, At: func(s *S) any { return &s.Device.e.MessageContext }},
		{Name: "realm", Default: "asterisk", Kind: option.Text, At: func(s *S) any { return &s.Realm }},
		{Name: "domainsasrealm", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "domain", Take: func(s *S, v string) error { s.Domains = append(s.Domains, v); return nil }, Standing: option.Later},
		{Name: "autodomain", Default: "no", Kind: option.Truth, At: func(s *S) any { return &s.AutoDomain }, Standing: option.Later},
		{Name: "allowexternaldomains", Default: "yes", Kind: option.Truth, At: func(s *S) any { return &s.AllowExternalDomains }, Standing: option.Later},
		{Name: "autocreatepeer", Default: "no", Take: func(_ *S, v string) error {
			switch strings.ToLower(v) {
			case "no", "false", "off", "0":
				return nil
			}
			return option.Doubt("devices are never created for whoever asks")
		}},
		{Name: "dynamic_exclude_static", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "authfailureevents", Default: "no", Kind: option.Truth, Standing: option.Ignored},

		// Sockets and addresses.
		{Name: "udpbindaddr", Take: func(s *S, v string) error { return takeListen(&s.UDP, v) }},
		{Name: "bindaddr", Take: func(s *S, v string) error {
			if err := takeListen(&s.UDP, v); err != nil {
				return err
			}
			return takeListen(&s.TCP, v)
		}},
		{Name: "bindport", Take: func(s *S, v string) error {
			n, err := strconv.ParseUint(v, 10, 16)
			if err != nil || n == 0 {
				return errors.New("want a port from 1 to 65535")
			}
			s.UDP = netip.AddrPortFrom(s.UDP.Addr(), uint16(n))
			return nil
		}},
		{Name: "tcpenable", Default: "no", Kind: option.Truth, At: func(s *S) any { return &s.TCPEnable }},
		{Name: "tcpbindaddr", Take: func(s *S, v string) error { return takeListen(&s.TCP, v) }},
		{Name: "tcpauthtimeout", Default: "30", Kind: option.Count(1, 3600), Standing: option.Ignored},
		{Name: "tcpauthlimit", Default: "100", Kind: option.Count(1, 100000), Standing: option.Ignored},
		{Name: "tlsenable", Default: "no", Kind: option.Truth, At: func(s *S) any { return &s.TLSEnable }, Standing: option.Later},
		{Name: "tlsbindaddr", Kind: option.Text, Standing: option.Later},
		{Name: "tlscertfile", Kind: option.Text, Standing: option.Later},
		{Name: "tlsprivatekey", Kind: option.Text, Standing: option.Later},
		{Name: "tlscafile", Kind: option.Text, Standing: option.Later},
		{Name: "tlscapath", Kind: option.Text, Standing: option.Later},
		{Name: "tlscadir", Kind: option.Text, Standing: option.Later},
		{Name: "tlsdontverifyserver", Default: "no", Kind: option.Text, Standing: option.Later},
		{Name: "tlscipher", Kind: option.Text, Standing: option.Later},
		{Name: "tlsclientmethod", Kind: option.Text, Standing: option.Later},
		{Name: "websocket_enabled", Default: "yes", Kind: option.Truth, Standing: option.Ignored},
		{Name: "websocket_write_timeout", Default: "100", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "srvlookup", Default: "yes", Kind: option.Truth, At: func(s *S) any { return &s.SRVLookup }},
		{Name: "localnet", Take: func(s *S, v string) error {
			p, err := settings.ParsePrefix(v)
			if err == nil {
				s.LocalNets = append(s.LocalNets, p)
			}
			return err
		}},
		{Name: "externaddr", Take: func(s *S, v string) (err error) {
			s.ExternalAddr, s.ExternalPort, err = hostAndPort(v)
			return err
		}},
		{Name: "externhost", Take: func(s *S, v string) (err error) {
			s.ExternalHost, s.ExternalPort, err = hostAndPort(v)
			return err
		}},
		{Name: "externrefresh", Default: "10", Kind: option.AnyCount, At: func(s *S) any { return &s.ExternalRefresh }},
		{Name: "externtcpport", Default: "0", Kind: option.Count(0, 65535), At: func(s *S) any { return &s.ExternalTCPPort }},
		{Name: "externtlsport", Default: "0", Kind: option.Count(0, 65535), Standing: option.Later},
		{Name: "matchexternaddrlocally", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "matchexterniplocally", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "media_address", Kind: option.Text, At: func(s *S) any { return &s.MediaAddress }},
		{Name: "rtpbindaddr", Kind: option.Text, Standing: option.Later},
		{Name: "stunaddr", Kind: option.Text, Standing: option.Later},
		{Name: "tos_sip", Default: "0", Kind: option.TOS, At: func(s *S) any { return &s.TOS }},
		{Name: "tos_audio", Default: "0", Kind: option.TOS, At: func(s *S) any { return &s.Device.e.TOSAudio }, Standing: option.Later},
		{Name: "tos_video", Default: "0", Kind: option.TOS, Standing: option.Later},
		{Name: "tos_text", Default: "0", Kind: option.TOS, Standing: option.Later},
		{Name: "cos_sip", Default: "4", Kind: option.Count(0, 7), At: func(s *S) any { return &s.COS }, Standing: option.Later},
		{Name: "cos_audio", Default: "5", Kind: option.Count(0, 7), Standing: option.Later},
		{Name: "cos_video", Default: "6", Kind: option.Count(0, 7), Standing: option.Later},
		{Name: "cos_text", Default: "5", Kind: option.Count(0, 7), Standing: option.Later},

		// Registration, ours and theirs.
		{Name: "minexpiry", Default: "60", Kind: option.AnyCount, At: func(s *S) any { return &s.MinExpiry }},
		{Name: "maxexpiry", Default: "3600", Kind: option.AnyCount, At: func(s *S) any { return &s.MaxExpiry }},
		{Name: "defaultexpiry", Default: "120", Kind: option.AnyCount, At: func(s *S) any { return &s.DefaultExpiry }},
		{Name: "registertimeout", Default: "20", Kind: option.Count(1, 86400), At: func(s *S) any { return &s.RegisterTimeout }},
		{Name: "registerattempts", Default: "0", Kind: option.AnyCount, At: func(s *S) any { return &s.RegisterAttempts }},
		{Name: "register_retry_403", Default: "no", Kind: option.Truth, At: func(s *S) any { return &s.RegisterRetry403 }},
		{Name: "qualifygap", Default: "100", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "qualifypeers", Default: "1", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "regcontext", Kind: option.Text, Standing: option.Later},
		{Name: "regextenonqualify", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "ignoreregexpire", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "mwi", Kind: option.Text, Secret: true, Standing: option.Later},
		{Name: "mwiexpiry", Default: "3600", Kind: option.AnyCount, Standing: option.Later},
		{Name: "submin", Default: "60", Kind: option.AnyCount, Standing: option.Later},
		{Name: "subminexpiry", Default: "60", Kind: option.AnyCount, At: func(s *S) any { return &s.MinSubscription }},
		{Name: "submaxexpiry", Default: "3600", Kind: option.AnyCount, At: func(s *S) any { return &s.MaxSubscription }},

		// What our messages look like.
		{Name: "callerid", Default: "asterisk", Kind: option.Text, At: func(s *S) any { return &s.CallerID }},
		{Name: "useragent", Kind: option.Text, At: func(s *S) any { return &s.UserAgent }},
		{Name: "sdpowner", Default: "root", Take: func(s *S, v string) error {
			if v == "" || strings.ContainsAny(v, " \t") {
				return errors.New("must be one word")
			}
			s.SDPOwner = v
			return nil
		}},
		{Name: "sdpsession", Kind: option.Text, At: func(s *S) any { return &s.SDPSession }},
		{Name: "t1min", Default: "100", Kind: option.Milliseconds(1, 60000), At: func(s *S) any { return &s.TimerT1Min }, Standing: option.Later},
		{Name: "timert1", Default: "500", Kind: option.Milliseconds(1, 60000), At: func(s *S) any { return &s.TimerT1 }, Standing: option.Later},
		{Name: "timerb", Default: "32000", Kind: option.Milliseconds(1, 3600000), At: func(s *S) any { return &s.TimerB }, Standing: option.Later},
		{Name: "maxforwards", Default: "70", Kind: option.Count(1, 255), At: func(s *S) any { return &s.MaxForwards }},
		{Name: "pedantic", Default: "yes", Kind: option.Truth, At: func(s *S) any { return &s.Pedantic }, Standing: option.Ignored},
		{Name: "compactheaders", Default: "no", Kind: option.Truth, At: func(s *S) any { return &s.CompactHeaders }, Standing: option.Later},
		{Name: "legacy_useroption_parsing", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "shrinkcallerid", Default: "yes", Kind: option.Truth, Standing: option.Later},
		{Name: "prematuremedia", Default: "yes", Kind: option.Truth, Standing: option.Later},
		{Name: "relaxdtmf", Default: "no", Kind: option.Truth, Standing: option.Ignored},
		{Name: "directrtpsetup", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "notifyringing", Default: "yes", Kind: option.Choice("yes|on|true|1", "no|off|false|0", "notinuse"), At: func(s *S) any { return &s.NotifyRinging }},
		{Name: "notifyhold", Default: "no", Kind: option.Truth, At: func(s *S) any { return &s.NotifyHold }},
		{Name: "notifycid", Default: "no", Kind: option.Text, Standing: option.Later},
		{Name: "notifymimetype", Default: "application/simple-message-summary", Kind: option.Text, Standing: option.Later},
		{Name: "checkmwi", Kind: option.Text, Standing: option.Ignored},
		{Name: "storesipcause", Default: "no", Kind: option.Truth, Standing: option.Ignored},
		{Name: "store_sip_cause", Default: "no", Kind: option.Truth, Standing: option.Ignored},
		{Name: "callevents", Kind: option.Text, Standing: option.Ignored},
		{Name: "subscribe_network_change_event", Default: "yes", Kind: option.Truth, Standing: option.Ignored},

		// Traces.
		{Name: "sipdebug", Default: "no", Kind: option.Truth, At: func(s *S) any { return &s.Debug }},
		{Name: "recordhistory", Default: "no", Kind: option.Truth, At: func(s *S) any { return &s.RecordHistory }},
		{Name: "dumphistory", Default: "no", Kind: option.Truth, Standing: option.Later},

		// Databases of devices, jitter buffers.
		{Name: "rtcachefriends", Default: "no", Kind: option.Truth, Standing: option.Ignored},
		{Name: "rtsavesysname", Default: "no", Kind: option.Truth, Standing: option.Ignored},
		{Name: "rtsavepath", Default: "no", Kind: option.Truth, Standing: option.Ignored},
		{Name: "rtupdate", Default: "yes", Kind: option.Truth, Standing: option.Ignored},
		{Name: "rtautoclear", Default: "yes", Kind: option.Text, Standing: option.Ignored},
		{Name: "jbenable", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "jbforce", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "jbmaxsize", Kind: option.Text, Standing: option.Later},
		{Name: "jbresyncthreshold", Kind: option.Text, Standing: option.Later},
		{Name: "jbimpl", Kind: option.Text, Standing: option.Later},
		{Name: "jbtargetextra", Kind: option.Text, Standing: option.Later},
		{Name: "jblog", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "t38pt_udptl_ec", Kind: option.Text, Standing: option.Later},
	}
}

func takeGuests(s *conf, v string) error {
	on, _, err := option.Truth.Read(v)
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
