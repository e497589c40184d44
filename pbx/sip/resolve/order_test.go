package resolve

import (
	"math/rand/v2"
	"testing"
)

// RFC 2782: within one priority a record comes first as often as its weight
// says.
func TestWeights(t *testing.T) {
	var records []record
	for i, w := range []uint16{0, 10, 30, 60} {
		records = append(records, record{srv: service{priority: 1, weight: w, port: uint16(i + 1), host: "x"}})
	}
	records = append(records, record{srv: service{priority: 0, weight: 0, port: 9, host: "x"}})
	rnd := rand.New(rand.NewPCG(1, 2))
	first := map[uint16]int{}
	const n = 20000
	for range n {
		out := sortServices(records, rnd.Uint32N)
		if len(out) != 5 || out[0].port != 9 {
			t.Fatalf("%v", out)
		}
		first[out[1].port]++
	}
	for port, want := range map[uint16]float64{1: 1, 2: 10, 3: 30, 4: 59} {
		if got := 100 * float64(first[port]) / n; got < want-2 || got > want+2 {
			t.Errorf("record %d first in %.1f %%, want about %.0f %%", port, got, want)
		}
	}
}

func TestPointers(t *testing.T) {
	one := func(order, pref uint16, flags, services, regexp, to string) record {
		return record{naptr: pointer{order: order, preference: pref, flags: flags, services: services, regexp: regexp, replacement: to}}
	}
	got := sortPointers([]record{
		one(1, 1, "s", "SIPS+D2T", "", "tls"), one(3, 1, "S", "sip+d2u", "", "udp3"), one(2, 9, "s", "SIP+D2T", "", "tcp2"),
		one(2, 5, "s", "SIP+D2U", "", "udp2"), one(0, 0, "u", "SIP+D2U", "", "u"), one(0, 0, "s", "SIP+D2U", "!x!y!", "re"),
		one(0, 0, "s", "SIP+D2S", "", "sctp"), one(0, 0, "s", "SIP+D2U", "", ""),
	}, both)
	var names string
	for _, p := range got {
		names += p.replacement + ":" + p.network + " "
	}
	if names != "udp2:udp tcp2:tcp udp3:udp " {
		t.Error(names)
	}
}
