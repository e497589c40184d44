package sip

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/sip/siptest"
)

// torture lists the messages of RFC 4475 by the names it gives them; they lie in
// wire/testdata/rfc4475 as they go over the wire. want are the statuses that are
// right, "-" for silence. Sections whose subject is a proxy, or a response to a
// request never sent, must just do no harm.
var torture = []struct{ name, section, want string }{
	{"wsinv", "3.1.1.1", "404 400"},
	{"intmeth", "3.1.1.2", "501 400"},
	{"esc01", "3.1.1.3", "404"},
	{"escnull", "3.1.1.4", "200 404"},
	{"esc02", "3.1.1.5", "501 400"},
	{"lwsdisp", "3.1.1.6", "200 404"},
	{"longreq", "3.1.1.7", "404"},
	{"dblreq", "3.1.1.8", "200 404"},
	{"semiuri", "3.1.1.9", "200 404"},
	{"transports", "3.1.1.10", "200 404"},
	{"unreason", "3.1.1.12", "-"},
	{"noreason", "3.1.1.13", "-"},
	{"badinv01", "3.1.2.1", "400 404"},
	{"clerr", "3.1.2.2", "400"},
	{"ncl", "3.1.2.3", "400"},
	{"scalar02", "3.1.2.4", "400"},
	{"scalarlg", "3.1.2.5", "-"},
	{"quotbal", "3.1.2.6", "400 404"},
	{"ltgtruri", "3.1.2.7", "400 404 416"},
	{"lwsruri", "3.1.2.8", "400"},
	{"lwsstart", "3.1.2.9", "400"},
	{"trws", "3.1.2.10", "400 200 404"},
	{"escruri", "3.1.2.11", "400 404"},
	{"baddate", "3.1.2.12", "404"},
	{"regbadct", "3.1.2.13", "400 200 404"},
	{"badaspec", "3.1.2.14", "400 200 404"},
	{"baddn", "3.1.2.15", "400 200 404"},
	{"badvers", "3.1.2.16", "505"},
	{"mismatch01", "3.1.2.17", "400"},
	{"mismatch02", "3.1.2.18", "400 501"},
	{"bigcode", "3.1.2.19", "-"},
	{"badbranch", "3.2.1", "200 404"},
	{"insuf", "3.3.1", "400"},
	{"unkscm", "3.3.2", "416"},
	{"novelsc", "3.3.3", "416 400"},
	{"unksm2", "3.3.4", "400 200 404 403 416"},
	{"bext01", "3.3.5", "420"},
	{"invut", "3.3.6", "415"},
	{"regaut01", "3.3.7", "200 401 404"},
	{"multi01", "3.3.8", "400"},
	{"mcl01", "3.3.9", "400"},
	{"bcast", "3.3.10", "-"},
	{"zeromf", "3.3.11", "200 404 483"},
	{"cparam01", "3.3.12", "200 404"},
	{"regescrt", "3.3.14", "200 404"},
	{"sdp01", "3.3.15", "404 406 488"},
	{"inv2543", "3.4.1", "200 404"},
}

// open lets strangers in, so that their messages come further than a challenge.
const open = office + `
[anonymous]
type=endpoint
context=default
allow=ulaw
aors=watson
[watson]
type=aor
max_contacts=5
`

func TestTorture(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		for _, c := range torture {
			t.Run(network+"/"+c.name, func(t *testing.T) {
				inSite(t, open, plan, func(s *site) {
					var p *siptest.Phone
					if network == "tcp" {
						p = s.net.PhoneTCP("x", "192.0.2.200:5060", pbxUDP)
					} else {
						p = s.net.Phone("x", "192.0.2.200:5060", pbxUDP)
					}
					defer p.Close()
					raw, err := os.ReadFile(filepath.Join("wire", "testdata", "rfc4475", c.name+".dat"))
					if err != nil {
						t.Fatal(err)
					}
					p.SendBytes(raw)
					synctest.Wait()
					got := p.Statuses(3 * time.Second)
					want := strings.Fields(c.want)
					if network == "udp" {
						ok := len(got) == 0 && want[0] == "-"
						for _, w := range want {
							ok = ok || len(got) > 0 && got[0] == w
						}
						if !ok {
							t.Errorf("RFC 4475 %s: got %q, want one of %q\n%s", c.section, got, c.want, s.net.Ladder())
						}
					}
					// Over TCP a broken message may cost the connection, never the exchange.
					q := s.phone("1001", "198.51.100.206")
					defer q.Close()
					q.Send("OPTIONS", "sip:"+pbxAddr)
					q.Want("200")
					if log := s.log.String(); strings.Contains(log, "panic") {
						t.Error(log)
					}
				})
			})
		}
	}
}
