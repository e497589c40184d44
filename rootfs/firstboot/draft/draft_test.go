package draft

import (
	"math/rand"
	"slices"
	"strings"
	"testing"

	"branchline/rootfs/firstboot/phones"
	"branchline/rootfs/firstboot/wish"
)

// FuzzFiles lets anybody write the wish.
func FuzzFiles(f *testing.F) {
	f.Add([]byte("trunkhost=h\ntrunkuser=u\ntrunkpassword=p[x]\nline=dahdi\ncountry=tw\n"))
	f.Add([]byte("\xff\xfea\x00=\x00b\x00"))
	f.Add([]byte("phones=99\nfirst extension=99\nline=mobile\nphone 1001=x\naddress=fe80::1/64\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, _ := wish.Read(data, wish.Surroundings{})
		all, err := phones.Of(w, nil, rand.New(rand.NewSource(1)))
		if err != nil || len(all) != w.Phones {
			t.Fatalf("%d phones, %v", len(all), err)
		}
		for name, text := range Files(w, all, "eth0") {
			// Nothing of the wish makes a section or a line of its own.
			if name == "pjsip.conf" && strings.Count(text, "\n[") != 5+3*len(all)+map[bool]int{true: 5}[w.Trunk.Host != ""] {
				t.Errorf("%s has other sections:\n%s", name, text)
			}
			if strings.ContainsRune(text, 0) {
				t.Errorf("%s has a zero byte", name)
			}
		}
	})
}

// A phone that was set up stays so.
func TestKnownSecrets(t *testing.T) {
	w := wish.Default()
	first, err := phones.Of(w, nil, rand.New(rand.NewSource(1)))
	if err != nil {
		t.Fatal(err)
	}
	w.Phones++
	again, err := phones.Of(w, KnownSecrets(Files(w, first, "")["pjsip.conf"]), rand.New(rand.NewSource(2)))
	if err != nil || !slices.Equal(again[:len(first)], first) || again[len(first)].Secret == "" {
		t.Errorf("%v, then %v, %v", first, again, err)
	}
}
