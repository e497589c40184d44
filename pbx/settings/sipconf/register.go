package sipconf

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
)

// register reads one register line:
//
//	[peer?][transport://]user[@domain][:secret[:authuser]]@host[:port][/extension][~expiry]
//
// The last @ before the host separates. Passwords may hold /, ~ and @.
func (r *reader) register(e astconf.Entry) {
	s := r.file
	l, err := parseRegister(e.Value)
	if errors.As(err, new(settings.Lack)) {
		r.add(e.Pos, astconf.Warning, "not-supported", "[general]: register: %v; the line is left out", err)
		return
	}
	if err != nil {
		r.add(e.Pos, astconf.Error, "bad-value", "[general]: register: %v; want user:secret@host", err)
		return
	}
	id := "sip-reg-" + strconv.Itoa(len(s.registrations)+1)
	reg := &registration{account: l, Registration: &settings.Registration{
		Object: settings.Object{ID: id, Pos: e.Pos}, Legacy: true, ContactUser: l.extension, Transport: l.transport,
		ServerURI: "sip:" + uriHost(l.host, l.port), Expiration: l.expiry,
	}}
	s.registrations = append(s.registrations, reg)
	s.Auths[id] = &settings.Auth{Object: settings.Object{ID: id, Pos: e.Pos}, Type: "userpass", Username: l.authUser, Password: l.secret, AlgorithmsUAC: []string{"MD5"}}
	reg.OutboundAuths = []string{id}
}

// An account is a register line in its parts.
type account struct {
	peer, transport, user, domain, secret, authUser, host, extension string
	port                                                             int
	expiry                                                           time.Duration // 0: defaultexpiry
}

func parseRegister(line string) (a account, err error) {
	at := strings.LastIndexByte(line, '@')
	if at <= 0 {
		return a, errors.New("no user before @")
	}
	left, right := line[:at], line[at+1:]
	if right, number, ok := cutLast(right, '~'); ok {
		n, err := strconv.ParseUint(number, 10, 31)
		if err != nil || n == 0 {
			return a, fmt.Errorf("~%s is no number of seconds", number)
		}
		a.expiry = time.Duration(n) * time.Second
		line = right
	} else {
		line = right
	}
	host, extension, _ := strings.Cut(line, "/")
	a.extension = strings.TrimSpace(extension)
	if a.extension == "" {
		a.extension = "s" // where calls that come by this account go
	}
	if a.host, a.port, err = hostAndPort(strings.TrimSpace(host)); err != nil {
		return a, err
	}
	if peer, rest, ok := strings.Cut(left, "?"); ok && !strings.ContainsAny(peer, ":@/") {
		a.peer, left = peer, rest
	}
	a.transport = "udp"
	if scheme, rest, ok := strings.Cut(left, "://"); ok {
		switch a.transport = strings.ToLower(scheme); a.transport {
		case "udp", "tcp":
		case "tls":
			return a, settings.Lack("tls is not supported yet")
		default:
			return a, fmt.Errorf("%q is no transport", scheme)
		}
		left = rest
	}
	// user, then :secret, then :authuser. A domain stands after the user, and
	// with an authuser its port may follow it.
	user, rest, _ := strings.Cut(left, ":")
	if u, domain, ok := strings.Cut(user, "@"); ok {
		user, a.domain = u, domain
		if port, more, ok := strings.Cut(rest, ":"); ok && isDigits(port) && strings.Contains(more, ":") {
			a.domain += ":" + port
			rest = more
		}
	}
	a.user = user
	a.secret, a.authUser, _ = strings.Cut(rest, ":")
	if a.authUser == "" {
		a.authUser = a.user
	}
	if a.user == "" {
		return a, errors.New("no user")
	}
	return a, nil
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// completeRegistrations fills in what [general] and devices say, after all of
// them were read, and adds those of callbackextension=.
func (r *reader) completeRegistrations() {
	s := r.file
	for _, d := range s.List {
		if d.CallbackExten == "" {
			continue
		}
		if d.Host == "" || !d.Callable() {
			r.add(d.Pos, astconf.Warning, "bad-value", "[%s]: callbackextension needs host=<where to register>", d.Name)
			continue
		}
		id := "sip-reg-" + strconv.Itoa(len(s.registrations)+1)
		user := d.DefaultUser
		if user == "" {
			user = d.Name
		}
		s.registrations = append(s.registrations, &registration{account: account{user: user, host: d.Host, domain: d.Endpoint.FromDomain}, Registration: &settings.Registration{
			Object: settings.Object{ID: id, Pos: d.Pos}, Legacy: true, ContactUser: d.CallbackExten, Transport: d.Networks[0],
			ServerURI: "sip:" + uriHost(d.Host, d.Port), OutboundAuths: d.Endpoint.OutboundAuths, OutboundProxy: d.Endpoint.OutboundProxy,
		}})
	}
	for _, reg := range s.registrations {
		a := reg.account
		reg.Account = settings.Account{User: a.user, Host: a.host, Port: a.port}
		if a.peer != "" {
			if d := s.Devices[strings.ToLower(a.peer)]; d != nil {
				reg.Transport, reg.OutboundProxy = d.Networks[0], d.Endpoint.OutboundProxy
				if d.Host != "" {
					reg.ServerURI = "sip:" + uriHost(d.Host, d.Port)
				}
			} else {
				r.add(reg.Pos, astconf.Warning, "dangling-peer", "[general]: register: there is no device [%s]", a.peer)
			}
		}
		domain := a.domain
		if domain == "" {
			domain = uriHost(a.host, 0)
		}
		reg.ClientURI = "sip:" + a.user + "@" + domain
		if reg.Expiration == 0 {
			reg.Expiration = s.DefaultExpiry
		}
		reg.RetryInterval, reg.FatalRetry = s.RegisterTimeout, s.RegisterTimeout
		if s.RegisterRetry403 {
			reg.ForbiddenRetry = s.RegisterTimeout
		}
		reg.MaxRetries = s.RegisterAttempts
		if reg.MaxRetries == 0 {
			reg.MaxRetries = math.MaxInt32
		}
	}
}
