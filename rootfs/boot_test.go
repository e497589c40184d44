package rootfs_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"branchline/rootfs"
	"branchline/rootfs/slots"
)

// A loader is as much of U-Boot as the script asks for.
type loader struct {
	t      *testing.T
	vars   map[string]string
	files  map[string][]byte // "1/slot.env"
	memory map[string][]byte // by address
	script []string          // commands and the words of if
	trace  []string          // what was started, slept for ...
	wrote  bool              // try.env
}

var variable = regexp.MustCompile(`\$\{(\w+)\}`)

// words are a command's, with variables put in.
func (l *loader) words(command string) (words []string) {
	command = variable.ReplaceAllStringFunc(command, func(v string) string { return l.vars[v[2:len(v)-1]] })
	for _, w := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(command, -1) {
		words = append(words, strings.Trim(w, `"`))
	}
	return words
}

// all runs commands until one begins with a word of until, which it takes away and
// returns. Without live they are only read.
func (l *loader) all(live bool, until ...string) string {
	for len(l.script) > 0 {
		c := l.script[0]
		l.script = l.script[1:]
		first, rest, _ := strings.Cut(c, " ")
		switch {
		case slices.Contains(until, first):
			if rest != "" {
				l.script = slices.Insert(l.script, 0, rest)
			}
			return first
		case first == "if":
			is := live && l.command(rest)
			l.all(live, "then")
			if l.all(is, "else", "fi") == "else" {
				l.all(live && !is, "fi")
			}
		case live:
			if l.command(c); slices.Contains(l.trace, "reset") || strings.HasPrefix(l.trace[len(l.trace)-1], "boot") {
				l.script = nil // it does not come back
			}
		}
	}
	return ""
}

func (l *loader) command(c string) bool {
	w := l.words(c)
	said := strings.Join(w, " ")
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			l.t.Errorf("%s: %v", c, err)
		}
		return n
	}
	switch w[0] {
	case "setenv":
		l.vars[w[1]] = strings.Join(w[2:], " ")
	case "setexpr":
		l.vars[w[1]] = strconv.Itoa(number(w[2]) - number(w[4]))
	case "test":
		switch {
		case w[1] == "-n":
			return strings.Contains(c, "${") && len(w) > 2 && w[2] != ""
		case w[2] == "!=":
			return w[1] != w[3]
		case w[2] == "=":
			return w[1] == w[3]
		case w[2] == "-gt":
			return number(w[1]) > number(w[3])
		}
	case "load":
		at := w[2][strings.Index(w[2], ":")+1:]
		if w[1] != "mmc" || !strings.HasPrefix(w[2], "1:") {
			l.t.Errorf("%s: the script came from mmc 1", said)
		}
		data, ok := l.files[at+"/"+w[4]]
		if ok {
			l.memory[w[3]], l.vars["filesize"] = data, fmt.Sprintf("%x", len(data))
		}
		return ok
	case "env":
		l.environment(w)
	case "fatwrite":
		if said != "fatwrite mmc 1:1 scr try.env 0x200" {
			l.t.Errorf("%s", said)
		}
		l.files["1/try.env"], l.wrote = l.memory[w[3]], true
	case "booti", "bootz", "sleep", "reset":
		l.trace = append(l.trace, said)
	case "echo", "fdt":
	default:
		l.t.Fatalf("U-Boot knows no %s here", said)
	}
	return true
}

// environment is "env import -c" and "env export -c -s": a check sum and variables.
func (l *loader) environment(w []string) {
	if w[1] == "export" {
		if strings.Join(w[2:6], " ") != "-c -s 0x200 scr" {
			l.t.Errorf("%s", w)
		}
		b := make([]byte, 4, slots.Size)
		for _, name := range w[6:] {
			b = append(b, name+"="+l.vars[name]+"\x00"...)
		}
		b = b[:slots.Size]
		binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
		l.memory[w[5]] = b
		return
	}
	if strings.Join(w[1:5], " ") != "import -c scr 0x200" {
		l.t.Errorf("%s", w)
	}
	b := l.memory[w[3]]
	if len(b) != slots.Size || binary.LittleEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return
	}
	for _, v := range strings.Split(string(b[4:]), "\x00") {
		if name, value, _ := strings.Cut(v, "="); slices.Contains(w[5:], name) {
			l.vars[name] = value
		}
	}
}

// start runs the board's script on a card.
func start(t *testing.T, b rootfs.Board, machine string, files map[string][]byte) *loader {
	t.Helper()
	l := &loader{t: t, files: files, memory: map[string][]byte{}, trace: []string{"script"}, vars: map[string]string{
		"devtype": "mmc", "devnum": "1", "scriptaddr": "scr", "kernel_addr_r": "K", "ramdisk_addr_r": "R", "fdt_addr": "F", "board": machine, "more": "more=1",
	}}
	for _, line := range strings.Split(b.BootScript(), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, c := range strings.Split(line, ";") {
			if c = strings.TrimSpace(c); c != "" {
				l.script = append(l.script, c)
			}
		}
	}
	l.all(true)
	return l
}

func boardNamed(t *testing.T, name string) rootfs.Board {
	t.Helper()
	b, ok := rootfs.BoardNamed(name)
	if !ok {
		t.Fatalf("no board %s", name)
	}
	return b
}

// The script chooses as package slots does, whatever the two files say, and leaves
// behind what that leaves.
func TestBootScriptIsSlots(t *testing.T) {
	b := boardNamed(t, "arm64")
	torn := slots.State{Active: 3, Try: 2, Left: 1}.TryText()
	torn[6] ^= 1
	var pairs [][2][]byte
	for _, active := range []int{2, 3} {
		for _, try := range []int{0, 2, 3} {
			for _, left := range []int{0, 1, 2} {
				s := slots.State{Active: active, Try: try, Left: left}
				pairs = append(pairs, [2][]byte{s.SlotText(), s.TryText()})
			}
		}
	}
	pairs = append(pairs, [2][]byte{nil, nil}, [2][]byte{torn, torn}, [2][]byte{slots.State{Active: 3}.SlotText(), torn})
	for _, pair := range pairs {
		files := map[string][]byte{"2/vmlinuz": {1}, "3/vmlinuz": {1}, "2/initrd.img": make([]byte, 26), "3/initrd.img": make([]byte, 26)}
		was := slots.Default
		if pair[0] != nil {
			files["1/slot.env"], files["1/try.env"] = pair[0], pair[1]
			was, _ = slots.Parse(pair[0], pair[1])
		}
		slot, trying, want := was.Next()
		l := start(t, b, "rpi", files)
		line := fmt.Sprintf("console=tty0 console=ttyS1,115200 quiet panic=5 fsck.mode=skip more=1 branchline.slot=%d branchline.trying=%d", slot, map[bool]int{true: 1}[trying])
		if was.Try != 0 && want.Try == 0 {
			line += fmt.Sprintf(" branchline.failed=%d", was.Try)
		}
		// There may be other arguments besides.
		got := slices.DeleteFunc(strings.Fields(l.vars["bootargs"]), func(w string) bool { return !strings.Contains(line+" branchline.failed", strings.SplitN(w, "=", 2)[0]) })
		if want := strings.Fields(line); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("%+v: the kernel gets %q, want %q", was, got, want)
		}
		if l.wrote != (was.Try != 0) {
			t.Errorf("%+v: writes to the card: %v", was, l.wrote)
		}
		if got := l.trace[1]; got != "booti K R:1a F" {
			t.Errorf("%+v: %s", was, got)
		}
		if files["1/try.env"] == nil {
			files["1/slot.env"], files["1/try.env"] = slots.Default.SlotText(), slots.Default.TryText()
		}
		after, _ := slots.Parse(files["1/slot.env"], files["1/try.env"])
		if was.Try == 0 {
			want.Left = after.Left // nobody looks at it
		}
		if after != want {
			t.Errorf("%+v: left behind is %+v, want %+v", was, after, want)
		}
	}
}

// A slot without a kernel or an initrd is started again, which counts; and a card in
// QEMU, or one of a 32-bit board, is started its own way.
func TestBootScriptElsewhere(t *testing.T) {
	for _, missing := range []string{"2/vmlinuz", "2/initrd.img"} {
		files := map[string][]byte{"2/vmlinuz": {1}, "2/initrd.img": {1}}
		delete(files, missing)
		if got := start(t, boardNamed(t, "arm64"), "rpi", files).trace[1:]; !slices.Equal(got, []string{"sleep 5", "reset"}) {
			t.Errorf("without %s: %q", missing, got)
		}
	}
	l := start(t, boardNamed(t, "armhf"), "qemu-arm", map[string][]byte{"2/vmlinuz": {1}, "2/initrd.img": {1}})
	if l.trace[1] != "bootz K R:1 F" || !strings.HasPrefix(l.vars["bootargs"], "console=tty0 console=ttyAMA0,115200 ") {
		t.Errorf("%q with %q", l.trace, l.vars["bootargs"])
	}
}

func TestFirmwareConfig(t *testing.T) {
	for name, want := range map[string]bool{"arm64": true, "armhf": false} {
		c := boardNamed(t, name).FirmwareConfig()
		if !strings.Contains(c, "kernel=u-boot.bin\n") || !strings.Contains(c, "enable_uart=1\n") || !strings.Contains(c, "upstream_kernel=1\n") || strings.HasPrefix(c, "arm_64bit=1\n") != want {
			t.Errorf("%s: %q", name, c)
		}
	}
}
