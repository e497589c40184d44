package trace

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"branchline/pbx/settings"
	"branchline/pbx/sip/wire"
)

// legacyTrace is `sip set debug`: messages in the frame chan_sip gave them. There
// is one engine, so it shows those of pjsip.conf's transports too.
type legacyTrace struct {
	mu     sync.Mutex
	remove func()
	host   netip.Addr            // invalid: all
	port   uint16                // 0: any
	device func() netip.AddrPort // a device's address, which may change; nil: host
}

// on begins to print everything.
func (t *legacyTrace) on(v *Views) { t.only(v, netip.AddrPort{}, nil) }

// only begins to print the messages of one address or device.
func (t *legacyTrace) only(v *Views, peer netip.AddrPort, device func() netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.host, t.port, t.device = peer.Addr(), peer.Port(), device
	if t.remove == nil {
		t.remove = v.o.Taps.Add(func(d wire.Direction, network string, peer netip.AddrPort, raw []byte) {
			if t.wants(peer) {
				v.o.Say(legacyText(d, network, peer, raw))
			}
		})
	}
}

func (t *legacyTrace) off() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.remove != nil {
		t.remove()
		t.remove = nil
	}
	t.host, t.port, t.device = netip.Addr{}, 0, nil
}

func (t *legacyTrace) wants(peer netip.AddrPort) bool {
	t.mu.Lock()
	host, port, device := t.host, t.port, t.device
	t.mu.Unlock()
	if device != nil {
		at := device()
		return at.IsValid() && at.Addr() == peer.Addr().Unmap()
	}
	return !host.IsValid() || host == peer.Addr().Unmap() && (port == 0 || port == peer.Port())
}

// legacyText is one message in chan_sip's frame, after which it counts headers
// and lines of what it has received.
func legacyText(d wire.Direction, network string, peer netip.AddrPort, raw []byte) string {
	text := readable(raw)
	if d == wire.Outgoing {
		if bytes.HasPrefix(raw, []byte("SIP/")) {
			return fmt.Sprintf("\n<--- Transmitting (no NAT) to %s --->\n%s\n<------------>", peer, text)
		}
		return fmt.Sprintf("Reliably Transmitting (no NAT) to %s:\n%s\n---", peer, text)
	}
	head, body, _ := strings.Cut(text, "\n\n")
	lines := 0
	if body = strings.TrimRight(body, "\n"); body != "" {
		lines = strings.Count(body, "\n") + 1
	}
	return fmt.Sprintf("\n<--- SIP read from %s:%s --->\n%s\n<------------->\n--- (%d headers %d lines) ---",
		network, peer, strings.TrimRight(text, "\n"), strings.Count(head, "\n")+1, lines)
}

// legacyDebug is sipdebug= and recordhistory= of sip.conf. A reload that does not
// change them leaves alone what the console has switched.
func (v *Views) legacyDebug(next, old *settings.Snapshot) {
	said := func(s *settings.Snapshot) (debug, history bool) {
		if s == nil || s.SIP == nil {
			return false, false
		}
		return s.SIP.Debug, s.SIP.RecordHistory
	}
	wasLooked, wasKept := said(old)
	look, keep := said(next)
	switch {
	case look && !wasLooked:
		v.oldLook.on(v)
	case !look && wasLooked:
		v.oldLook.off()
	}
	switch {
	case keep && !wasKept:
		v.oldPast.on(v)
	case !keep && wasKept:
		v.oldPast.off()
	}
}
