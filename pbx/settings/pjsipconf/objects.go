package pjsipconf

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"branchline/pbx/settings"
	"branchline/pbx/settings/option"
)

// The tables of the small object types. Rows that carry no field are known by
// name and range and shown, nothing more.

func transportOptions() []option.Row[settings.Transport] {
	type T = settings.Transport
	return []option.Row[T]{
		{Name: "protocol", Default: "udp", Kind: option.Choice("udp", "tcp", "tls", "ws", "wss", "flow"), At: func(t *T) any { return &t.Protocol }},
		{Name: "bind", Take: takeBind, Show: func(t *T) []string { return []string{t.Binding()} }},
		{Name: "local_net", Take: func(t *T, s string) error {
			for _, item := range option.CommaList(s) {
				p, err := settings.ParsePrefix(item)
				if err != nil {
					return err
				}
				t.LocalNets = append(t.LocalNets, p)
			}
			return nil
		}, Show: func(t *T) []string {
			var out []string
			for _, p := range t.LocalNets {
				out = append(out, withMask(p, 0))
			}
			return out
		}},
		{Name: "external_signaling_address", Kind: option.Text, At: func(t *T) any { return &t.ExternalSignaling }},
		{Name: "external_signaling_port", Default: "0", Kind: option.Count(0, 65535), At: func(t *T) any { return &t.ExternalSignalingPort }},
		{Name: "external_signaling_hostname", Kind: option.Text, Showing: option.WhenSet, Standing: option.Later},
		{Name: "external_media_address", Kind: option.Text, At: func(t *T) any { return &t.ExternalMedia }},
		{Name: "domain", Kind: option.Text, At: func(t *T) any { return &t.Domain }},
		{Name: "tos", Default: "0", Kind: option.TOS, At: func(t *T) any { return &t.TOS }},
		{Name: "cos", Default: "0", Kind: option.Count(0, 7), At: func(t *T) any { return &t.COS }, Standing: option.Later},
		{Name: "allow_reload", Default: "no", Kind: option.Truth, At: func(t *T) any { return &t.AllowReload }},
		{Name: "symmetric_transport", Default: "no", Kind: option.Truth, At: func(t *T) any { return &t.Symmetric }, Standing: option.Later},
		{Name: "tcp_keepalive_enable", Default: "no", Kind: option.Truth, At: func(t *T) any { return &t.KeepAlive }},
		{Name: "tcp_keepalive_idle_time", Default: "30", Kind: option.AnyCount, At: func(t *T) any { return &t.KeepAliveIdle }},
		{Name: "tcp_keepalive_interval_time", Default: "1", Kind: option.AnyCount, At: func(t *T) any { return &t.KeepAliveEvery }},
		{Name: "tcp_keepalive_probe_count", Default: "5", Kind: option.AnyCount, At: func(t *T) any { return &t.KeepAliveProbes }},
		{Name: "async_operations", Default: "1", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "websocket_write_timeout", Default: "100", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "cert_file", Kind: option.Text, Standing: option.Later},
		{Name: "priv_key_file", Kind: option.Text, Standing: option.Later},
		{Name: "ca_list_file", Kind: option.Text, Standing: option.Later},
		{Name: "ca_list_path", Kind: option.Text, Standing: option.Later},
		{Name: "password", Kind: option.Text, Secret: true, Standing: option.Later},
		{Name: "cipher", Kind: option.Text, Standing: option.Later},
		{Name: "method", Default: "unspecified", Standing: option.Later,
			Kind: option.Choice("unspecified|default", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3", "sslv2", "sslv3", "sslv23")},
		{Name: "verify_server", Default: "no", Kind: option.TLSYes, Standing: option.Later},
		{Name: "verify_client", Default: "no", Kind: option.TLSYes, Standing: option.Later},
		{Name: "require_client_cert", Default: "no", Kind: option.TLSYes, Standing: option.Later},
		{Name: "allow_wildcard_certs", Default: "no", Kind: option.TLSYes, Standing: option.Later},
	}
}

func takeBind(t *settings.Transport, s string) error {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		t.Bind = ap
		return nil
	}
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		t.Bind = netip.AddrPortFrom(a, 0)
		return nil
	}
	name, text, ported := strings.Cut(s, ":")
	port, err := strconv.ParseUint(text, 10, 16)
	if !isDevice(name) || ported && err != nil {
		return errors.New("not an address, want ip, ip:port, [ip]:port, or an interface like eth0 or eth0:5060")
	}
	t.Device, t.Bind = name, netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port))
	return nil
}

// isDevice reports whether s can be an interface: what looks like an address with a
// slip in it is none.
func isDevice(s string) bool {
	return s != "" && len(s) <= 15 && strings.Trim(s, "0123456789.") != "" && !strings.ContainsAny(s, " \t/[]%,")
}

func finishTransport(t *settings.Transport) error {
	switch {
	case t.Protocol != "udp" && t.Protocol != "tcp":
		return settings.Lack("protocol=" + t.Protocol + " is not supported yet, only udp and tcp")
	case !t.Bind.IsValid():
		return errors.New("bind is missing")
	case t.ExternalSignalingPort != 0 && t.ExternalSignaling == "":
		return errors.New("external_signaling_port needs external_signaling_address")
	}
	if t.Bind.Port() == 0 {
		t.Bind = netip.AddrPortFrom(t.Bind.Addr(), 5060)
	}
	return nil
}

func authOptions() []option.Row[settings.Auth] {
	type A = settings.Auth
	algorithms := option.WordList("MD5", "SHA-256", "SHA-512-256")
	return []option.Row[A]{
		{Name: "auth_type", Default: "userpass", Kind: option.Choice("userpass", "md5", "digest", "google_oauth"), At: func(a *A) any { return &a.Type }},
		{Name: "username", Kind: option.Text, At: func(a *A) any { return &a.Username }},
		{Name: "password", Kind: option.Text, Secret: true, At: func(a *A) any { return &a.Password }},
		{Name: "md5_cred", Secret: true, Take: func(a *A, s string) error { return settings.TakeHA1(a, "MD5", s) },
			Show: func(a *A) []string { return []string{a.MD5Cred} }},
		{Name: "password_digest", Secret: true, Take: func(a *A, s string) error {
			for _, item := range option.CommaList(s) {
				name, sum, ok := strings.Cut(item, ":")
				if !ok {
					return errors.New("want ALGORITHM:digest")
				}
				if err := settings.TakeHA1(a, strings.ToUpper(strings.TrimSpace(name)), strings.TrimSpace(sum)); err != nil {
					return err
				}
			}
			return nil
		}, Show: func(a *A) []string { return []string{strconv.Itoa(len(a.Digests)) + " digests"} }},
		{Name: "realm", Kind: option.Text, At: func(a *A) any { return &a.Realm }},
		{Name: "nonce_lifetime", Default: "32", Kind: option.AnyCount, At: func(a *A) any { return &a.NonceLifetime }},
		{Name: "supported_algorithms_uas", Default: "MD5", Kind: algorithms, At: func(a *A) any { return &a.Algorithms }},
		{Name: "supported_algorithms_uac", Default: "MD5", Kind: algorithms, At: func(a *A) any { return &a.AlgorithmsUAC }},
		{Name: "refresh_token", Kind: option.Text, Secret: true, Standing: option.Ignored},
		{Name: "oauth_clientid", Kind: option.Text, Standing: option.Ignored},
		{Name: "oauth_secret", Kind: option.Text, Secret: true, Standing: option.Ignored},
	}
}

func finishAuth(a *settings.Auth) error {
	if a.Type == "google_oauth" {
		return settings.Lack("auth_type=google_oauth is not supported")
	}
	if a.Username == "" {
		return errors.New("username is missing")
	}
	if a.Type == "md5" && len(a.Digests) == 0 {
		return errors.New("auth_type=md5 needs md5_cred")
	}
	if a.Type != "md5" && a.Password != "" {
		return nil
	}
	for _, alg := range slices.Concat(a.Algorithms, a.AlgorithmsUAC) {
		if a.Digests[alg] == "" {
			return fmt.Errorf("neither password nor digest for algorithm %s", alg)
		}
	}
	return nil
}

func aorOptions() []option.Row[settings.AOR] {
	type A = settings.AOR
	return []option.Row[A]{
		{Name: "contact", Take: func(a *A, s string) error {
			for _, uri := range option.CommaList(s) {
				if !option.IsSIP(uri) {
					return fmt.Errorf("%q does not begin with sip: or sips: as it must", uri)
				}
				a.Contacts = append(a.Contacts, uri)
			}
			return nil
		}, Show: func(a *A) []string { return a.Contacts }},
		{Name: "max_contacts", Default: "0", Kind: option.AnyCount, At: func(a *A) any { return &a.MaxContacts }},
		{Name: "remove_existing", Default: "no", Kind: option.Truth, At: func(a *A) any { return &a.RemoveExisting }},
		{Name: "remove_unavailable", Default: "no", Kind: option.Truth, At: func(a *A) any { return &a.RemoveUnavailable }},
		{Name: "minimum_expiration", Default: "60", Kind: option.AnyCount, At: func(a *A) any { return &a.MinExpiry }},
		{Name: "maximum_expiration", Default: "7200", Kind: option.AnyCount, At: func(a *A) any { return &a.MaxExpiry }},
		{Name: "default_expiration", Default: "3600", Kind: option.AnyCount, At: func(a *A) any { return &a.DefaultExpiry }},
		{Name: "qualify_frequency", Default: "0", Kind: option.Count(0, 86400), At: func(a *A) any { return &a.QualifyFrequency }},
		{Name: "qualify_timeout", Default: "3.0", Kind: option.DecimalSeconds, At: func(a *A) any { return &a.QualifyTimeout }},
		{Name: "qualify_2xx_only", Default: "no", Kind: option.Truth, At: func(a *A) any { return &a.Qualify2xxOnly }},
		{Name: "authenticate_qualify", Default: "no", Kind: option.Truth, At: func(a *A) any { return &a.AuthenticateQualify }},
		{Name: "outbound_proxy", Kind: option.SIPURI, At: func(a *A) any { return &a.OutboundProxy }},
		{Name: "support_path", Default: "no", Kind: option.Truth, At: func(a *A) any { return &a.SupportPath }},
		{Name: "mailboxes", Kind: option.List, At: func(a *A) any { return &a.Mailboxes }},
		{Name: "voicemail_extension", Kind: option.Text, At: func(a *A) any { return &a.VoicemailExtension }},
	}
}

func identifyOptions() []option.Row[settings.Identify] {
	type I = settings.Identify
	return []option.Row[I]{
		{Name: "endpoint", Kind: option.Text, At: func(i *I) any { return &i.Endpoint }},
		{Name: "match", Take: func(i *I, s string) error {
			for _, item := range option.CommaList(s) {
				m, err := match(item)
				if err != nil {
					return err
				}
				i.Matches = append(i.Matches, m)
			}
			return nil
		}, Show: func(i *I) []string {
			var out []string
			for _, m := range i.Matches {
				out = append(out, long(m))
			}
			return out
		}},
		{Name: "match_header", Take: takeHeader, Show: func(i *I) []string { return []string{i.HeaderWords()} }},
		{Name: "match_request_uri", Take: func(i *I, s string) error {
			i.RequestURI = s
			if expr, ok := slashed(s); ok {
				_, err := regexp.CompilePOSIX(expr)
				return err
			}
			return nil
		}, Show: func(i *I) []string { return []string{i.RequestURI} }},
		{Name: "srv_lookups", Default: "yes", Kind: option.Truth, At: func(i *I) any { return &i.SRVLookups }},
	}
}

func takeHeader(i *settings.Identify, s string) error {
	name, value, ok := strings.Cut(s, ":")
	if !ok || strings.TrimSpace(name) == "" {
		return errors.New("want Name: value")
	}
	i.Header, i.HeaderValue, i.HeaderRegex = strings.TrimSpace(name), strings.TrimSpace(value), ""
	if expr, ok := slashed(i.HeaderValue); ok {
		i.HeaderValue, i.HeaderRegex = "", expr
		_, err := regexp.CompilePOSIX(expr)
		return err
	}
	return nil
}

// slashed returns what stands between the slashes of /expression/.
func slashed(s string) (string, bool) {
	if len(s) < 2 || s[0] != '/' || s[len(s)-1] != '/' {
		return "", false
	}
	return s[1 : len(s)-1], true
}

func finishIdentify(i *settings.Identify) error {
	switch {
	case i.Endpoint == "":
		return errors.New("endpoint is missing")
	case len(i.Matches) == 0 && i.Header == "" && i.RequestURI == "":
		return errors.New("has neither match, match_header nor match_request_uri")
	}
	return nil
}

func aclOptions() []option.Row[settings.ACL] {
	type A = settings.ACL
	return []option.Row[A]{
		{Name: "permit", Take: func(a *A, s string) error { return settings.TakeRules(&a.Rules, true, s) }},
		{Name: "deny", Take: func(a *A, s string) error { return settings.TakeRules(&a.Rules, false, s) }},
		{Name: "contact_permit", Take: func(a *A, s string) error { return settings.TakeRules(&a.ContactRules, true, s) }},
		{Name: "contact_deny", Take: func(a *A, s string) error { return settings.TakeRules(&a.ContactRules, false, s) }},
		{Name: "acl", Take: func(*A, string) error { return option.Doubt("acl.conf is not read; write permit and deny here") }},
		{Name: "contact_acl", Take: func(*A, string) error {
			return option.Doubt("acl.conf is not read; write contact_permit and contact_deny here")
		}},
	}
}

// An alias is a domain_alias section; the section's name is the alias.
type alias struct {
	settings.Object
	Domain string
}

func aliasOptions() []option.Row[alias] {
	return []option.Row[alias]{{Name: "domain", Kind: option.Text, At: func(a *alias) any { return &a.Domain }}}
}

func registrationOptions() []option.Row[settings.Registration] {
	type R = settings.Registration
	return []option.Row[R]{
		{Name: "server_uri", Kind: option.SIPURI, At: func(r *R) any { return &r.ServerURI }},
		{Name: "client_uri", Kind: option.SIPURI, At: func(r *R) any { return &r.ClientURI }},
		{Name: "contact_user", Kind: option.Text, At: func(r *R) any { return &r.ContactUser }},
		{Name: "contact_header_params", Kind: option.Text, At: func(r *R) any { return &r.ContactHeaderParams }},
		{Name: "outbound_auth", Kind: option.List, At: func(r *R) any { return &r.OutboundAuths }},
		{Name: "outbound_proxy", Kind: option.SIPURI, At: func(r *R) any { return &r.OutboundProxy }},
		{Name: "transport", Kind: option.Text, At: func(r *R) any { return &r.Transport }},
		{Name: "expiration", Default: "3600", Kind: option.AnyCount, At: func(r *R) any { return &r.Expiration }},
		{Name: "retry_interval", Default: "60", Kind: option.AnyCount, At: func(r *R) any { return &r.RetryInterval }},
		{Name: "forbidden_retry_interval", Default: "0", Kind: option.AnyCount, At: func(r *R) any { return &r.ForbiddenRetry }},
		{Name: "fatal_retry_interval", Default: "0", Kind: option.AnyCount, At: func(r *R) any { return &r.FatalRetry }},
		{Name: "max_retries", Default: "10", Kind: option.AnyCount, At: func(r *R) any { return &r.MaxRetries }},
		{Name: "max_random_initial_delay", Default: "10", Kind: option.AnyCount, At: func(r *R) any { return &r.MaxRandomDelay }},
		{Name: "auth_rejection_permanent", Default: "yes", Kind: option.Truth, At: func(r *R) any { return &r.AuthRejectionPermanent }},
		{Name: "line", Default: "no", Kind: option.Truth, At: func(r *R) any { return &r.Line }},
		{Name: "endpoint", Kind: option.Text, At: func(r *R) any { return &r.Endpoint }},
		{Name: "user_agent", Kind: option.Text, At: func(r *R) any { return &r.UserAgent }},
		{Name: "support_path", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "support_outbound", Default: "no", Kind: option.YesNo, Standing: option.Later},
		{Name: "security_negotiation", Default: "no", Kind: option.Choice("no", "mediasec"), Standing: option.Ignored},
		{Name: "security_mechanisms", Kind: option.Text, Showing: option.WhenSet, Standing: option.Ignored},
	}
}

func finishRegistration(r *settings.Registration) error {
	switch {
	case r.ServerURI == "":
		return errors.New("server_uri is missing")
	case r.ClientURI == "":
		return errors.New("client_uri is missing")
	}
	if r.ContactUser == "" {
		r.ContactUser = "s" // the extension that inbound calls then have
	}
	return nil
}

func globalOptions() []option.Row[settings.Global] {
	type G = settings.Global
	return []option.Row[G]{
		{Name: "endpoint_identifier_order", Default: "ip,username,anonymous", At: func(g *G) any { return &g.EndpointIdentifierOrder },
			Kind: option.WordList("ip", "username", "anonymous", "auth_username", "header", "request_uri", "transport")},
		{Name: "user_agent", Kind: option.Text, At: func(g *G) any { return &g.UserAgent }},
		{Name: "default_realm", Default: "asterisk", Kind: option.Text, At: func(g *G) any { return &g.DefaultRealm }},
		{Name: "default_from_user", Default: "asterisk", Kind: option.Text, At: func(g *G) any { return &g.DefaultFromUser }},
		{Name: "max_forwards", Default: "70", Kind: option.Count(1, 255), At: func(g *G) any { return &g.MaxForwards }},
		{Name: "keep_alive_interval", Default: "90", Kind: option.AnyCount, At: func(g *G) any { return &g.KeepAliveInterval }},
		// Contacts end when they expire, not at the next check.
		{Name: "contact_expiration_check_interval", Default: "30", Kind: option.AnyCount, At: func(g *G) any { return &g.ContactExpirationInterval }, Standing: option.Ignored},
		{Name: "max_initial_qualify_time", Default: "0", Kind: option.AnyCount, At: func(g *G) any { return &g.MaxInitialQualify }},
		{Name: "disable_multi_domain", Default: "no", Kind: option.Truth, At: func(g *G) any { return &g.DisableMultiDomain }},
		{Name: "ignore_uri_user_options", Default: "no", Kind: option.Truth, At: func(g *G) any { return &g.IgnoreURIUserOptions }},
		{Name: "debug", Default: "no", Kind: option.Text, At: func(g *G) any { return &g.Debug }},
		{Name: "unidentified_request_count", Default: "5", Kind: option.AnyCount, Standing: option.Later},
		{Name: "unidentified_request_period", Default: "5", Kind: option.AnyCount, Standing: option.Later},
		{Name: "unidentified_request_prune_interval", Default: "30", Kind: option.AnyCount, Standing: option.Later},
		{Name: "default_outbound_endpoint", Default: "default_outbound_endpoint", Kind: option.Text, Standing: option.Later},
		{Name: "default_voicemail_extension", Kind: option.Text, At: func(g *G) any { return &g.VoicemailExtension }},
		{Name: "regcontext", Kind: option.Text, Standing: option.Later},
		{Name: "use_callerid_contact", Default: "no", Kind: option.YesNo, At: func(g *G) any { return &g.CallerContact }},
		{Name: "allow_sending_180_after_183", Default: "no", Kind: option.Truth, At: func(g *G) any { return &g.LateRinging }},
		{Name: "norefersub", Default: "yes", Kind: option.YesNo, Standing: option.Later},
		{Name: "all_codecs_on_empty_reinvite", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "mwi_tps_queue_high", Default: "500", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "mwi_tps_queue_low", Default: "-1", Kind: option.Count(-1, 1<<31-1), Standing: option.Ignored},
		{Name: "mwi_disable_initial_unsolicited", Default: "no", Kind: option.Truth, At: func(g *G) any { return &g.NoInitialMWI }},
		{Name: "send_contact_status_on_update_registration", Default: "no", Kind: option.YesNo, Standing: option.Later},
		{Name: "taskprocessor_overload_trigger", Default: "global", Kind: option.Choice("global", "none", "pjsip_only"), Standing: option.Ignored},
		{Name: "default_auth_algorithms_uas", Default: "MD5", Kind: option.WordList("MD5", "SHA-256", "SHA-512-256"), Standing: option.Later},
		{Name: "default_auth_algorithms_uac", Default: "MD5", Kind: option.WordList("MD5", "SHA-256", "SHA-512-256"), Standing: option.Later},
	}
}

func systemOptions() []option.Row[settings.System] {
	type S = settings.System
	return []option.Row[S]{
		{Name: "timer_t1", Default: "500", Kind: option.Milliseconds(100, 60000), At: func(s *S) any { return &s.TimerT1 }},
		{Name: "timer_b", Default: "32000", Kind: option.Milliseconds(100, 3600000), At: func(s *S) any { return &s.TimerB }},
		{Name: "compact_headers", Default: "no", Kind: option.Truth, At: func(s *S) any { return &s.CompactHeaders }, Standing: option.Later},
		{Name: "disable_tcp_switch", Default: "yes", Kind: option.Truth, At: func(s *S) any { return &s.DisableTCPSwitch }, Standing: option.Later},
		{Name: "disable_rport", Default: "no", Kind: option.Truth, At: func(s *S) any { return &s.DisableRport }, Standing: option.Later},
		{Name: "follow_early_media_fork", Default: "yes", Kind: option.Truth, Standing: option.Later},
		{Name: "accept_multiple_sdp_answers", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "threadpool_initial_size", Default: "4", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "threadpool_auto_increment", Default: "1", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "threadpool_idle_timeout", Default: "60", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "threadpool_max_size", Default: "50", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "taskpool_minimum_size", Default: "4", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "taskpool_initial_size", Default: "4", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "taskpool_auto_increment", Default: "1", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "taskpool_idle_timeout", Default: "60", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "taskpool_max_size", Default: "50", Kind: option.AnyCount, Standing: option.Ignored},
	}
}
