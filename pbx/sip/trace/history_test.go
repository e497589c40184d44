package trace

import (
	"net/netip"
	"testing"

	"branchline/pbx/sip/wire"
)

func TestHistoryIsBounded(t *testing.T) {
	var h history
	peer := netip.MustParseAddrPort("198.51.100.1:5060")
	for range historyMessages + 5 {
		h.keep(wire.Incoming, "UDP", peer, []byte("x"))
	}
	if l := h.list(); len(l) != historyMessages || l[0].number != 5 {
		t.Error(len(l), l[0].number)
	}
	for range 2 * historyBytes >> 16 {
		h.keep(wire.Incoming, "UDP", peer, make([]byte, 1<<16))
	}
	if h.size > historyBytes {
		t.Error(h.size)
	}
}
