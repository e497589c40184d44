// Package judge asks receivers and generators not written here what they make of
// our signals, and what ours make of theirs: libspandsp, through the program line
// that is compiled from c/line.c, and the commands multimon-ng and minimodem. All
// three are Debian packages that `make judge` installs. The tests that ask are in
// the packages below this one, behind the build tag judge.
//
// Sound is 8 kHz linear, where a full sine is +3.17 dBm0, as everywhere here.
package judge

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Rate is the sample rate of all sound, in Hz.
const Rate = 8000

// A Judge is libspandsp behind the compiled program.
type Judge struct{ line string }

// Open compiles the program into dir, which must exist. It needs gcc and
// libspandsp-dev.
func Open(dir string) (*Judge, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return nil, errors.New("judge: the source is nowhere")
	}
	j := &Judge{line: filepath.Join(dir, "line")}
	source := filepath.Join(filepath.Dir(here), "c", "line.c")
	out, err := exec.Command("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", j.line, source, "-lspandsp", "-lm").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("judge: gcc %s: %w\n%s", source, err, out)
	}
	return j, nil
}

// Main is the body of a TestMain: it opens a judge for all tests of a package.
func Main(j **Judge, run func() int) int {
	dir, err := os.MkdirTemp("", "judge-")
	if err == nil {
		defer os.RemoveAll(dir)
		*j, err = Open(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}

// Heard is one thing that a judge noticed.
type Heard struct {
	At   int    // samples read when it was noticed, to 5 ms
	What string // "digit", "tone", "message" ...
	Args []string
}

func (h Heard) String() string {
	return fmt.Sprintf("%d %s %s", h.At, h.What, strings.Join(h.Args, " "))
}

// Hear lets the judge listen: mode is one of those of line.c that end in -hear.
func (j *Judge) Hear(sound []int16, mode string, args ...string) ([]Heard, error) {
	out, err := run(Bytes(sound), j.line, append([]string{mode}, args...)...)
	if err != nil {
		return nil, err
	}
	return parse(string(out))
}

func parse(text string) ([]Heard, error) {
	var all []Heard
	for l := range strings.Lines(text) {
		w := strings.Fields(l)
		if len(w) < 2 {
			return nil, fmt.Errorf("judge: line %q", l)
		}
		at, err := strconv.Atoi(w[0])
		if err != nil {
			return nil, fmt.Errorf("judge: line %q: %w", l, err)
		}
		all = append(all, Heard{At: at, What: w[1], Args: w[2:]})
	}
	return all, nil
}

// Make lets the judge speak: mode is one of those that end in -make, input what it
// reads.
func (j *Judge) Make(input, mode string, args ...string) ([]int16, error) {
	out, err := run([]byte(input), j.line, append([]string{mode}, args...)...)
	return Samples(out), err
}

// Digits is what the judge's DTMF receiver hears.
func (j *Judge) Digits(sound []int16) (string, error) {
	heard, err := j.Hear(sound, "dtmf-hear")
	return joined(heard, "digit"), err
}

// MakeDigits is a row of digits: the level of the low tone in dBm0, how many dB
// the high one is above it, milliseconds on and off.
func (j *Judge) MakeDigits(digits string, level, twist, on, off int) ([]int16, error) {
	return j.Make("", "dtmf-make", digits, strconv.Itoa(level), strconv.Itoa(twist), strconv.Itoa(on), strconv.Itoa(off))
}

func joined(heard []Heard, what string) string {
	var s strings.Builder
	for _, h := range heard {
		if h.What == what && len(h.Args) > 0 {
			s.WriteString(h.Args[0])
		}
	}
	return s.String()
}

// Echo gives the judge's echo canceller what was sent and what came back, and
// returns what is left. Mode is a sum of ECHO_CAN_USE_ flags: 1 adapt, 2 NLP, 4
// comfort noise, 8 clip.
func (j *Judge) Echo(sent, received []int16, taps, mode int) ([]int16, error) {
	pairs := make([]int16, 0, 2*len(sent))
	for i := range min(len(sent), len(received)) {
		pairs = append(pairs, sent[i], received[i])
	}
	out, err := run(Bytes(pairs), j.line, "echo", strconv.Itoa(taps), strconv.Itoa(mode))
	return Samples(out), err
}

// EchoPath is impulse response D.2 to D.9 of ITU-T G.168 annex D, at an echo
// return loss of about 0 dB.
func (j *Judge) EchoPath(model int) ([]float64, error) {
	heard, err := j.Hear(nil, "echo-path", strconv.Itoa(model))
	if err != nil {
		return nil, err
	}
	var taps []float64
	for _, h := range heard {
		f, err := strconv.ParseFloat(h.Args[0], 64)
		if err != nil {
			return nil, err
		}
		taps = append(taps, f)
	}
	return taps, nil
}

func run(input []byte, name string, args ...string) ([]byte, error) {
	c := exec.Command(name, args...)
	var out, complaint bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(input), &out, &complaint
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("judge: %s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, complaint.Bytes())
	}
	return out.Bytes(), nil
}

// Bytes are samples as the programs read them.
func Bytes(sound []int16) []byte {
	b := make([]byte, 0, 2*len(sound))
	for _, v := range sound {
		b = binary.NativeEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// Samples are what the programs write.
func Samples(b []byte) []int16 {
	s := make([]int16, len(b)/2)
	for i := range s {
		s[i] = int16(binary.NativeEndian.Uint16(b[2*i:]))
	}
	return s
}

// temporary writes a file that remove removes.
func temporary(pattern string, content []byte) (name string, remove func(), err error) {
	f, err := os.CreateTemp("", pattern)
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.Remove(f.Name()) }
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		remove()
		return "", nil, err
	}
	return f.Name(), remove, nil
}
