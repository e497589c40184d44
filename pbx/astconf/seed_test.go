package astconf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// The ways of writing that the how-to's own files use.
func TestSeedSyntax(t *testing.T) {
	for _, c := range []struct{ id, text, want, findings string }{
		{"S-032", "\n", "", ""},
		{"S-033", "[x]\n;儘量使用指定的 IP\nbind=192.168.50.52\n", "[x]\nbind=192.168.50.52 @3\n", ""},
		{"S-042", "[3001]\ntype=endpoint\n[3001]\ntype=aor\n[SIP1]\ntype=endpoint\n[SIP1]\ntype=identify\n[SIP1]\ntype=aor\n",
			"[3001]\ntype=endpoint @2\n[3001]\ntype=aor @4\n[SIP1]\ntype=endpoint @6\n[SIP1]\ntype=identify @8\n[SIP1]\ntype=aor @10\n", ""},
		{"S-043", "[1001]\ntype=friend\nhost=dynamic\nsecret=1234567890\n", "[1001]\ntype=friend @2\nhost=dynamic @3\nsecret=1234567890 @4\n", ""},
		{"S-044", "[default]\nexten => _10XX,1,Dial(SIP/${EXTEN},60,tT)\n", "[default]\nexten=_10XX,1,Dial(SIP/${EXTEN},60,tT) @2\n", ""},
		{"S-045", "[default]\nsame =>> n,Hangup()\n", "[default]\nsame=> n,Hangup() @2\n", ""},
		{"S-046", "; a whole line\n[a]\n; another\nx=1\n", "[a]\nx=1 @4\n", ""},
		{"S-047", "[a]\n;x=y\n;exten => _X0XX,1,Dial(SIP/${EXTEN},60,tT)\nz=1\n", "[a]\nz=1 @4\n", ""},
		{"S-048", "[a]\nexten => _30XX,n,Playback(demo-nogo)\t; Couldn't connect to the demo site\n", "[a]\nexten=_30XX,n,Playback(demo-nogo) @2\n", ""},
		{"S-049", "[a]\nexten => _30XX,n,Playback(transfer,skip)\t\t; \"Please hold while...\"\n", "[a]\nexten=_30XX,n,Playback(transfer,skip) @2\n", ""},
		{"S-050", "[a]\nmatch=192.168.50.206, 192.168.50.55\n", "[a]\nmatch=192.168.50.206, 192.168.50.55 @2\n", ""},
		{"S-051", "[transport-udp]\nx=1\n[3001_auth]\ny=2\n", "[transport-udp]\nx=1 @2\n[3001_auth]\ny=2 @4\n", ""},
		{"S-053", "\n[a]\n\nx=1\n\n\ny=2\n\n", "[a]\nx=1 @4\ny=2 @7\n", ""},
		{"S-101", "[a]\nmatch_header=User-Agent: LinphoneiOS/5.0.2 (iPhone) LinphoneSDK/5.2.32\n", "[a]\nmatch_header=User-Agent: LinphoneiOS/5.0.2 (iPhone) LinphoneSDK/5.2.32 @2\n", ""},
		{"S-102", "[SIP1]\ntype=endpoint\n\n[SIP1]\n; Maps a host\ntype=identify\n", "[SIP1]\ntype=endpoint @2\n[SIP1]\ntype=identify @6\n", ""},
	} {
		t.Run(c.id, func(t *testing.T) {
			f, ds := Load(fstest.MapFS{"f.conf": {Data: []byte(c.text)}}, "f.conf")
			if got := dump(f); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := findings(ds); got != c.findings {
				t.Errorf("findings %s", got)
			}
		})
	}
}

// S-031: copies of the files beside them are nobody's business, and come
// back by being copied over.
func TestSeedBackupsAreIgnored(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("sip.conf", "[a]\nx=new\n")
	write("sip.conf-old", "[a]\nx=old\n[broken\n")
	f, ds := Load(os.DirFS(dir), "sip.conf")
	if len(ds) > 0 || dump(f) != "[a]\nx=new @2\n" {
		t.Errorf("%v\n%s", ds, dump(f))
	}
	old, err := os.ReadFile(filepath.Join(dir, "sip.conf-old"))
	if err != nil {
		t.Fatal(err)
	}
	write("sip.conf", strings.ReplaceAll(string(old), "[broken\n", ""))
	if f, _ = Load(os.DirFS(dir), "sip.conf"); dump(f) != "[a]\nx=old @2\n" {
		t.Error(dump(f))
	}
}
