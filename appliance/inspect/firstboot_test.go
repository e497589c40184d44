package inspect

import (
	"bytes"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchline/rootfs/firstboot/draft"
	"branchline/rootfs/firstboot/phones"
	"branchline/rootfs/firstboot/wish"
)

// wishes are branchline.txt files of people of all kinds.
var wishes = map[string]string{
	"nothing":      "",
	"trunk":        "country=tw\ntrunk host=sip.example.net\ntrunk user=886212345678\ntrunk password=long-and-strange-17\n",
	"trunk number": "country=de\ntrunk host=203.0.113.5:5080\ntrunk user=49301234\ntrunk password=long-and-strange-17\ntrunk number=+49301234\noutside prefix=0\n",
	"card":         "country=tw\nline=dahdi\nline channels=1-2\nphones=5\nfirst extension=201\n",
	"modem":        "country=us\nline=modem\n",
	"mobile":       "line=mobile\ncountry=jp\nlanguage=zh_TW\n",
	"both":         "country=uk\nline=dahdi\ntrunk host=sip.example.net\ntrunk user=me\ntrunk password=long-and-strange-17\naddress=192.168.1.9/24\ngateway=192.168.1.1\n",
	"no prefix":    "outside prefix=none\nline=modem\nphones=20\nfirst extension=21\ncountry=fr\nemergency=112,15\n",
	"no help":      "line=modem\nemergency=112,911\n",
	"most":         "phones=99\nfirst extension=200\nline=mobile\nphone 201=\u524d\u53f0\ncountry=au\n",
}

// TestFirstBootIsClean holds what the first start makes to what we ask of users: neither
// errors nor warnings.
func TestFirstBootIsClean(t *testing.T) {
	for name, text := range wishes {
		w, complaints := wish.Read([]byte(text), wish.Surroundings{})
		if len(complaints) > 0 {
			t.Errorf("%s: %v", name, complaints)
		}
		all, err := phones.Of(w, nil, rand.New(rand.NewSource(1)))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for file, content := range draft.Files(w, all, "eth0") {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var report bytes.Buffer
		if err := Check(t.Context(), &report, Options{Dir: dir}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s := report.String(); strings.Contains(s, "warning:") || strings.Contains(s, "error:") || !strings.Contains(s, "0 errors, 0 warnings") {
			t.Errorf("%s: %s", name, s)
		}
	}
}
