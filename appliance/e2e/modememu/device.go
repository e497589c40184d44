package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"branchline/hal/haltest/modemtest"
	"branchline/hal/haltest/sequence"
	"branchline/hal/haltest/wire"
)

// A device is an emulator and the far side of its line.
type device struct {
	voice *modemtest.Voice
	cell  *modemtest.Cell
	say   func(string)

	mu     sync.Mutex
	source func([]int16)
	result string
	echo   []int16
	judge  *sequence.Judge
	count  *sequence.Count
}

func newDevice(kind string, speed float64, say func(string)) (*device, error) {
	d := &device{say: say, judge: &sequence.Judge{}, count: &sequence.Count{}}
	o := modemtest.Options{Speed: speed, Source: d.speak, Sink: d.hear, Dialled: d.dialled, Say: say, Sent: func(digits string) { say("sent " + digits) }}
	for m := modemtest.CX93010; m <= modemtest.Pretender; m++ {
		if m.String() == kind {
			d.voice = modemtest.NewVoice(m, o)
			return d, nil
		}
	}
	for m := modemtest.EC25; m <= modemtest.SIM7600; m++ {
		if m.String() == kind {
			d.cell = modemtest.NewCell(m, o)
			return d, nil
		}
	}
	return nil, fmt.Errorf("no kind %q", kind)
}

func (d *device) device() wire.Device {
	if d.voice != nil {
		return d.voice
	}
	return d.cell
}

func (d *device) dialled(number string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.result
}

// hear is what the far side hears.
func (d *device) hear(samples []int16) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.judge.Hear(samples)
	d.echo = append(d.echo, samples...)
	if over := len(d.echo) - 8000; over > 0 {
		d.echo = append(d.echo[:0], d.echo[over:]...)
	}
}

// speak is what it says.
func (d *device) speak(samples []int16) {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(samples)
	if d.source != nil {
		d.source(samples)
	}
}

func tone(hz float64) func([]int16) {
	n := 0.0
	return func(samples []int16) {
		for i := range samples {
			samples[i] = int16(8000 * math.Sin(2*math.Pi*hz*n/8000))
			n++
		}
	}
}

// share is how much of what was heard in the last second is a tone of hz.
func (d *device) share(hz float64) float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	var re, im, all float64
	for n, v := range d.echo {
		at := 2 * math.Pi * hz * float64(n) / 8000
		re += float64(v) * math.Cos(at)
		im += float64(v) * math.Sin(at)
		all += float64(v) * float64(v)
	}
	if all == 0 {
		return 0
	}
	return 2 * (re*re + im*im) / (float64(len(d.echo)) * all)
}

// loop is the source that says what was heard.
func (d *device) loop(samples []int16) {
	n := copy(samples, d.echo)
	d.echo = append(d.echo[:0], d.echo[n:]...)
}

func (d *device) obey(word, rest string) error {
	args := strings.Fields(rest)
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	set := func(source func([]int16)) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.source, d.echo = source, nil
	}
	switch word {
	case "tone":
		hz, err := strconv.ParseFloat(arg(0), 64)
		if err != nil {
			return err
		}
		set(tone(hz))
		return nil
	case "loop":
		set(d.loop)
		return nil
	case "heard":
		hz, err := strconv.ParseFloat(arg(0), 64)
		if err != nil {
			return err
		}
		d.say(fmt.Sprintf("heard %s share %.2f", arg(0), d.share(hz)))
		return nil
	case "count":
		set(d.count.Fill)
		return nil
	case "quiet":
		set(nil)
		return nil
	case "result":
		d.mu.Lock()
		d.result = rest
		d.mu.Unlock()
		return nil
	case "verdict":
		v := d.judge.Verdict()
		d.say(fmt.Sprintf("verdict right %d wrong %d silence %d", v.Right, v.Wrong, v.Silence))
		return nil
	}
	if d.voice != nil {
		return d.obeyVoice(word, rest, arg)
	}
	return d.obeyCell(word, rest, arg)
}

func lateness(arg func(int) string) (time.Duration, int, error) {
	ms, err := strconv.Atoi(arg(0))
	if err != nil {
		return 0, 0, err
	}
	n := 1
	if arg(1) != "" {
		n, err = strconv.Atoi(arg(1))
	}
	return time.Duration(ms) * time.Millisecond, n, err
}

func (d *device) obeyVoice(word, rest string, arg func(int) string) error {
	switch word {
	case "ring":
		d.voice.Ring()
		if number, name, _ := strings.Cut(rest, " "); number != "" {
			d.voice.CallerID(number, name)
		}
	case "code":
		if len(rest) != 1 {
			return fmt.Errorf("code %q", rest)
		}
		d.voice.Code(rest[0])
	case "stick":
		d.voice.Stick()
	case "late":
		by, n, err := lateness(arg)
		if err != nil {
			return err
		}
		d.voice.Late(by, n)
	case "garbage":
		d.voice.Garbage([]byte("\xff\x00~}\xfe\r\nxyzzy\r\n"))
	default:
		return fmt.Errorf("unknown: %s", word)
	}
	return nil
}

func (d *device) obeyCell(word, rest string, arg func(int) string) error {
	switch word {
	case "ring":
		d.cell.Ring(arg(0))
	case "alert":
		d.cell.FarRings()
	case "answer":
		d.cell.FarAnswers()
	case "hangup":
		d.cell.FarHangsUp(rest)
	case "digit":
		if len(rest) != 1 {
			return fmt.Errorf("digit %q", rest)
		}
		d.cell.Digit(rest[0])
	case "sms":
		from, body, _ := strings.Cut(rest, " ")
		for _, digits := range modemtest.Delivered(from, body) {
			d.cell.Message(digits)
		}
	case "register":
		n, err := strconv.Atoi(arg(0))
		if err != nil {
			return err
		}
		d.cell.Register(n)
	case "stick":
		d.cell.Stick()
	case "late":
		by, n, err := lateness(arg)
		if err != nil {
			return err
		}
		d.cell.Late(by, n)
	case "garbage":
		d.cell.Garbage([]byte("\xff\x00~}\xfe\r\n$GPGGA,1\r\n"))
	default:
		return fmt.Errorf("unknown: %s", word)
	}
	return nil
}
