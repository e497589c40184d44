package sip

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"sync"

	"branchline/pbx/settings"
	"branchline/pbx/sip/wire"
)

// trace is `pjsip set logger`: every message, or those of some hosts, on the
// consoles.
type trace struct {
	mu     sync.Mutex
	remove func()
	all    bool
	hosts  []netip.Prefix
}

// on begins to print. With hosts it prints their messages only; add keeps the
// hosts there are.
func (t *trace) on(a *Agent, hosts []netip.Prefix, add bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = len(hosts) == 0
	if add {
		t.all = false
		t.hosts = append(t.hosts, hosts...)
	} else {
		t.hosts = hosts
	}
	if t.remove == nil {
		t.remove = a.taps.Add(func(d wire.Direction, network string, peer netip.AddrPort, raw []byte) {
			if t.wants(peer.Addr()) {
				a.o.Say(traceText(d, network, peer, raw))
			}
		})
	}
}

func (t *trace) off(*Agent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.remove != nil {
		t.remove()
		t.remove = nil
	}
	t.all, t.hosts = false, nil
}

func (t *trace) wants(addr netip.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all || inside(t.hosts, addr)
}

// traceText is one message in Asterisk's frame. Media keys are masked: they
// would let a reader of the log decrypt the call.
func traceText(d wire.Direction, network string, peer netip.AddrPort, raw []byte) string {
	verb, to := "Received", "from"
	if d == wire.Outgoing {
		verb, to = "Transmitting", "to"
	}
	kind := "request"
	if bytes.HasPrefix(raw, []byte("SIP/")) {
		kind = "response"
	}
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	if strings.Contains(text, "a=crypto:") {
		text = cryptoKey.ReplaceAllString(text, "${1}********")
	}
	return fmt.Sprintf("<--- %s SIP %s (%d bytes) %s %s:%s --->\n%s", verb, kind, len(raw), to, network, peer, text)
}

var cryptoKey = regexp.MustCompile(`(a=crypto:[^\n]*inline:)[^\s|]+`)

// debug is [global] debug= of pjsip.conf: yes, no or a host. A reload that does
// not change it leaves alone what the console has switched.
func (a *Agent) debug(want string, old *settings.Snapshot) {
	if old != nil && old.Global.Debug == want {
		return
	}
	switch want {
	case "", "no":
		if old != nil {
			a.trace.off(a)
		}
	case "yes":
		a.trace.on(a, nil, false)
	default:
		p, err := hostPrefix(want)
		if err != nil {
			a.log.Warn("global debug", "host", want, "error", err)
			return
		}
		a.trace.on(a, []netip.Prefix{p}, false)
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
