// Package sysconf reads /etc/dahdi/system.conf and brings DAHDI into the state that
// it describes, as dahdi_cfg of dahdi-tools does: which spans there are, how their
// channels signal, who cancels their echo, which tone zones the kernel knows.
//
// Parse is a pure function from text to Config. Apply carries a Config out; it leaves
// alone what is already so, and may be run on a machine whose channels are in use.
package sysconf

import (
	"fmt"
	"strconv"
	"strings"

	"branchline/hal/dahdi/abi"
)

// A Diag is something to say about a line of the file.
type Diag struct {
	File    string
	Line    int  // 0: about no line of its own
	Error   bool // otherwise a warning
	Message string
}

func (d Diag) String() string {
	severity := "warning"
	if d.Error {
		severity = "error"
	}
	if d.Line == 0 {
		return fmt.Sprintf("%s: %s: %s", d.File, severity, d.Message)
	}
	return fmt.Sprintf("%s:%d: %s: %s", d.File, d.Line, severity, d.Message)
}

// Config is what a file says. What was given twice counts as it was given last.
type Config struct {
	File     string
	Dynamic  []Dynamic
	Spans    []Span
	Channels map[int]*Channel
	Zones    []Named // loadzone
	Default  Named   // defaultzone, or no name
}

// Named is a name and the line where it stands.
type Named struct {
	Name string
	Line int
}

// Dynamic is a span without hardware of its own: dynamic=driver,address,channels,timing.
type Dynamic struct {
	Driver, Address  string
	Channels, Timing int
	Line             int
}

// Span is a digital span: span=number,timing,lbo,framing,coding,...
type Span struct {
	Number, Timing, LineBuildOut int
	LineConfig                   int // bits of package abi
	Line                         int
}

// Channel is what was said of one channel.
type Channel struct {
	Signalling abi.Signalling
	Line       int // of the signalling, 0: none was given
	Law        int
	LawLine    int
	Canceller  Named
}

// Limits of the kernel (user.h of dahdi-linux).
const (
	maxSpans    = 128
	maxChannels = 1024
)

// signallings are the keys that give channels a signalling for a telephone line.
var signallings = map[string]abi.Signalling{
	"fxsls": abi.FXSLS, "fxsgs": abi.FXSGS, "fxsks": abi.FXSKS,
	"fxols": abi.FXOLS, "fxogs": abi.FXOGS, "fxoks": abi.FXOKS,
	"unused": abi.Unused,
}

var laws = map[string]int{"mulaw": abi.LawMu, "alaw": abi.LawA, "deflaw": abi.LawDefault}

// digital are keys for channels that are no telephone lines by themselves, radio those
// for two-way radios.
var (
	digital = words("e&m e&me1 rawhdlc nethdlc fcshdlc hardhdlc mtp2 dchan bchan indclear clear cas dacs dacsrbs user 56k")
	radio   = words("ctcss dcsrx rxdcs tx debouncetime bursttime exttone invertcor corthresh rxgain txgain deemp preemp channel channels")
)

func words(s string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		m[w] = true
	}
	return m
}

// Parse reads a file. Lines with an error are left out of the result.
func Parse(file string, text []byte) (*Config, []Diag) {
	p := parser{Config: &Config{File: file, Channels: map[int]*Channel{}}}
	for line := range strings.Lines(string(text)) {
		p.line++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !found {
			p.fault("%q is not of the form key=value", short(line))
			continue
		}
		p.entry(strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value))
	}
	if d := p.Default; d.Name != "" && !p.loads(d.Name) {
		p.line = d.Line
		p.fault("defaultzone=%s, but there is no loadzone=%s", short(d.Name), short(d.Name))
		p.Default = Named{}
	}
	return p.Config, p.diags
}

type parser struct {
	*Config
	line  int
	diags []Diag
}

func (p *parser) fault(format string, args ...any) { p.say(true, format, args...) }
func (p *parser) warn(format string, args ...any)  { p.say(false, format, args...) }
func (p *parser) say(fault bool, format string, args ...any) {
	p.diags = append(p.diags, Diag{p.File, p.line, fault, fmt.Sprintf(format, args...)})
}

// short keeps a message to the length of a line.
func short(s string) string {
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return s
}

func (p *parser) entry(key, value string) {
	sig, isSignalling := signallings[key]
	law, isLaw := laws[key]
	switch {
	case isSignalling:
		p.channels(value, func(n int, c *Channel) {
			if c.Line != 0 && c.Signalling != sig {
				p.warn("channel %d: %s here overrides line %d", n, key, c.Line)
			}
			c.Signalling, c.Line = sig, p.line
		})
	case isLaw:
		p.channels(value, func(_ int, c *Channel) { c.Law, c.LawLine = law, p.line })
	case key == "echocanceller":
		name, list, _ := strings.Cut(value, ",")
		if name = strings.TrimSpace(name); name == "" || len(name) > 15 {
			p.fault("echocanceller=%s: want a canceller's name and channels, as in mg2,1-4", short(value))
			return
		}
		p.channels(list, func(_ int, c *Channel) { c.Canceller = Named{name, p.line} })
	case key == "dynamic":
		p.dynamic(value)
	case key == "span":
		p.span(value)
	case key == "loadzone":
		p.zone(value)
	case key == "defaultzone":
		if value == "" {
			p.fault("defaultzone without a zone")
			return
		}
		p.Default = Named{value, p.line}
	case digital[key]:
		p.warn("%s is not supported: these channels stay as dahdi_cfg left them", key)
	case radio[key]:
		p.warn("%s is for radio interfaces, which are not supported", key)
	default:
		p.fault("unknown key %q", short(key))
	}
}

// channels calls use for each channel of a list such as 1-4,7.
func (p *parser) channels(list string, use func(int, *Channel)) {
	var numbers []int
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, ok := number(first, 1, maxChannels)
		b := a
		if isRange && ok {
			b, ok = number(last, a, maxChannels)
		}
		if !ok {
			p.fault("%q is no channel and no range of channels (1-%d)", short(strings.TrimSpace(part)), maxChannels)
			return
		}
		for n := a; n <= b; n++ {
			numbers = append(numbers, n)
		}
		if len(numbers) > 2*maxChannels {
			p.fault("too many channels")
			return
		}
	}
	for _, n := range numbers {
		c := p.Channels[n]
		if c == nil {
			c = &Channel{}
			p.Channels[n] = c
		}
		use(n, c)
	}
}

// number reads a number between two bounds.
func number(s string, from, to int) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	return n, err == nil && n >= from && n <= to
}

func (p *parser) dynamic(value string) {
	f := fields(value)
	if len(f) != 4 {
		p.fault("dynamic=%s: want driver,address,channels,timing", short(value))
		return
	}
	d := Dynamic{Driver: f[0], Address: f[1], Line: p.line}
	var ok, also bool
	d.Channels, ok = number(f[2], 1, maxChannels)
	d.Timing, also = number(f[3], 0, maxSpans)
	if !ok || !also || d.Driver == "" || len(d.Driver) > 19 || d.Address == "" || len(d.Address) > 39 {
		p.fault("dynamic=%s: want driver,address,channels,timing", short(value))
		return
	}
	p.Dynamic = append(p.Dynamic, d)
}

func fields(value string) []string {
	f := strings.Split(value, ",")
	for i := range f {
		f[i] = strings.TrimSpace(f[i])
	}
	return f
}

// framing and coding of digital spans.
var lineBits = map[string]int{
	"d4": abi.FramingD4, "sf": abi.FramingD4, "superframe": abi.FramingD4, "esf": abi.FramingESF,
	"cas": 0, "ccs": abi.FramingCCS, "ami": abi.CodingAMI, "b8zs": abi.CodingB8ZS, "hdb3": abi.CodingHDB3,
	"crc4": abi.CRC4, "yellow": abi.NotOpenTx,
}

func (p *parser) span(value string) {
	f := fields(value)
	if len(f) < 5 {
		p.fault("span=%s: want number,timing,lbo,framing,coding", short(value))
		return
	}
	s := Span{Line: p.line}
	var ok [3]bool
	s.Number, ok[0] = number(f[0], 1, maxSpans)
	s.Timing, ok[1] = number(f[1], 0, maxSpans)
	s.LineBuildOut, ok[2] = number(f[2], 0, 7)
	if ok != [3]bool{true, true, true} {
		p.fault("span=%s: number 1-%d, timing 0-%d and lbo 0-7 come first", short(value), maxSpans, maxSpans)
		return
	}
	for _, word := range f[3:] {
		bits, known := lineBits[strings.ToLower(word)]
		if !known {
			p.fault("span=%s: %q is no framing, coding or option", short(value), short(word))
			return
		}
		s.LineConfig |= bits
	}
	p.Spans = append(p.Spans, s)
}

// maxZones is how many a file may load; the kernel numbers them with a byte.
const maxZones = 128

func (p *parser) zone(value string) {
	switch {
	case value == "" || len(value) > 39:
		p.fault("loadzone=%s: want a zone's name, as in tw", short(value))
	case p.loads(value):
		p.warn("zone %s is loaded twice", value)
	case len(p.Zones) == maxZones:
		p.fault("more than %d zones", maxZones)
	default:
		p.Zones = append(p.Zones, Named{value, p.line})
	}
}

func (p *parser) loads(name string) bool {
	for _, z := range p.Zones {
		if z.Name == name {
			return true
		}
	}
	return false
}
