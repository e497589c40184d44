package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The tables of the small object types. Rows that carry no field are known by
// name and range and shown, nothing more.

func transportOptions() []option[Transport] {
	type T = Transport
	return []option[T]{
		{name: "protocol", def: "udp", kind: choice("udp", "tcp", "tls", "ws", "wss", "flow"), at: func(t *T) any { return &t.Protocol }},
		{name: "bind", take: takeBind, show: func(t *T) []string { return []string{t.Binding()} }},
		{name: "local_net", take: func(t *T, s string) error {
			for _, item := range commaList(s) {
				p, err := prefix(item)
				if err != nil {
					return err
				}
				t.LocalNets = append(t.LocalNets, p)
			}
			return nil
		}, show: func(t *T) []string {
			var out []string
			for _, p := range t.LocalNets {
				out = append(out, withMask(p, 0))
			}
			return out
		}},
		{name: "external_signaling_address", kind: text, at: func(t *T) any { return &t.ExternalSignaling }},
		{name: "external_signaling_port", def: "0", kind: count(0, 65535), at: func(t *T) any { return &t.ExternalSignalingPort }},
		{name: "external_signaling_hostname", kind: text, showing: whenSet, standing: later},
		{name: "external_media_address", kind: text, at: func(t *T) any { return &t.ExternalMedia }},
		{name: "domain", kind: text, at: func(t *T) any { return &t.Domain }},
		{name: "tos", def: "0", kind: tos, at: func(t *T) any { return &t.TOS }},
		{name: "cos", def: "0", kind: count(0, 7), at: func(t *T) any { return &t.COS }, standing: later},
		{name: "allow_reload", def: "no", kind: truth, at: func(t *T) any { return &t.AllowReload }},
		{name: "symmetric_transport", def: "no", kind: truth, at: func(t *T) any { return &t.Symmetric }, standing: later},
		{name: "tcp_keepalive_enable", def: "no", kind: truth, at: func(t *T) any { return &t.KeepAlive }},
		{name: "tcp_keepalive_idle_time", def: "30", kind: anyCount, at: func(t *T) any { return &t.KeepAliveIdle }},
		{name: "tcp_keepalive_interval_time", def: "1", kind: anyCount, at: func(t *T) any { return &t.KeepAliveEvery }},
		{name: "tcp_keepalive_probe_count", def: "5", kind: anyCount, at: func(t *T) any { return &t.KeepAliveProbes }},
		{name: "async_operations", def: "1", kind: anyCount, standing: ignored},
		{name: "websocket_write_timeout", def: "100", kind: anyCount, standing: ignored},
		{name: "cert_file", kind: text, standing: later},
		{name: "priv_key_file", kind: text, standing: later},
		{name: "ca_list_file", kind: text, standing: later},
		{name: "ca_list_path", kind: text, standing: later},
		{name: "password", kind: text, secret: true, standing: later},
		{name: "cipher", kind: text, standing: later},
		{name: "method", def: "unspecified", standing: later,
			kind: choice("unspecified|default", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3", "sslv2", "sslv3", "sslv23")},
		{name: "verify_server", def: "no", kind: tlsYes, standing: later},
		{name: "verify_client", def: "no", kind: tlsYes, standing: later},
		{name: "require_client_cert", def: "no", kind: tlsYes, standing: later},
		{name: "allow_wildcard_certs", def: "no", kind: tlsYes, standing: later},
	}
}

func takeBind(t *Transport, s string) error {
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

// host is the address or the interface that the transport is bound to.
func (t *Transport) host() string {
	if t.Device != "" {
		return t.Device
	}
	return t.Bind.Addr().String()
}

// Binding is what the transport is bound to, as bind= spells it.
func (t *Transport) Binding() string {
	if t.Device != "" {
		return t.Device + ":" + strconv.Itoa(int(t.Bind.Port()))
	}
	return t.Bind.String()
}

func (t *Transport) finish() error {
	switch {
	case t.Protocol != "udp" && t.Protocol != "tcp":
		return lack("protocol=" + t.Protocol + " is not supported yet, only udp and tcp")
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

func authOptions() []option[Auth] {
	type A = Auth
	algorithms := wordList("MD5", "SHA-256", "SHA-512-256")
	return []option[A]{
		{name: "auth_type", def: "userpass", kind: choice("userpass", "md5", "digest", "google_oauth"), at: func(a *A) any { return &a.Type }},
		{name: "username", kind: text, at: func(a *A) any { return &a.Username }},
		{name: "password", kind: text, secret: true, at: func(a *A) any { return &a.Password }},
		{name: "md5_cred", secret: true, take: func(a *A, s string) error { return takeHA1(a, "MD5", s) },
			show: func(a *A) []string { return []string{a.MD5Cred} }},
		{name: "password_digest", secret: true, take: func(a *A, s string) error {
			for _, item := range commaList(s) {
				name, sum, ok := strings.Cut(item, ":")
				if !ok {
					return errors.New("want ALGORITHM:digest")
				}
				if err := takeHA1(a, strings.ToUpper(strings.TrimSpace(name)), strings.TrimSpace(sum)); err != nil {
					return err
				}
			}
			return nil
		}, show: func(a *A) []string { return []string{strconv.Itoa(len(a.Digests)) + " digests"} }},
		{name: "realm", kind: text, at: func(a *A) any { return &a.Realm }},
		{name: "nonce_lifetime", def: "32", kind: anyCount, at: func(a *A) any { return &a.NonceLifetime }},
		{name: "supported_algorithms_uas", def: "MD5", kind: algorithms, at: func(a *A) any { return &a.Algorithms }},
		{name: "supported_algorithms_uac", def: "MD5", kind: algorithms, at: func(a *A) any { return &a.AlgorithmsUAC }},
		{name: "refresh_token", kind: text, secret: true, standing: ignored},
		{name: "oauth_clientid", kind: text, standing: ignored},
		{name: "oauth_secret", kind: text, secret: true, standing: ignored},
	}
}

// takeHA1 keeps a precomputed digest of user:realm:password. Its length is
// that of the algorithm's output: 32 hexadecimal digits for MD5, else 64.
func takeHA1(a *Auth, algorithm, sum string) error {
	want := map[string]int{"MD5": 32, "SHA-256": 64, "SHA-512-256": 64}[algorithm]
	if want == 0 {
		return fmt.Errorf("unknown algorithm %q, want MD5, SHA-256 or SHA-512-256", algorithm)
	}
	if len(sum) != want || strings.Trim(strings.ToLower(sum), "0123456789abcdef") != "" {
		return fmt.Errorf("a digest for %s has %d hexadecimal digits", algorithm, want)
	}
	if a.Digests == nil {
		a.Digests = map[string]string{}
	}
	a.Digests[algorithm] = strings.ToLower(sum)
	if algorithm == "MD5" {
		a.MD5Cred = a.Digests[algorithm]
	}
	return nil
}

func (a *Auth) finish() error {
	if a.Type == "google_oauth" {
		return lack("auth_type=google_oauth is not supported")
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

func aorOptions() []option[AOR] {
	type A = AOR
	return []option[A]{
		{name: "contact", take: func(a *A, s string) error {
			for _, uri := range commaList(s) {
				if !isSIP(uri) {
					return fmt.Errorf("%q does not begin with sip: or sips: as it must", uri)
				}
				a.Contacts = append(a.Contacts, uri)
			}
			return nil
		}, show: func(a *A) []string { return a.Contacts }},
		{name: "max_contacts", def: "0", kind: anyCount, at: func(a *A) any { return &a.MaxContacts }},
		{name: "remove_existing", def: "no", kind: truth, at: func(a *A) any { return &a.RemoveExisting }},
		{name: "remove_unavailable", def: "no", kind: truth, at: func(a *A) any { return &a.RemoveUnavailable }},
		{name: "minimum_expiration", def: "60", kind: anyCount, at: func(a *A) any { return &a.MinExpiry }},
		{name: "maximum_expiration", def: "7200", kind: anyCount, at: func(a *A) any { return &a.MaxExpiry }},
		{name: "default_expiration", def: "3600", kind: anyCount, at: func(a *A) any { return &a.DefaultExpiry }},
		{name: "qualify_frequency", def: "0", kind: count(0, 86400), at: func(a *A) any { return &a.QualifyFrequency }},
		{name: "qualify_timeout", def: "3.0", kind: decimalSeconds, at: func(a *A) any { return &a.QualifyTimeout }},
		{name: "qualify_2xx_only", def: "no", kind: truth, at: func(a *A) any { return &a.Qualify2xxOnly }},
		{name: "authenticate_qualify", def: "no", kind: truth, at: func(a *A) any { return &a.AuthenticateQualify }},
		{name: "outbound_proxy", kind: sipURI, at: func(a *A) any { return &a.OutboundProxy }},
		{name: "support_path", def: "no", kind: truth, at: func(a *A) any { return &a.SupportPath }},
		{name: "mailboxes", kind: list, at: func(a *A) any { return &a.Mailboxes }, standing: later},
		{name: "voicemail_extension", kind: text, standing: later},
	}
}

func identifyOptions() []option[Identify] {
	type I = Identify
	return []option[I]{
		{name: "endpoint", kind: text, at: func(i *I) any { return &i.Endpoint }},
		{name: "match", take: func(i *I, s string) error {
			for _, item := range commaList(s) {
				m, err := match(item)
				if err != nil {
					return err
				}
				i.Matches = append(i.Matches, m)
			}
			return nil
		}, show: func(i *I) []string {
			var out []string
			for _, m := range i.Matches {
				out = append(out, m.long())
			}
			return out
		}},
		{name: "match_header", take: takeHeader, show: func(i *I) []string { return []string{i.HeaderWords()} }},
		{name: "match_request_uri", take: func(i *I, s string) error {
			i.RequestURI = s
			if expr, ok := slashed(s); ok {
				_, err := regexp.CompilePOSIX(expr)
				return err
			}
			return nil
		}, show: func(i *I) []string { return []string{i.RequestURI} }},
		{name: "srv_lookups", def: "yes", kind: truth, at: func(i *I) any { return &i.SRVLookups }},
	}
}

func takeHeader(i *Identify, s string) error {
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

func (i *Identify) finish() error {
	switch {
	case i.Endpoint == "":
		return errors.New("endpoint is missing")
	case len(i.Matches) == 0 && i.Header == "" && i.RequestURI == "":
		return errors.New("has neither match, match_header nor match_request_uri")
	}
	return nil
}

func aclOptions() []option[ACL] {
	type A = ACL
	return []option[A]{
		{name: "permit", take: func(a *A, s string) error { return takeRules(&a.Rules, true, s) }},
		{name: "deny", take: func(a *A, s string) error { return takeRules(&a.Rules, false, s) }},
		{name: "contact_permit", take: func(a *A, s string) error { return takeRules(&a.ContactRules, true, s) }},
		{name: "contact_deny", take: func(a *A, s string) error { return takeRules(&a.ContactRules, false, s) }},
		{name: "acl", take: func(*A, string) error { return doubt("acl.conf is not read; write permit and deny here") }},
		{name: "contact_acl", take: func(*A, string) error {
			return doubt("acl.conf is not read; write contact_permit and contact_deny here")
		}},
	}
}

// An alias is a domain_alias section; the section's name is the alias.
type alias struct {
	Object
	Domain string
}

func aliasOptions() []option[alias] {
	return []option[alias]{{name: "domain", kind: text, at: func(a *alias) any { return &a.Domain }}}
}

func registrationOptions() []option[Registration] {
	type R = Registration
	return []option[R]{
		{name: "server_uri", kind: sipURI, at: func(r *R) any { return &r.ServerURI }},
		{name: "client_uri", kind: sipURI, at: func(r *R) any { return &r.ClientURI }},
		{name: "contact_user", kind: text, at: func(r *R) any { return &r.ContactUser }},
		{name: "contact_header_params", kind: text, at: func(r *R) any { return &r.ContactHeaderParams }},
		{name: "outbound_auth", kind: list, at: func(r *R) any { return &r.OutboundAuths }},
		{name: "outbound_proxy", kind: sipURI, at: func(r *R) any { return &r.OutboundProxy }},
		{name: "transport", kind: text, at: func(r *R) any { return &r.Transport }},
		{name: "expiration", def: "3600", kind: anyCount, at: func(r *R) any { return &r.Expiration }},
		{name: "retry_interval", def: "60", kind: anyCount, at: func(r *R) any { return &r.RetryInterval }},
		{name: "forbidden_retry_interval", def: "0", kind: anyCount, at: func(r *R) any { return &r.ForbiddenRetry }},
		{name: "fatal_retry_interval", def: "0", kind: anyCount, at: func(r *R) any { return &r.FatalRetry }},
		{name: "max_retries", def: "10", kind: anyCount, at: func(r *R) any { return &r.MaxRetries }},
		{name: "max_random_initial_delay", def: "10", kind: anyCount, at: func(r *R) any { return &r.MaxRandomDelay }},
		{name: "auth_rejection_permanent", def: "yes", kind: truth, at: func(r *R) any { return &r.AuthRejectionPermanent }},
		{name: "line", def: "no", kind: truth, at: func(r *R) any { return &r.Line }},
		{name: "endpoint", kind: text, at: func(r *R) any { return &r.Endpoint }},
		{name: "user_agent", kind: text, at: func(r *R) any { return &r.UserAgent }},
		{name: "support_path", def: "no", kind: truth, standing: later},
		{name: "support_outbound", def: "no", kind: yesNo, standing: later},
		{name: "security_negotiation", def: "no", kind: choice("no", "mediasec"), standing: ignored},
		{name: "security_mechanisms", kind: text, showing: whenSet, standing: ignored},
	}
}

func (r *Registration) finish() error {
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

func globalOptions() []option[Global] {
	type G = Global
	return []option[G]{
		{name: "endpoint_identifier_order", def: "ip,username,anonymous", at: func(g *G) any { return &g.EndpointIdentifierOrder },
			kind: wordList("ip", "username", "anonymous", "auth_username", "header", "request_uri", "transport")},
		{name: "user_agent", kind: text, at: func(g *G) any { return &g.UserAgent }},
		{name: "default_realm", def: "asterisk", kind: text, at: func(g *G) any { return &g.DefaultRealm }},
		{name: "default_from_user", def: "asterisk", kind: text, at: func(g *G) any { return &g.DefaultFromUser }},
		{name: "max_forwards", def: "70", kind: count(1, 255), at: func(g *G) any { return &g.MaxForwards }},
		{name: "keep_alive_interval", def: "90", kind: anyCount, at: func(g *G) any { return &g.KeepAliveInterval }},
		// Contacts end when they expire, not at the next check.
		{name: "contact_expiration_check_interval", def: "30", kind: anyCount, at: func(g *G) any { return &g.ContactExpirationInterval }, standing: ignored},
		{name: "max_initial_qualify_time", def: "0", kind: anyCount, at: func(g *G) any { return &g.MaxInitialQualify }},
		{name: "disable_multi_domain", def: "no", kind: truth, at: func(g *G) any { return &g.DisableMultiDomain }},
		{name: "ignore_uri_user_options", def: "no", kind: truth, at: func(g *G) any { return &g.IgnoreURIUserOptions }},
		{name: "debug", def: "no", kind: text, at: func(g *G) any { return &g.Debug }},
		{name: "unidentified_request_count", def: "5", kind: anyCount, standing: later},
		{name: "unidentified_request_period", def: "5", kind: anyCount, standing: later},
		{name: "unidentified_request_prune_interval", def: "30", kind: anyCount, standing: later},
		{name: "default_outbound_endpoint", def: "default_outbound_endpoint", kind: text, standing: later},
		{name: "default_voicemail_extension", kind: text, standing: later},
		{name: "regcontext", kind: text, standing: later},
		{name: "use_callerid_contact", def: "no", kind: yesNo, at: func(g *G) any { return &g.CallerContact }},
		{name: "allow_sending_180_after_183", def: "no", kind: truth, at: func(g *G) any { return &g.LateRinging }},
		{name: "norefersub", def: "yes", kind: yesNo, standing: later},
		{name: "all_codecs_on_empty_reinvite", def: "no", kind: truth, standing: later},
		{name: "mwi_tps_queue_high", def: "500", kind: anyCount, standing: ignored},
		{name: "mwi_tps_queue_low", def: "-1", kind: count(-1, 1<<31-1), standing: ignored},
		{name: "mwi_disable_initial_unsolicited", def: "no", kind: truth, standing: later},
		{name: "send_contact_status_on_update_registration", def: "no", kind: yesNo, standing: later},
		{name: "taskprocessor_overload_trigger", def: "global", kind: choice("global", "none", "pjsip_only"), standing: ignored},
		{name: "default_auth_algorithms_uas", def: "MD5", kind: wordList("MD5", "SHA-256", "SHA-512-256"), standing: later},
		{name: "default_auth_algorithms_uac", def: "MD5", kind: wordList("MD5", "SHA-256", "SHA-512-256"), standing: later},
	}
}

func systemOptions() []option[System] {
	type S = System
	return []option[S]{
		{name: "timer_t1", def: "500", kind: milliseconds(100, 60000), at: func(s *S) any { return &s.TimerT1 }},
		{name: "timer_b", def: "32000", kind: milliseconds(100, 3600000), at: func(s *S) any { return &s.TimerB }},
		{name: "compact_headers", def: "no", kind: truth, at: func(s *S) any { return &s.CompactHeaders }, standing: later},
		{name: "disable_tcp_switch", def: "yes", kind: truth, at: func(s *S) any { return &s.DisableTCPSwitch }, standing: later},
		{name: "disable_rport", def: "no", kind: truth, at: func(s *S) any { return &s.DisableRport }, standing: later},
		{name: "follow_early_media_fork", def: "yes", kind: truth, standing: later},
		{name: "accept_multiple_sdp_answers", def: "no", kind: truth, standing: later},
		{name: "threadpool_initial_size", def: "4", kind: anyCount, standing: ignored},
		{name: "threadpool_auto_increment", def: "1", kind: anyCount, standing: ignored},
		{name: "threadpool_idle_timeout", def: "60", kind: anyCount, standing: ignored},
		{name: "threadpool_max_size", def: "50", kind: anyCount, standing: ignored},
		{name: "taskpool_minimum_size", def: "4", kind: anyCount, standing: ignored},
		{name: "taskpool_initial_size", def: "4", kind: anyCount, standing: ignored},
		{name: "taskpool_auto_increment", def: "1", kind: anyCount, standing: ignored},
		{name: "taskpool_idle_timeout", def: "60", kind: anyCount, standing: ignored},
		{name: "taskpool_max_size", def: "50", kind: anyCount, standing: ignored},
	}
}
