package text

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
)

// clockFunctions turn moments into texts and back.
func clockFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "STRFTIME", Synopsis: "A moment as text", Syntax: "STRFTIME([epoch][,zone[,format]])", Read: form.OfText(formatTime)},
		{Name: "STRPTIME", Synopsis: "A text as seconds since 1970", Syntax: "STRPTIME(text,zone,format)", Read: form.OfText(parseTime)},
	}
}

// zone finds a time zone by its name; an empty or unknown one is the local
// zone, as in the C library's UTC fall-back for names it cannot find.
func zone(name string) (*time.Location, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return time.Local, nil
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC, fmt.Errorf("time zone %q is not known; UTC is used", name)
	}
	return z, nil
}

func formatTime(args string) (string, error) {
	a := form.Arguments(args, 3)
	moment := time.Now()
	if epoch, _, err := form.Number(a[0]); err == nil && epoch > -1e11 && epoch < 1e12 {
		whole := int64(epoch)
		if float64(whole) > epoch {
			whole--
		}
		moment = time.Unix(whole, int64((epoch-float64(whole))*1e6+0.5)*1000)
	}
	z, err := zone(a[1])
	format := a[2]
	if format == "" {
		format = "%c"
	}
	return strftime(moment.In(z), format), err
}

// strftime formats with the letters of C's strftime in the POSIX locale, and
// %q: thousandths of a second, %3q: that many digits of them.
func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		from := i
		for i < len(format)-1 && strings.IndexByte("_-0^#123456789EO", format[i]) >= 0 {
			i++
		}
		flags := format[from:i]
		switch format[i] {
		case 'q':
			b.WriteString(fractions(t, flags))
			continue
		case 'c', 'D', 'F', 'R', 'r', 'T', 'x', 'X':
			composed := map[byte]string{'c': "%a %b %e %H:%M:%S %Y", 'D': "%m/%d/%y", 'F': "%Y-%m-%d", 'R': "%H:%M",
				'r': "%I:%M:%S %p", 'T': "%H:%M:%S", 'x': "%m/%d/%y", 'X': "%H:%M:%S"}
			b.WriteString(strftime(t, composed[format[i]]))
			continue
		}
		text, ok := timeField(t, format[i])
		if !ok {
			b.WriteByte('%')
			b.WriteString(format[from : i+1])
			continue
		}
		if strings.Contains(flags, "-") {
			if text = strings.TrimLeft(text, "0 "); text == "" {
				text = "0"
			}
		}
		if strings.Contains(flags, "^") {
			text = strings.ToUpper(text)
		}
		b.WriteString(text)
	}
	return b.String()
}

func fractions(t time.Time, flags string) string {
	n, err := strconv.Atoi(flags)
	if err != nil || n < 1 || n > 6 {
		n = 3
	}
	return fmt.Sprintf("%06d", t.Nanosecond()/1000)[:n]
}

// timeField gives one field of a moment.
func timeField(t time.Time, letter byte) (string, bool) {
	two := func(n int) string { return fmt.Sprintf("%02d", n) }
	hour12 := (t.Hour()+11)%12 + 1
	isoYear, isoWeek := t.ISOWeek()
	switch letter {
	case 'a':
		return t.Weekday().String()[:3], true
	case 'A':
		return t.Weekday().String(), true
	case 'b', 'h':
		return t.Month().String()[:3], true
	case 'B':
		return t.Month().String(), true
	case 'C':
		return two(t.Year() / 100), true
	case 'd':
		return two(t.Day()), true
	case 'e':
		return fmt.Sprintf("%2d", t.Day()), true
	case 'g':
		return two(isoYear % 100), true
	case 'G':
		return strconv.Itoa(isoYear), true
	case 'H':
		return two(t.Hour()), true
	case 'I':
		return two(hour12), true
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay()), true
	case 'k':
		return fmt.Sprintf("%2d", t.Hour()), true
	case 'l':
		return fmt.Sprintf("%2d", hour12), true
	case 'm':
		return two(int(t.Month())), true
	case 'M':
		return two(t.Minute()), true
	case 'n':
		return "\n", true
	case 'p':
		return t.Format("PM"), true
	case 'P':
		return t.Format("pm"), true
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'S':
		return two(t.Second()), true
	case 't':
		return "\t", true
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1), true
	case 'U':
		return two((t.YearDay() + 6 - int(t.Weekday())) / 7), true
	case 'V':
		return two(isoWeek), true
	case 'w':
		return strconv.Itoa(int(t.Weekday())), true
	case 'W':
		return two((t.YearDay() + 6 - (int(t.Weekday())+6)%7) / 7), true
	case 'y':
		return two(t.Year() % 100), true
	case 'Y':
		return strconv.Itoa(t.Year()), true
	case 'z':
		return t.Format("-0700"), true
	case 'Z':
		return t.Format("MST"), true
	case '%':
		return "%", true
	}
	return "", false
}

// parseTime reads a text by a format of strftime's letters: d e H I k l m M p S
// y Y b B h a A j s T R D F n t %.
func parseTime(args string) (string, error) {
	a := form.Arguments(args, 3)
	if a[0] == "" || a[2] == "" {
		return "", errors.New("wants a text, a time zone and a format")
	}
	z, err := zone(a[1])
	if err != nil {
		return "", err
	}
	p := timeParser{rest: a[0], year: 1970, month: 1, day: 1}
	if err := p.read(a[2], 0); err != nil {
		return "", err
	}
	if p.epoch != nil {
		return strconv.FormatInt(*p.epoch, 10), nil
	}
	hour := p.hour
	if p.half != 0 {
		hour = hour%12 + (p.half-1)*12
	}
	month, day := time.Month(p.month), p.day
	if p.yearDay > 0 {
		month, day = time.January, p.yearDay
	}
	return strconv.FormatInt(time.Date(p.year, month, day, hour, p.minute, p.second, 0, z).Unix(), 10), nil
}

type timeParser struct {
	rest                                         string
	year, month, day, hour, minute, second, half int // half: 1 AM, 2 PM
	yearDay                                      int
	epoch                                        *int64
}

func (p *timeParser) read(format string, depth int) error {
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c == ' ' {
			p.rest = strings.TrimLeft(p.rest, blanks)
			continue
		}
		if c != '%' || i+1 == len(format) {
			if !strings.HasPrefix(p.rest, string([]byte{c})) {
				return fmt.Errorf("time text does not go on with %q", c)
			}
			p.rest = p.rest[1:]
			continue
		}
		i++
		if err := p.field(format[i], depth); err != nil {
			return err
		}
	}
	return nil
}

func (p *timeParser) field(letter byte, depth int) error {
	var err error
	switch letter {
	case 'd', 'e':
		p.day, err = p.digits(2, 1, 31)
	case 'H', 'k':
		p.hour, err = p.digits(2, 0, 23)
	case 'I', 'l':
		p.hour, err = p.digits(2, 1, 12)
	case 'j':
		p.yearDay, err = p.digits(3, 1, 366)
	case 'm':
		p.month, err = p.digits(2, 1, 12)
	case 'M':
		p.minute, err = p.digits(2, 0, 59)
	case 'S':
		p.second, err = p.digits(2, 0, 60)
	case 'Y':
		p.year, err = p.digits(4, 0, 9999)
	case 'y':
		p.year, err = p.digits(2, 0, 99)
		if p.year < 69 {
			p.year += 100
		}
		p.year += 1900
	case 'p', 'P':
		p.half, err = p.name([]string{"am", "pm"})
	case 'b', 'B', 'h':
		p.month, err = p.name([]string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"})
	case 'a', 'A':
		_, err = p.name([]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"})
	case 's':
		var n int
		n, err = p.digits(12, 0, 1<<31-1)
		epoch := int64(n)
		p.epoch = &epoch
	case 'n', 't':
		p.rest = strings.TrimLeft(p.rest, blanks)
	case '%':
		if !strings.HasPrefix(p.rest, "%") {
			return errors.New("time text lacks a %")
		}
		p.rest = p.rest[1:]
	case 'T', 'R', 'D', 'F':
		if depth > 0 {
			return nil
		}
		return p.read(map[byte]string{'T': "%H:%M:%S", 'R': "%H:%M", 'D': "%m/%d/%y", 'F': "%Y-%m-%d"}[letter], 1)
	default:
		return fmt.Errorf("%%%c is not understood here", letter)
	}
	return err
}

func (p *timeParser) digits(most, lo, hi int) (int, error) {
	p.rest = strings.TrimLeft(p.rest, blanks)
	n := 0
	for n < most && n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
		n++
	}
	v, err := strconv.Atoi(p.rest[:n])
	if err != nil || v < lo || v > hi {
		return 0, fmt.Errorf("no time is found in the text at %q", p.rest)
	}
	p.rest = p.rest[n:]
	return v, nil
}

// name reads one of some words, whole or by its first three letters, and gives
// its place counted from 1.
func (p *timeParser) name(words []string) (int, error) {
	low := strings.ToLower(p.rest)
	for i, w := range words {
		if strings.HasPrefix(low, w) {
			p.rest = p.rest[len(w):]
			return i + 1, nil
		}
	}
	for i, w := range words {
		if len(w) >= 3 && strings.HasPrefix(low, w[:3]) {
			p.rest = p.rest[3:]
			return i + 1, nil
		}
	}
	return 0, fmt.Errorf("no time is found in the text at %q", p.rest)
}
