package firstboot

import (
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchline/rootfs/firstboot/draft"
	"branchline/rootfs/firstboot/wish"
)

// random is as good as any for a test.
func random() io.Reader { return rand.New(rand.NewSource(1)) }

// bench is a machine in a directory.
type bench struct {
	*Machine
	t      *testing.T
	writes int
	refuse string // what the check finds in a file, "" for nothing
}

func newBench(t *testing.T) *bench {
	dir := t.TempDir()
	for _, d := range []string{"boot", "data/etc/asterisk", "data/lib/asterisk", "zoneinfo/Asia"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{t: t}
	b.Machine = &Machine{
		Boot: filepath.Join(dir, "boot"), Etc: filepath.Join(dir, "data/etc/asterisk"), Localtime: filepath.Join(dir, "data/etc/localtime"),
		ZoneInfo: filepath.Join(dir, "zoneinfo"), State: filepath.Join(dir, "data/refused"), Button: filepath.Join(dir, "data/button"), Wipe: []string{filepath.Join(dir, "data/lib/asterisk")},
		Device: func() string { return "end0" }, Random: random(), Owner: -1,
		Check: func(dir string, w io.Writer) error {
			fmt.Fprintf(w, "%s/pjsip.conf:1: judged\n", dir)
			if text, err := os.ReadFile(filepath.Join(dir, "pjsip.conf")); err != nil || b.refuse != "" && strings.Contains(string(text), b.refuse) {
				return errors.New("the configuration has errors")
			}
			return nil
		},
	}
	b.WriteBoot = func(f func(string) error) error { b.writes++; return f(b.Boot) }
	b.write(filepath.Join(b.ZoneInfo, "Asia/Taipei"), "TZif2")
	return b
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) boot(name, text string) { b.t.Helper(); b.write(filepath.Join(b.Boot, name), text) }

// read is a file's text, "" without it.
func read(elem ...string) string {
	text, _ := os.ReadFile(filepath.Join(elem...))
	return string(text)
}

func (b *bench) run() {
	b.t.Helper()
	if _, err := b.Run(); err != nil {
		b.t.Fatal(err)
	}
}

// has wants texts in a file of the boot partition or of the configuration.
func (b *bench) has(dir, name string, wants ...string) {
	b.t.Helper()
	text := read(dir, name)
	for _, w := range wants {
		if !strings.Contains(text, w) {
			b.t.Errorf("%s lacks %q:\n%s", name, w, text)
		}
	}
}

func (b *bench) gone(name string) {
	b.t.Helper()
	if _, err := os.Lstat(filepath.Join(b.Boot, name)); err == nil {
		b.t.Errorf("%s is still there", name)
	}
}

const full = "\ufeff# what I want\r\nAddress: 192.168.1.9\r\nnetmask = 255.255.255.0\r\nGateway=192.168.1.1\r\ndns=192.168.1.1 1.1.1.1\r\nNTP=pool.ntp.org\r\n" +
	"Time zone: Asia/Taipei\r\nCountry: TW\r\nlanguage=zh-tw\r\nPhones=4\r\nfirst extension = 201\r\nPhone 202: Front desk\r\n" +
	"trunk_host=sip.example.net\r\nTrunk user=886212345678\r\ntrunk password=\"geheim=1\"\r\ntrunk number=0212345678\r\nline=dahdi\r\noutside prefix=9\r\n"

func TestWishWhole(t *testing.T) {
	b := newBench(t)
	b.boot("Branchline.txt", "") // another name, on a file system that minds
	if err := os.Remove(filepath.Join(b.Boot, "Branchline.txt")); err != nil {
		t.Fatal(err)
	}
	b.boot(wish.File, full)
	b.run()
	b.has(b.Etc, "pjsip.conf", "[201](phone)", "[204-login](login)", `callerid="Front desk" <202>`, "server_uri=sip:sip.example.net", "password=geheim=1", "tone_zone=tw")
	b.has(b.Etc, "extensions.conf", "exten => 110,1", "exten => 9119,1,Goto(119,1)", "Dial(PJSIP/${EXTEN:1}@trunk,90,T)", "Dial(DAHDI/g1/${EXTEN},120)", "CALLERID(num)=0212345678")
	b.has(b.Etc, "network.conf", "device=end0", "address=192.168.1.9/24", "gateway=192.168.1.1", "dns=192.168.1.1,1.1.1.1", "ntp=pool.ntp.org")
	b.has(b.Etc, "asterisk.conf", "defaultlanguage=zh_TW")
	b.has(b.Etc, "indications.conf", "country=tw")
	b.has(b.Etc, "chan_dahdi.conf", "channel => 1", "emergency=110,119,112")
	b.has(b.Boot, DoneFile, "Trunk user=886212345678", "trunk password= (taken)")
	b.has(b.Boot, SheetText, "192.168.1.9", "Front desk", "Emergency: 110, 119, 112")
	if strings.Contains(read(b.Boot, DoneFile), "geheim") {
		t.Error("the trunk's password is still on the card")
	}
	for _, name := range []string{wish.File, ErrorsFile, CheckFile} {
		b.gone(name)
	}
	if target, err := os.Readlink(b.Localtime); err != nil || target != filepath.Join(b.ZoneInfo, "Asia/Taipei") {
		t.Errorf("time zone: %s, %v", target, err)
	}
	if b.Waits() {
		t.Error("the sheet waits for an address that is known")
	}
	for ext, secret := range draft.KnownSecrets(read(b.Etc, "pjsip.conf")) {
		if ext != "trunk" && (len(secret) != 20 || !strings.Contains(read(b.Boot, SheetText), secret)) {
			t.Errorf("%s: secret %q", ext, secret)
		}
	}
}

func TestDefault(t *testing.T) {
	b := newBench(t)
	b.run()
	b.has(b.Etc, "pjsip.conf", "[1001](phone)", "[1003](phone)")
	b.has(b.Boot, SheetText, "branchline, port 5060", "written again", "no way out")
	if read(b.Etc, "network.conf") != "" {
		t.Error("DHCP needs no network.conf")
	}
	if !b.Waits() {
		t.Fatal("the sheet does not wait for the address")
	}
	secrets, writes := read(b.Etc, "pjsip.conf"), b.writes
	b.run() // the next start, still without an address
	if b.writes != writes || read(b.Etc, "pjsip.conf") != secrets {
		t.Error("a second start changes something")
	}
	if err := b.PutBack("10.0.0.7"); err != nil {
		t.Fatal(err)
	}
	b.has(b.Boot, SheetText, "10.0.0.7, port 5060")
	b.has(b.Boot, SheetSVG, "10.0.0.7")
	if b.Waits() || strings.Contains(read(b.Boot, SheetText), "written again") {
		t.Error("it still waits")
	}
	writes = b.writes
	b.run()
	if b.writes != writes {
		t.Error("there is nothing to do, and something is written")
	}
	// A second wish leaves the phones as they are set up.
	b.boot(wish.File, "phones=4\n")
	b.run()
	after, before := draft.KnownSecrets(read(b.Etc, "pjsip.conf")), draft.KnownSecrets(secrets)
	if len(after) != 4 || after["1001"] != before["1001"] || after["1004"] == "" {
		t.Error(before, after)
	}
	if read(b.Etc+".old", "pjsip.conf") != secrets {
		t.Error("the configuration before is lost")
	}
}

func TestFolder(t *testing.T) {
	b := newBench(t)
	b.refuse = "broken"
	b.boot("asterisk/pjsip.conf", "broken")
	b.boot("asterisk/._pjsip.conf", "rubbish")
	b.boot("asterisk/sub/more.conf", "x")
	b.run() // nothing else there: the default one
	b.has(b.Etc, "pjsip.conf", "[1001](phone)")
	b.has(b.Boot, CheckFile, "asterisk/pjsip.conf:1: judged", "NOT taken over")
	// With one in force the refused folder changes nothing, and is looked at once.
	if err := b.PutBack("10.0.0.7"); err != nil {
		t.Fatal(err)
	}
	b.run()
	judged := b.Check
	b.Check = func(string, io.Writer) error { t.Error("judged again"); return nil }
	b.run()
	b.Check = judged
	b.boot("asterisk/pjsip.conf", "mine")
	b.boot(wish.File, "address=10.0.0.9/8\ncountry=de\n")
	b.run()
	if read(b.Etc, "pjsip.conf") != "mine" || read(b.Etc, "sub/more.conf") != "x" || read(b.Etc, "._pjsip.conf") != "" {
		t.Error("the folder is not taken over as it is")
	}
	b.has(b.Etc, "network.conf", "address=10.0.0.9/8")
	b.has(b.Etc, "indications.conf", "country=de")
	b.has(b.Boot, CheckFile, "is taken over")
	b.gone(FolderName)
	b.gone(wish.File)
	b.has(filepath.Join(b.Boot, DoneFolder), "pjsip.conf", "mine")
}

func TestReset(t *testing.T) {
	b := newBench(t)
	b.boot(wish.File, full)
	b.run()
	before := draft.KnownSecrets(read(b.Etc, "pjsip.conf"))
	b.write(filepath.Join(b.Wipe[0], "branchline.db"), "x")
	b.boot(ResetFile+".txt", "")
	b.run()
	b.gone(ResetFile + ".txt")
	after := draft.KnownSecrets(read(b.Etc, "pjsip.conf"))
	if len(after) != 3 || after["1001"] == before["201"] || read(b.Wipe[0], "branchline.db") != "" || read(b.Etc+".old", "pjsip.conf") != "" {
		t.Error("something is left of before the reset")
	}
	if _, err := os.Readlink(b.Localtime); err == nil {
		t.Error("the time zone is left")
	}
}

func TestSafety(t *testing.T) {
	b := newBench(t)
	b.boot(wish.File, full)
	b.run()
	mine := read(b.Etc, "pjsip.conf")
	b.boot(SafeFile, "")
	dir := filepath.Join(t.TempDir(), "safe")
	if !b.Safe() {
		t.Fatal("the file is not seen")
	}
	if err := b.Safety(dir, "Start again."); err != nil {
		t.Fatal(err)
	}
	if read(b.Etc, "pjsip.conf") != mine {
		t.Error("the user's configuration was touched")
	}
	b.has(dir, "pjsip.conf", "[1001](phone)")
	b.has(b.Boot, "branchline-safe-mode.txt", draft.KnownSecrets(read(dir, "pjsip.conf"))["1002"])
}

// The button's place is noted, and stays: it belongs to the box. Its reset is that of
// the file, which is there from the moment on that it is wished.
func TestButton(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ text, want string }{
		{"phones = 3\n", ""}, {"button = GPIO17\n", "GPIO17\n"}, {"phones = 4\n", "GPIO17\n"}, {"button = pin 11\n", "GPIO17\n"}, {"button = gpio 27\n", "GPIO27\n"},
		{"button = none\n", ""}, {"button: gpiochip1:4\n", "gpiochip1:4\n"},
	} {
		b.boot(wish.File, c.text)
		b.run()
		if got := read(filepath.Dir(b.Button), filepath.Base(b.Button)); got != c.want {
			t.Errorf("after %q: %q, want %q", c.text, got, c.want)
		}
	}
	b.boot(wish.File, full)
	b.run()
	if err := b.AskReset(); err != nil {
		t.Fatal(err)
	}
	b.has(b.Boot, ResetFile, "button")
	b.run()
	b.gone(ResetFile)
	if after := draft.KnownSecrets(read(b.Etc, "pjsip.conf")); len(after) != 3 || read(filepath.Dir(b.Button), filepath.Base(b.Button)) != "gpiochip1:4\n" {
		t.Errorf("after the reset: %d phones, button at %q", len(after), read(filepath.Dir(b.Button), filepath.Base(b.Button)))
	}
}

// TestPowerCut ends the first boot after every step that can be told apart, and has it
// run again: what is in force and what is on the boot partition must belong together.
func TestPowerCut(t *testing.T) {
	errCut := errors.New("cut")
	for cut := 0; ; cut++ {
		b := newBench(t)
		b.boot(wish.File, full)
		steps, put := 0, b.WriteBoot
		b.WriteBoot = func(f func(string) error) error {
			if steps++; steps > cut {
				return errCut
			}
			return put(f)
		}
		_, err := b.Run()
		if err != nil && !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		first := read(b.Etc, "pjsip.conf")
		b.WriteBoot = put
		b.run()
		if first != read(b.Etc, "pjsip.conf") {
			t.Errorf("cut %d: the secrets have changed", cut)
		}
		for ext, secret := range draft.KnownSecrets(first) {
			if ext != "trunk" && !strings.Contains(read(b.Boot, SheetText), secret) {
				t.Errorf("cut %d: the sheet lacks %s", cut, ext)
			}
		}
		b.gone(wish.File)
		if _, err := os.Stat(filepath.Join(b.Etc, pendingDir)); err == nil {
			t.Errorf("cut %d: something is still pending", cut)
		}
		if err == nil {
			return
		}
	}
}
