//go:build image

package guest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"branchline/appliance/history"
	"branchline/pbx/astdb"
	"branchline/rootfs"
	"branchline/rootfs/slots"
	"branchline/rootfs/update"
)

// Offsets of the partitions in a card, in MiB.
const (
	atSlotA = rootfs.Gap + rootfs.BootSize
	atSlotB = atSlotA + rootfs.SlotSize
	atData  = atSlotB + rootfs.SlotSize
)

// cuts is how often the power is cut in each test, CUTS in the environment, and how
// many of the cards are started afterwards: every third, or what BOOT_EVERY says; with
// GUESTFLAGS=all fifty and every one. All cards are examined from outside.
func cuts(t *testing.T) (n, every int) {
	n, every = 4, 3
	if os.Getenv("GUESTFLAGS") == "all" {
		n, every = 50, 1
	}
	for name, to := range map[string]*int{"CUTS": &n, "BOOT_EVERY": &every} {
		if v := os.Getenv(name); v != "" {
			var err error
			if *to, err = strconv.Atoi(v); err != nil || *to < 1 {
				t.Fatalf("%s=%s", name, v)
			}
		}
	}
	return n, every
}

// A bench has a machine that was started once and goes on from there as often as
// somebody likes, each time with a card of its own.
type bench struct {
	o        Options // with the card of this moment
	card     string  // as it was when the machine was frozen
	old, new [32]byte
}

// freeze starts a card and lets prepare type what it needs.
func freeze(t *testing.T, o Options, prepare func(run func(string) string)) *bench {
	t.Helper()
	return freezeAt(t, o, func(g *Guest) {
		t.Helper()
		shell(t, g)
		prepare(func(command string) string {
			t.Helper()
			out, err := g.Run(command, 4*time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			return out
		})
	})
}

// freezeAt starts a card and freezes the machine when reach returns.
func freezeAt(t *testing.T, o Options, reach func(g *Guest)) *bench {
	t.Helper()
	dir := t.TempDir()
	o.Shell, o.Safe, o.Monitor = true, true, filepath.Join(dir, "monitor")
	g := start(t, o)
	reach(g)
	b := &bench{o: o, card: filepath.Join(dir, "frozen.img")}
	b.o.Resume, b.o.Monitor = filepath.Join(dir, "frozen"), ""
	if err := g.Freeze(b.o.Resume); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(o.Disk, b.card); err != nil {
		t.Fatal(err)
	}
	return b
}

// shell waits until the shell and the exchange are there.
func shell(t *testing.T, g *Guest) {
	t.Helper()
	if _, err := g.Expect(`# `, 3*time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Run("until systemctl is-active -q branchline; do sleep 1; done", 4*time.Minute); err != nil {
		t.Fatal(err)
	}
}

// again is the machine as it was frozen, running, with a new card.
func (b *bench) again(t *testing.T) (*Guest, Options) {
	t.Helper()
	o := b.o
	if err := CopyDisk(b.card, o.Disk, 0); err != nil {
		t.Fatal(err)
	}
	g := start(t, o)
	// What is typed before the state is read in is lost.
	for range 120 {
		if err := g.Type(""); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Expect(`# `, time.Second); err == nil {
			return g, o
		}
	}
	t.Fatal("the frozen machine does not go on")
	return nil, o
}

// section copies so many MiB of a card, 0: all that are left.
func section(t *testing.T, disk string, at, size int, to io.Writer) {
	t.Helper()
	f, err := os.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	length := int64(size) << 20
	if size == 0 {
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		length = info.Size() - int64(at)<<20
	}
	if _, err := io.Copy(to, io.NewSectionReader(f, int64(at)<<20, length)); err != nil {
		t.Fatal(err)
	}
}

func slotSum(t *testing.T, disk string, slot int) (sum [32]byte) {
	t.Helper()
	h := sha256.New()
	section(t, disk, map[int]int{rootfs.SlotA: atSlotA, rootfs.SlotB: atSlotB}[slot], rootfs.SlotSize, h)
	return [32]byte(h.Sum(nil))
}

// load is the boot loader's part of a start: it chooses the slot, writes back what is
// left of a trial, and takes kernel and initrd out of the card.
func load(t *testing.T, o Options) (with Options, trying bool, chosen slots.State) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{slots.SlotFile, slots.TryFile} {
		tool(t, "mcopy", "-n", "-i", boot(o), "::"+name, dir)
	}
	chosen, err := slots.Read(os.DirFS(dir))
	if err != nil {
		t.Errorf("the slot choice is torn: %v", err)
	}
	var after slots.State
	o.Slot, trying, after = chosen.Next()
	if after != chosen {
		if err := os.WriteFile(filepath.Join(dir, slots.TryFile), after.TryText(), 0o600); err != nil {
			t.Fatal(err)
		}
		tool(t, "mcopy", "-o", "-i", boot(o), filepath.Join(dir, slots.TryFile), "::"+slots.TryFile)
	}
	at := map[int]int{rootfs.SlotA: atSlotA, rootfs.SlotB: atSlotB}[o.Slot]
	for _, name := range []string{rootfs.KernelFile, rootfs.InitrdFile} {
		tool(t, "mcopy", "-n", "-i", fmt.Sprintf("%s@@%dM", o.Disk, at), "::"+name, dir)
	}
	o.Kernel, o.Initrd, o.Resume, o.Monitor = filepath.Join(dir, rootfs.KernelFile), filepath.Join(dir, rootfs.InitrdFile), "", ""
	if trying {
		o.Arguments += " branchline.trying=1"
	} else if chosen.Try != 0 {
		o.Arguments += fmt.Sprintf(" branchline.failed=%d", chosen.Try)
	}
	return o, trying, chosen
}

// data is a copy of what the card's data partition holds, after the repair of its
// file system that every mount begins with. Nothing but the journal may need one.
func data(t *testing.T, o Options) string {
	t.Helper()
	dir := t.TempDir()
	image := filepath.Join(dir, "data.ext4")
	if err := cutOut(o.Disk, image); err != nil {
		t.Fatal(err)
	}
	replay := exec.Command("e2fsck", "-E", "journal_only", "-fy", image)
	if out, err := replay.CombinedOutput(); err != nil && replay.ProcessState.ExitCode() > 1 {
		t.Fatalf("the journal of the data partition: %v: %s", err, out)
	}
	if out, err := exec.Command("e2fsck", "-fn", image).CombinedOutput(); err != nil {
		t.Errorf("the data partition: %v: %s", err, out)
	}
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o700); err != nil {
		t.Fatal(err)
	}
	// It complains about owners that it may not set, and goes on.
	_ = exec.Command("debugfs", "-R", "rdump / "+tree, image).Run()
	if _, err := os.Stat(filepath.Join(tree, "lib")); err != nil {
		t.Fatal(err)
	}
	return tree
}

// cutOut makes a file of the data partition.
func cutOut(disk, to string) error {
	in, err := os.Open(disk)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := in.Seek(int64(atData)<<20, io.SeekStart); err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	var at int64
	buf, zero := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		n, err := io.ReadFull(in, buf)
		if n == 0 {
			break
		}
		if !bytes.Equal(buf[:n], zero[:n]) {
			if _, err := out.WriteAt(buf[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		if err != nil {
			break
		}
	}
	return out.Truncate(at)
}

// starts starts a card that has lost its power, as the boot loader would, and expects
// an exchange that works with nothing amiss.
func starts(t *testing.T, o Options, look func(run func(string) string)) {
	t.Helper()
	g := start(t, o)
	defer g.Kill()
	shell(t, g)
	run := func(command string) string {
		t.Helper()
		out, err := g.Run(command, 2*time.Minute)
		if err != nil {
			t.Error(err)
		}
		return strings.TrimSpace(out)
	}
	if out := run("systemctl --failed --no-legend --plain"); out != "" {
		t.Errorf("failed units: %s", out)
	}
	if out := run("grep ' /data ' /proc/mounts"); !strings.Contains(out, " ext4 rw") {
		t.Errorf("the data partition: %s", out)
	}
	look(run)
}

// A power cut at any moment of an update, from its first byte to its confirmation,
// leaves a card that starts, either what ran before or the update, whole.
func TestPowerUpdate(t *testing.T) {
	n, every := cuts(t)
	o := card(t, "amd64")
	b := benchWithUpdate(t, o)

	// Once without a cut: how long the parts take, and the card between them.
	g, at := b.again(t)
	began := time.Now()
	if err := g.Type("branchline update /boot/update.dat"); err != nil {
		t.Fatal(err)
	}
	if err := g.Wait(10 * time.Minute); err != nil {
		t.Fatal(err)
	}
	install := time.Since(began)
	installed := filepath.Join(t.TempDir(), "installed.img")
	if err := CopyDisk(at.Disk, installed, 0); err != nil {
		t.Fatal(err)
	}
	trial, trying, _ := load(t, at)
	if !trying || slotSum(t, at.Disk, trial.Slot) != b.new {
		t.Fatalf("the update is not on trial: %s", g.tail())
	}
	began = time.Now()
	var starting time.Duration
	onTrial := freezeAt(t, trial, func(g *Guest) {
		if _, err := g.Expect(`# `, 5*time.Minute); err != nil {
			t.Fatal(err)
		}
		starting = time.Since(began)
	})
	g, _ = onTrial.again(t)
	began = time.Now()
	if _, err := g.Expect(`is confirmed`, 5*time.Minute); err != nil {
		t.Fatal(err)
	}
	proof := time.Since(began) + 2*time.Second
	g.Kill()
	t.Logf("an update is installed in %v, on trial it has a shell after %v and is confirmed %v after that", install, starting, proof)

	written := []string{""}
	for percent := 0; percent <= 100; percent += 10 {
		written = append(written, fmt.Sprintf(`\b%d %% written`, percent))
	}
	// A cut comes at a random moment after one of some lines ("": the beginning). What
	// happens until the shell of the trial is there takes long and writes little.
	phases := []struct {
		name  string
		times int // of twenty
		after []string
		lasts time.Duration
		begin func() *Guest
	}{
		{"installing", 10, written, install / 8, func() *Guest {
			g, _ := b.again(t)
			if err := g.Type("branchline update /boot/update.dat"); err != nil {
				t.Fatal(err)
			}
			return g
		}},
		{"starting", 1, []string{""}, starting, func() *Guest {
			if err := CopyDisk(installed, b.o.Disk, 0); err != nil {
				t.Fatal(err)
			}
			with, _, _ := load(t, b.o)
			return start(t, with)
		}},
		{"on trial", 9, []string{"", "", "is confirmed"}, proof, func() *Guest {
			g, _ := onTrial.again(t)
			return g
		}},
	}
	ended := map[string]int{}
	cut := map[string]int{}
	started := 0
	for i := range n {
		phase := phases[0]
		for k, turn := 0, i%20; turn >= phase.times; {
			turn -= phase.times
			k++
			phase = phases[k]
		}
		cut[phase.name]++
		after := phase.after[rand.IntN(len(phase.after))]
		g, o := phase.begin(), b.o
		within := phase.lasts
		switch after {
		case written[len(written)-1]:
			within = install / 2 // read back, and put on trial
		case "is confirmed":
			within = time.Second // all that is left to be written
		}
		if _, err := g.Expect(after, 10*time.Minute); err != nil {
			t.Fatal(err)
		}
		when := time.Duration(rand.Int64N(int64(within)))
		select {
		case <-time.After(when):
		case <-g.done:
		}
		said := progress(g.Log())
		g.Kill()

		with, trying, state := load(t, o)
		want := b.old
		if with.Slot == rootfs.SlotB {
			want = b.new
		}
		if slotSum(t, o.Disk, with.Slot) != want {
			t.Errorf("cut %d after %v: slot %d would be started, and it is neither the old nor the new system (%+v)", i, when, with.Slot, state)
			continue
		}
		report, err := update.ReadReport(os.DirFS(data(t, o)))
		if err != nil {
			t.Errorf("cut %d after %v: %v", i, when, err)
		}
		next := fmt.Sprintf("slot %s, trying %v", update.SlotName(with.Slot), trying)
		ended[next]++
		t.Logf("cut %2d, %s, %5.2fs after %q (%s): next %s, report %q", i, phase.name, when.Seconds(), after, said, next, outcome(report))
		if i%every != 0 {
			continue
		}
		started++
		starts(t, with, func(run func(string) string) {
			if trying {
				run("until test -e /run/branchline-confirmed; do sleep 1; done")
			}
			run("while systemctl is-active -q branchline-confirm; do sleep 1; done")
			shown := run("branchline update show")
			if !strings.Contains(shown, "in slot "+update.SlotName(with.Slot)) {
				t.Errorf("cut %d: %s", i, shown)
			}
			on := strings.Contains(shown, ": confirmed")
			if (with.Slot == rootfs.SlotB) != on || strings.Contains(shown, ": installed") {
				t.Errorf("cut %d, %s: it is told wrongly: %s", i, next, shown)
			}
			t.Logf("cut %2d started: %s", i, strings.ReplaceAll(shown, "\n", " | "))
		})
	}
	t.Logf("%d cuts (%v), all examined, %d of the cards started: %v", n, cut, started, ended)
}

// benchWithUpdate has an update on the boot partition, and noise in slot B.
func benchWithUpdate(t *testing.T, o Options) *bench {
	t.Helper()
	slot := filepath.Join(t.TempDir(), "slot.fat")
	if err := CopyDisk(filepath.Join(o.Dir, "slot.fat"), slot, 0); err != nil {
		t.Fatal(err)
	}
	tool(t, "mcopy", "-i", slot, "power_test.go", "::new.txt") // so that it is another one
	tool(t, "mcopy", "-i", boot(o), artefact(t, o, slot, "9.9"), "::update.dat")
	noise := make([]byte, rootfs.SlotSize<<20)
	source := rand.NewChaCha8([32]byte{})
	_, _ = source.Read(noise)
	f, err := os.OpenFile(o.Disk, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(noise, atSlotB<<20); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b := freeze(t, o, func(run func(string) string) {
		run("while systemctl is-active -q branchline-confirm; do sleep 1; done")
	})
	b.old = slotSum(t, b.card, rootfs.SlotA)
	text, err := os.ReadFile(slot)
	if err != nil {
		t.Fatal(err)
	}
	b.new = sha256.Sum256(text)
	return b
}

func outcome(r *update.Report) update.Outcome {
	if r == nil {
		return "none"
	}
	return r.Outcome
}

// progress is the last thing that an update has said before the cut.
func progress(log string) string {
	said := regexp.MustCompile(`\d+ % written|is in slot B, on trial|is confirmed`).FindAllString(log, -1)
	if len(said) == 0 {
		return "silent"
	}
	return said[len(said)-1]
}

// generationOf is what the kept configurations of the bench hold, by their numbers. The
// first is the one of the first start.
var generationOf = map[int]string{2: "b", 3: "c", 4: "a"}

// generations are three configurations that differ in every file.
func generations(t *testing.T, o Options) (names []string) {
	t.Helper()
	pjsip := "[transport-udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"
	for e := 3001; e <= 3020; e++ {
		pjsip += fmt.Sprintf("[%d]\ntype=endpoint\ncontext=phones\naors=%[1]d\ndisallow=all\nallow=ulaw\n[%[1]d]\ntype=aor\nmax_contacts=2\n", e)
	}
	files := map[string]string{
		"pjsip.conf": pjsip, "extensions.conf": "[phones]\nexten => _3XXX,1,Dial(PJSIP/${EXTEN})\n",
		"rtp.conf": "[general]\nrtpstart=10000\nrtpend=10999\n", "indications.conf": "[general]\ncountry=us\n", "features.conf": "[general]\n",
	}
	for _, generation := range []string{"a", "b", "c"} {
		dir := filepath.Join(t.TempDir(), generation)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("; generation "+generation+"\n"+text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		tool(t, "mcopy", "-s", "-i", boot(o), dir, "::")
	}
	return slices.Sorted(maps.Keys(files))
}

// putPhone puts the program that registers phones on the boot partition.
func putPhone(t *testing.T, o Options) {
	t.Helper()
	phone := filepath.Join(t.TempDir(), "phone")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", phone, "./testdata/phone")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+o.Board.Go)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	tool(t, "mcopy", "-i", boot(o), phone, "::phone")
}

// A power cut while users type values into the database, phones register and
// configurations are exchanged: what was answered for is there, and a configuration
// is one or the other.
func TestPowerState(t *testing.T) {
	n, every := cuts(t)
	o := card(t, "amd64")
	names := generations(t, o)
	putPhone(t, o)
	b := freeze(t, o, func(run func(string) string) {
		for _, generation := range []string{"b", "c", "a"} {
			run("rm -rf /etc/asterisk/*; cp /boot/" + generation + "/* /etc/asterisk/; busybox chown -R 990:990 /etc/asterisk; asterisk -rx 'core reload'")
			run("until asterisk -rx 'config history' | grep -q .; do sleep 1; done")
		}
		t.Log(run("asterisk -rx 'config history'; ls -la /etc/asterisk"))
		if out := run("asterisk -rx 'config history'"); !strings.Contains(out, "\n  4  ") {
			t.Fatalf("kept otherwise than expected:\n%s", out)
		}
		run("cp /boot/phone /tmp/phone; chmod 755 /tmp/phone; sync")
	})
	done := regexp.MustCompile(`(put-\d+|roll-\d)-\r?\n`)
	registered, started := 0, 0
	keys, exchanged := 0, 0
	mixed := 0
	for i := range n {
		g, o := b.again(t)
		// What is answered for is said on the serial line after the answer.
		for _, loop := range []string{
			`/tmp/phone 20 50ms &`,
			`i=0; while :; do i=$((i+1)); asterisk -rx "database put cut k$i v$i" | grep -q success && echo "put-$i-"; done &`,
			`while :; do for g in 2 3 4; do asterisk -rx "config rollback $g" | grep -q 'in force again' && echo "roll-$g-"; done; done &`,
		} {
			if err := g.Type(loop); err != nil {
				t.Fatal(err)
			}
		}
		// The machine may be slow: the cut comes after so many things done, and a moment.
		began, things := time.Now(), rand.IntN(10)
		for time.Since(began) < time.Minute && len(done.FindAllString(g.Log(), -1)) < things {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Duration(rand.Int64N(int64(time.Second))))
		g.Kill()
		when, log := time.Since(began), g.Log()
		acked := 0
		for _, m := range regexp.MustCompile(`put-(\d+)-\r?\n`).FindAllStringSubmatch(log, -1) {
			acked, _ = strconv.Atoi(m[1])
		}
		answered := 0
		for _, m := range regexp.MustCompile(`registered-(\d+)-\r?\n`).FindAllStringSubmatch(log, -1) {
			answered, _ = strconv.Atoi(m[1])
		}
		registered += answered
		rolls := regexp.MustCompile(`roll-(\d)-\r?\n`).FindAllStringSubmatch(log, -1)
		keys += acked
		exchanged += len(rolls)

		with, _, _ := load(t, o)
		tree := data(t, o)
		wrong, torn := examine(t, tree, names, acked, rolls)
		if torn {
			mixed++
		}
		for _, w := range wrong {
			t.Errorf("cut %d after %v: %s", i, when, w)
		}
		t.Logf("cut %2d after %5.2fs: %d values, %d registrations and %d configurations answered for, configuration on the card torn before the start: %v", i, when.Seconds(), acked, answered, len(rolls), torn)
		if i%every != 0 && !torn {
			continue
		}
		started++
		starts(t, with, func(run func(string) string) {
			shown := run("asterisk -rx 'database show cut'")
			for k := 1; k <= acked; k++ {
				if !regexp.MustCompile(fmt.Sprintf(`/cut/k%d +: v%[1]d\b`, k)).MatchString(shown) {
					t.Errorf("cut %d: k%d was answered for and is lost", i, k)
				}
			}
			if out := run("cat /etc/asterisk/*.conf | grep '^; generation' | sort | uniq -c"); strings.Contains(out, "\n") || !strings.HasPrefix(out, strconv.Itoa(len(names))+" ") {
				t.Errorf("cut %d: the configuration is mixed: %s", i, out)
			}
			if out := run("asterisk -rx 'pjsip show endpoints' | grep -c Endpoint:"); out == "0" {
				t.Errorf("cut %d: no endpoints", i)
			}
		})
	}
	t.Logf("%d cuts, all examined, %d of the cards started; %d values, %d registrations and %d configurations had been answered for; %d times the power went between two files of a configuration", n, started, keys, registered, exchanged, mixed)
}

// examine looks at what a card holds, with the exchange's own code. torn is whether
// the configuration was between two, before the exchange has looked after it.
func examine(t *testing.T, tree string, names []string, acked int, rolls [][]string) (wrong []string, torn bool) {
	t.Helper()
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	var said bytes.Buffer
	db, err := astdb.Open(filepath.Join(tree, "lib/asterisk/branchline.db"), slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		return []string{err.Error()}, false
	}
	defer db.Close()
	if strings.Contains(said.String(), "damaged") {
		complain("%s", said.String())
	}
	for k := 1; k <= acked; k++ {
		if v, _ := db.Get("cut", fmt.Sprintf("k%d", k)); v != fmt.Sprintf("v%d", k) {
			complain("k%d was answered for and is %q", k, v)
		}
	}
	generation := func() string {
		seen := map[string]int{}
		for _, name := range names {
			text, err := os.ReadFile(filepath.Join(tree, "etc/asterisk", name))
			if err != nil {
				complain("%v", err)
			}
			line, _, _ := strings.Cut(string(text), "\n")
			seen[strings.TrimPrefix(line, "; generation ")]++
		}
		if len(seen) > 1 {
			return "mixed"
		}
		for name := range seen {
			return name
		}
		return ""
	}
	torn = generation() == "mixed"
	store := history.Store{Dir: filepath.Join(tree, "lib/asterisk/config-history")}
	if _, err := store.Settle(filepath.Join(tree, "etc/asterisk")); err != nil {
		complain("%v", err)
	}
	now := generation()
	if len(now) != 1 {
		complain("the configuration is %q", now)
	}
	// What was answered for last is there, or what was asked for after that.
	if last := len(rolls); last > 0 {
		n, _ := strconv.Atoi(rolls[last-1][1])
		if is, next := generationOf[n], generationOf[2+(n-1)%3]; now != is && now != next {
			complain("the configuration is %s, after %s was answered for", now, is)
		}
	}
	return wrong, torn
}
