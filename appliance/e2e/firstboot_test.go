//go:build e2e

package e2e

import (
	"crypto/rand"
	"testing"
	"testing/fstest"
	"time"

	"branchline/appliance/e2e/ear"
	"branchline/appliance/e2e/phone"
	"branchline/rootfs/firstboot/draft"
	"branchline/rootfs/firstboot/phones"
	"branchline/rootfs/firstboot/wish"
)

// TestFirstBoot is what the first start makes of a branchline.txt: whole phones log in with the
// secrets of the sheet and talk.
func TestFirstBoot(t *testing.T) {
	t.Parallel()
	k := single(t)
	if !ownOnly(t, k) {
		return
	}
	r := newRig(t)
	w, complaints := wish.Read([]byte("country=tw\nphones=3\naddress="+addr(server3)+"/24\n"), wish.Surroundings{})
	if len(complaints) > 0 {
		t.Fatal(complaints)
	}
	all, err := phones.Of(w, nil, rand.Reader)
	r.must(err)
	conf := fstest.MapFS{}
	for name, text := range draft.Files(w, all, "eth0") {
		if name != "asterisk.conf" && name != "network.conf" { // the rig has its own directories, and network
			conf[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	e := r.exchange(k, server3, conf)
	a := r.telephone(&phone.Baresip{Host: r.host(device1001), Server: addr(server3), User: all[0].Extension, Password: all[0].Secret, Say: hum(1004)})
	b := r.telephone(&phone.Baresip{Host: r.host(device1002), Server: addr(server3), User: all[1].Extension, Password: all[1].Secret, Say: hum(700), TCP: true})
	contains(t, r.rx(e, "pjsip show contacts"), "1001/sip:1001", "1002/sip:1002")
	r.must(a.Command("dial", all[1].Extension))
	_, err = a.Event(10*time.Second, "CALL_ESTABLISHED")
	r.must(err)
	r.eventually(10*time.Second, "two seconds of audio both ways", func() bool {
		began := time.Time{}
		return len(r.heard(device1001, began)) > 2*ear.Rate && len(r.heard(device1002, began)) > 2*ear.Rate
	})
	r.must(a.Command("hangup", ""))
	_, err = b.Event(10*time.Second, "CALL_CLOSED")
	r.must(err)
	r.heardBy(a.User, a, 700)
	r.heardBy(b.User, b, 1004)
	// A phone with another secret is refused.
	r.register(server3, device1009, all[2].Extension, false, 401, 401)
}
