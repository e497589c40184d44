package trace

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"

	"branchline/pbx/settings"
	"branchline/pbx/sip/wire"
)

// logger is `pjsip set logger`: every message, or those of some hosts or methods,
// on the consoles.
type logger struct {
	mu      sync.Mutex
	remove  func()
	hosts   []netip.Prefix // none: all
	methods []string       // none: all
}

// on begins to print every message.
func (t *logger) on(v *Views) { t.narrow(v, nil, nil) }

// narrow begins to print the messages of some hosts and methods; none is all.
func (t *logger) narrow(v *Views, hosts []netip.Prefix, methods []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hosts, t.methods = hosts, methods
	if t.remove == nil {
		t.remove = v.o.Taps.Add(func(d wire.Direction, network string, peer netip.AddrPort, raw []byte) {
			if t.wants(peer.Addr(), raw) {
				v.o.Say(traceText(d, network, peer, raw))
			}
		})
	}
}

// chosen are the hosts and methods printed now.
func (t *logger) chosen() (hosts []netip.Prefix, methods []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.hosts), slices.Clone(t.methods)
}

func (t *logger) off() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.remove != nil {
		t.remove()
		t.remove = nil
	}
	t.hosts, t.methods = nil, nil
}

func (t *logger) wants(addr netip.Addr, raw []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return (len(t.hosts) == 0 || slices.ContainsFunc(t.hosts, func(p netip.Prefix) bool { return p.Contains(addr) })) &&
		(len(t.methods) == 0 || slices.ContainsFunc(t.methods, func(m string) bool { return strings.EqualFold(m, methodIn(raw)) }))
}

// methodIn is the method of a request, or of the request a response is for.
func methodIn(raw []byte) string {
	if !bytes.HasPrefix(raw, []byte("SIP/")) {
		m, _, _ := bytes.Cut(raw, []byte(" "))
		return string(m)
	}
	_, m, _ := strings.Cut(headerIn(raw, "cseq", ""), " ")
	return strings.TrimSpace(m)
}

// traceText is one message in Asterisk's frame.
func traceText(d wire.Direction, network string, peer netip.AddrPort, raw []byte) string {
	verb, to := "Received", "from"
	if d == wire.Outgoing {
		verb, to = "Transmitting", "to"
	}
	kind := "request"
	if bytes.HasPrefix(raw, []byte("SIP/")) {
		kind = "response"
	}
	return fmt.Sprintf("<--- %s SIP %s (%d bytes) %s %s:%s --->\n%s", verb, kind, len(raw), to, network, peer, readable(raw))
}

// readable is a message for a console: its lines as a terminal wants them. Media
// keys are masked: they would let a reader of the log decrypt the call.
func readable(raw []byte) string {
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	if strings.Contains(text, "a=crypto:") {
		text = cryptoKey.ReplaceAllString(text, "${1}********")
	}
	return text
}

var cryptoKey = regexp.MustCompile(`(a=crypto:[^\n]*inline:)[^\s|]+`)

// debug is [global] debug= of pjsip.conf: yes, no or a host. A reload that does
// not change it leaves alone what the console has switched.
func (v *Views) debug(want string, old *settings.Snapshot) {
	if old != nil && old.Global.Debug == want {
		return
	}
	switch want {
	case "", "no":
		if old != nil {
			v.logger.off()
		}
	case "yes":
		v.logger.on(v)
	default:
		p, err := hostPrefix(want)
		if err != nil {
			v.o.Log.Warn("global debug", "host", want, "error", err)
			return
		}
		v.logger.narrow(v, []netip.Prefix{p}, nil)
	}
}

func hostPrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}
