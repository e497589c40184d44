//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"branchline/appliance/e2e/lan"
)

// A tally is what went wrong in the signalling of one test: how often something was repeated, and
// how often something was refused, by what it was.
type tally struct {
	Test  string         // with the pair of exchanges in its name
	Count map[string]int // "INVITE repeated", "404 to INVITE"
}

// tallied counts what trace holds of repetitions and 4xx. A repetition is the same datagram, from
// and to the same place.
func tallied(trace lan.Trace) map[string]int {
	count := map[string]int{}
	seen := map[string]bool{}
	for _, m := range trace {
		what := m.Method
		if m.Status != 0 {
			what = fmt.Sprintf("%d to %s", m.Status, m.Of())
		}
		if m.Proto == "UDP" {
			key := m.Src.String() + " " + m.Dst.String() + " " + m.Raw
			if seen[key] {
				count[what+" repeated"]++
				continue
			}
			seen[key] = true
		}
		if m.Status/100 == 4 {
			count[what]++
		}
	}
	return count
}

// tally adds what passed the switch to the file that E2E_TRACES names, for make interop-traces.
func (r *rig) tally() {
	name := os.Getenv("E2E_TRACES")
	if name == "" || !strings.Contains(r.Name(), "+") {
		return
	}
	line, err := json.Marshal(tally{Test: r.Name(), Count: tallied(r.lan.Tap().SIP())})
	r.must(err)
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	r.must(err)
	defer f.Close()
	_, err = f.Write(append(line, '\n'))
	r.must(err)
}
