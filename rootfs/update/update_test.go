package update

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"aead.dev/minisign"
	"github.com/klauspost/compress/zstd"
)

// A memoryCard is a card whose slots are in memory, and whose power can be cut.
type memoryCard struct {
	running Release
	slot    []byte
	cut     int64 // bytes until the power is cut, -1: never
	lies    bool  // a worn card: what is read back is not what was written
	tried   int
	good    int
	flushed bool
}

func (c *memoryCard) Release() Release            { return c.running }
func (c *memoryCard) Idle(slot int) (Slot, error) { return c, nil }
func (c *memoryCard) Try(slot int) error          { c.tried = slot; return nil }
func (c *memoryCard) Commit(slot int) error       { c.good = slot; return nil }
func (c *memoryCard) Flush() error                { c.flushed = true; return nil }
func (c *memoryCard) WriteAt(b []byte, at int64) (int, error) {
	if c.cut >= 0 && at+int64(len(b)) > c.cut {
		return 0, errors.New("power cut")
	}
	if need := int(at) + len(b); need > len(c.slot) {
		c.slot = append(c.slot, make([]byte, need-len(c.slot))...)
	}
	return copy(c.slot[at:], b), nil
}

func (c *memoryCard) ReadAt(b []byte, at int64) (int, error) {
	n := copy(b, c.slot[at:])
	if c.lies && n > 0 {
		b[0] ^= 1
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func keyPair(t testing.TB) (minisign.PublicKey, minisign.PrivateKey) {
	t.Helper()
	pub, priv, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pub, priv
}

// artefact is an update with this file system, signed by key; change may alter the
// manifest before.
func artefact(t testing.TB, key minisign.PrivateKey, system []byte, change func(*Manifest)) []byte {
	t.Helper()
	m := &Manifest{Board: "arm64", Version: "1.2.3", Counter: 7, Size: int64(len(system)), SHA256: sha256.Sum256(system)}
	if change != nil {
		change(m)
	}
	var out bytes.Buffer
	if err := WriteHead(&out, m, key); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(&out)
	if err == nil {
		_, err = z.Write(system)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func system(n int) []byte {
	b := make([]byte, n)
	r := mathrand.New(mathrand.NewPCG(1, 2))
	for i := 0; i < len(b); i += 3 {
		b[i] = byte(r.Uint32())
	}
	return b
}

func card() *memoryCard {
	return &memoryCard{running: Release{Board: "arm64", Version: "1.2.0", Counter: 6, Slot: 2}, cut: -1}
}

func TestInstall(t *testing.T) {
	pub, priv := keyPair(t)
	other, _ := keyPair(t)
	want := system(3<<20 + 17)
	c := card()
	var told int64
	m, err := Install(t.Context(), c, []minisign.PublicKey{other, pub}, bytes.NewReader(artefact(t, priv, want, nil)), func(done, all int64) {
		if done <= told || all != int64(len(want)) {
			t.Errorf("told of %d of %d after %d", done, all, told)
		}
		told = done
	})
	if err != nil || m.Version != "1.2.3" || c.tried != 3 || !bytes.Equal(c.slot, want) || told != int64(len(want)) || !c.flushed {
		t.Errorf("%v %v; on trial %d, %d bytes", m, err, c.tried, len(c.slot))
	}
}

// Whatever is wrong with an update, nothing is put on trial.
func TestRefusals(t *testing.T) {
	pub, priv := keyPair(t)
	_, stranger := keyPair(t)
	keys := []minisign.PublicKey{pub}
	good := system(1<<20 + 5)
	for name, c := range map[string]struct {
		artefact []byte
		card     func(*memoryCard)
		want     string
	}{
		"nothing":         {nil, nil, "not an update"},
		"something else":  {bytes.Repeat([]byte("x"), 5000), nil, "not an update"},
		"strange key":     {artefact(t, stranger, good, nil), nil, "not signed"},
		"other board":     {artefact(t, priv, good, func(m *Manifest) { m.Board = "armhf" }), nil, "is for armhf"},
		"downgrade":       {artefact(t, priv, good, func(m *Manifest) { m.Counter = 5 }), nil, "is older"},
		"too long":        {artefact(t, priv, good, func(m *Manifest) { m.Size-- }), nil, "longer"},
		"too short":       {artefact(t, priv, good, func(m *Manifest) { m.Size++ }), nil, "ends at byte"},
		"too big":         {artefact(t, priv, good, func(m *Manifest) { m.Size = 1 << 40 }), nil, "do not fit"},
		"other sum":       {artefact(t, priv, good, func(m *Manifest) { m.SHA256[3] ^= 1 }), nil, "sum is wrong"},
		"torn":            {artefact(t, priv, good, nil)[:100000], nil, "ends at byte"},
		"torn head":       {artefact(t, priv, good, nil)[:60], nil, "not an update"},
		"on trial itself": {artefact(t, priv, good, nil), func(c *memoryCard) { c.running.Trying = true }, "not been confirmed"},
		"worn card":       {artefact(t, priv, good, nil), func(c *memoryCard) { c.lies = true }, "worn out"},
		"power cut":       {artefact(t, priv, good, nil), func(c *memoryCard) { c.cut = 1 << 20 }, "power cut"},
	} {
		k := card()
		if c.card != nil {
			c.card(k)
		}
		_, err := Install(t.Context(), k, keys, bytes.NewReader(c.artefact), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if k.tried != 0 {
			t.Errorf("%s: put on trial", name)
		}
	}
	// One bit anywhere in the head, and it is not ours any more.
	whole := artefact(t, priv, good, nil)
	head := bytes.Index(whole, []byte{0x28, 0xb5, 0x2f, 0xfd}) // zstd's magic
	comment := bytes.Index(whole, []byte("untrusted comment")) // which nobody believes
	for at := range head {
		if at >= comment && at <= comment+bytes.IndexByte(whole[comment:], '\n') {
			continue
		}
		if whole[at+1] == '=' { // of the last letter before base64's padding two bits mean nothing
			continue
		}
		bad := bytes.Clone(whole)
		bad[at] ^= 1
		k := card()
		if _, err := Install(t.Context(), k, keys, bytes.NewReader(bad), nil); err == nil || k.tried != 0 {
			t.Fatalf("bit of byte %d changed, and nobody noticed: %q", at, bad[max(0, at-20):at+20])
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	k := card()
	if _, err := Install(ctx, k, keys, bytes.NewReader(whole), nil); !errors.Is(err, context.Canceled) || k.tried != 0 || len(k.slot) != 0 {
		t.Errorf("cancelled: %v, %d bytes written", err, len(k.slot))
	}
}

// The release that runs may be installed again.
func TestSameRelease(t *testing.T) {
	pub, priv := keyPair(t)
	k := card()
	same := artefact(t, priv, system(1000), func(m *Manifest) { m.Counter = k.running.Counter })
	if _, err := Install(t.Context(), k, []minisign.PublicKey{pub}, bytes.NewReader(same), nil); err != nil || k.tried != 3 {
		t.Errorf("%v, on trial %d", err, k.tried)
	}
}

// Whoever sends an update decides neither how much is read before the signature is
// known to be good, nor how much memory it takes.
func TestBounds(t *testing.T) {
	pub, priv := keyPair(t)
	keys := []minisign.PublicKey{pub}
	endless := &zeros{}
	if _, _, err := Open(io.MultiReader(strings.NewReader(magic+"\x10\x00\x00\x00"), endless), keys); !errors.Is(err, ErrForeign) || endless.read > 1<<20 {
		t.Errorf("%v after %d bytes", err, endless.read)
	}
	big := system(20 << 20)
	var out bytes.Buffer
	if err := WriteHead(&out, &Manifest{Board: "arm64", Version: "1", Counter: 7, Size: int64(len(big)), SHA256: sha256.Sum256(big)}, priv); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(&out, zstd.WithWindowSize(16<<20))
	if err == nil {
		_, err = z.Write(big)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	k := card()
	if _, err := Install(t.Context(), k, keys, &out, nil); !errors.Is(err, zstd.ErrWindowSizeExceeded) || k.tried != 0 {
		t.Errorf("a window of 16 MiB: %v", err)
	}
}

// zeros never end.
type zeros struct{ read int }

func (z *zeros) Read(b []byte) (int, error) {
	clear(b)
	z.read += len(b)
	return len(b), nil
}

func TestManifest(t *testing.T) {
	good := (&Manifest{Board: "arm64", Version: "1", Counter: 7, Size: 9}).String()
	if _, err := ParseManifest(good); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(good, "\n")
	for i, line := range lines[:len(lines)-1] {
		without := strings.Join(slices.Delete(slices.Clone(lines), i, i+1), "")
		if m, err := ParseManifest(without); err == nil {
			t.Errorf("without %q: %v", line, m)
		}
		if m, err := ParseManifest(good + line); err == nil {
			t.Errorf("%q twice: %v", line, m)
		}
	}
	for _, bad := range []string{"counter x\n", "size -\n", "sha256 00\n", "sha256 zz\n", "board\n", "\n"} {
		if m, err := ParseManifest(bad); err == nil {
			t.Errorf("%q: %v", bad, m)
		}
	}
}

func TestTrialIsJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		asked := 0
		for name, c := range map[string]struct {
			judge Judge
			want  Outcome
			why   string
		}{
			"proved":  {func(context.Context) error { return nil }, Confirmed, ""},
			"failed":  {func(context.Context) error { return errors.New("service failed") }, RolledBack, "service failed"},
			"silence": {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, RolledBack, "no phone registered and no self-test call passed on the network within 2m0s: the exchange does not answer"},
			"no cable": {func(ctx context.Context) error {
				if asked++; asked > 3 {
					<-ctx.Done()
					return ctx.Err()
				}
				return errors.New("no network cable")
			}, RolledBack, "within 2m0s: no network cable"},
			"late": {func(ctx context.Context) error {
				if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 10*time.Second {
					return errors.New("not yet")
				}
				return nil
			}, Confirmed, ""},
		} {
			asked = 0
			k := card()
			k.running.Trying = true
			began := time.Now()
			err := Confirm(t.Context(), k, dir, TrialTime, c.judge, func() []string { return []string{"last", "words"} })
			r, rerr := ReadReport(os.DirFS(dir))
			if rerr != nil || r == nil || r.Outcome != c.want || !strings.Contains(r.Reason, c.why) || (err == nil) != (c.want == Confirmed) || (k.good == 2) != (c.want == Confirmed) {
				t.Errorf("%s: %v %+v, good slot %d", name, err, r, k.good)
			}
			if took := time.Since(began); took > TrialTime {
				t.Errorf("%s: judged after %v", name, took)
			}
			if c.want == RolledBack && (len(r.Last) != 2 || !strings.Contains(r.String(), "NOT installed")) {
				t.Errorf("%s: %s", name, r)
			}
		}
		k := card()
		if err := Confirm(t.Context(), k, dir, time.Second, nil, nil); err != nil || k.good != 0 {
			t.Errorf("not on trial: %v", err)
		}
	})
}

func TestSettle(t *testing.T) {
	dir := t.TempDir()
	if r, err := ReadReport(os.DirFS(dir)); r != nil || err != nil {
		t.Errorf("of nothing: %v %v", r, err)
	}
	inA, inB := Release{Slot: 2}, Release{Slot: 3}
	for name, c := range map[string]struct {
		report  *Report
		running Release
		failed  int
		want    Outcome
	}{
		"nothing to learn":          {&Report{Outcome: Refused, Slot: 3}, inA, 0, Refused},
		"was never confirmed":       {&Report{Outcome: Installed, Slot: 3}, inA, 3, RolledBack},
		"cut before the report":     {nil, inA, 3, RolledBack},
		"cut before the new report": {&Report{Outcome: Confirmed, Slot: 2}, inA, 3, RolledBack},
		"said already":              {&Report{Outcome: RolledBack, Slot: 3, Reason: "slot B: deaf"}, inA, 3, RolledBack},
		"cut while it was committed, before the trial's end": {&Report{Outcome: Installed, Slot: 3}, inB, 3, Confirmed},
		"cut after it was committed":                         {&Report{Outcome: Installed, Slot: 3}, inB, 0, Confirmed},
		"committed, but for the last step":                   {&Report{Outcome: RolledBack, Slot: 3, Reason: "try.env: input/output error"}, inB, 3, Confirmed},
	} {
		if c.report != nil {
			if err := c.report.Save(dir); err != nil {
				t.Fatal(err)
			}
		}
		told, err := Settle(dir, c.report, c.running, c.failed, func() []string { return []string{"its", "last"} })
		got, err2 := ReadReport(os.DirFS(dir))
		if err != nil || err2 != nil || told.Outcome != c.want || got.Outcome != c.want || c.want == RolledBack && !strings.Contains(got.Reason, "slot B") ||
			strings.Contains(got.Reason, "never got") != slices.Equal(got.Last, []string{"its", "last"}) {
			t.Errorf("%s: %+v, on the card %+v, %v %v", name, told, got, err, err2)
		}
	}
	// The slot that runs has been started without a trial: whatever the loader says of it
	// is no failure.
	if r, err := Settle(dir, nil, inB, 3, nil); r != nil || err != nil {
		t.Errorf("the running slot has failed: %v %v", r, err)
	}
	if _, err := ReadReport(fstest.MapFS{reportFile: &fstest.MapFile{Data: []byte("{")}}); err == nil {
		t.Error("torn, and read")
	}
}

func TestAlarm(t *testing.T) {
	var none *Report
	if none.Alarm() != "" {
		t.Error("there was no update")
	}
	for outcome, want := range map[Outcome]bool{Installed: false, Confirmed: false, Refused: false, RolledBack: true} {
		r := &Report{Outcome: outcome, Version: "9.9", Slot: 3, Reason: "no network cable"}
		if got := r.Alarm(); (got != "") != want || want && !strings.Contains(got, "9.9 is NOT installed (slot B: no network cable)") {
			t.Errorf("%s: %q", outcome, got)
		}
	}
}

// A report is never half of one and half of the other.
func TestReportIsReplacedWhole(t *testing.T) {
	dir := t.TempDir()
	old := &Report{Outcome: Installed, Version: "1"}
	if err := old.Save(dir); err != nil {
		t.Fatal(err)
	}
	before := filepath.Join(t.TempDir(), reportFile)
	if err := os.Link(filepath.Join(dir, reportFile), before); err != nil {
		t.Fatal(err)
	}
	if err := (&Report{Outcome: Confirmed, Version: "2"}).Save(dir); err != nil {
		t.Fatal(err)
	}
	if r, err := ReadReport(os.DirFS(filepath.Dir(before))); err != nil || r.Version != "1" {
		t.Errorf("the old file was written to: %v %v", r, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestKeys(t *testing.T) {
	pub, _ := keyPair(t)
	text, err := pub.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := Keys(fstest.MapFS{"a.pub": &fstest.MapFile{Data: text}, "x.txt": &fstest.MapFile{Data: []byte("no")}})
	if err != nil || len(keys) != 1 || !keys[0].Equal(pub) {
		t.Errorf("%v %v", keys, err)
	}
	if _, err := Keys(fstest.MapFS{}); err == nil {
		t.Error("no key is fine?")
	}
	if _, err := Keys(fstest.MapFS{"a.pub": &fstest.MapFile{Data: []byte("no")}}); err == nil {
		t.Error("not a key, and taken")
	}
}

func FuzzOpen(f *testing.F) {
	pub, priv := keyPair(f)
	f.Add(artefact(f, priv, []byte("abc"), nil))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, _, err := Open(bytes.NewReader(b), []minisign.PublicKey{pub}); err == nil && m == nil {
			t.Error("no manifest, no error")
		}
		if m, err := ParseManifest(string(b)); err == nil {
			if again, err := ParseManifest(m.String()); err != nil || *again != *m {
				t.Errorf("%q became %q: %v", b, m, err)
			}
		}
	})
}
