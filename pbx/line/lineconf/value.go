package lineconf

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/channel"
)

var (
	errYesNo  = errors.New("neither yes nor no")
	errNumber = errors.New("not a whole number")
	errRange  = errors.New("out of range")
	errWord   = errors.New("not a known word")
)

func truth(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "yes", "true", "y", "t", "1", "on":
		return true, nil
	case "no", "false", "n", "f", "0", "off", "":
		return false, nil
	}
	return false, errYesNo
}

func count(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, errNumber
	}
	if n < low || n > high {
		return 0, errRange
	}
	return n, nil
}

// decibels reads a gain; "dB" may follow.
func decibels(s string) (float64, error) {
	if len(s) > 2 && strings.EqualFold(s[len(s)-2:], "db") {
		s = s[:len(s)-2]
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(f) {
		return 0, errors.New("not a number of dB")
	}
	if f < -12 || f > 12 {
		return 0, errRange
	}
	return f, nil
}

// groups reads a list of numbers 0 to 63 and ranges of them; bit n stands for n.
func groups(s string) (uint64, error) {
	var set uint64
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		first, last, err := span(item, 0, 63)
		if err != nil {
			return 0, fmt.Errorf("%q: %w", item, err)
		}
		for n := first; n <= last; n++ {
			set |= 1 << n
		}
	}
	return set, nil
}

// span reads "3" or "3-5".
func span(item string, low, high int) (first, last int, err error) {
	a, b, ranged := strings.Cut(item, "-")
	if first, err = count(strings.TrimSpace(a), low, high); err != nil {
		return 0, 0, err
	}
	if !ranged {
		return first, first, nil
	}
	if last, err = count(strings.TrimSpace(b), low, high); err != nil {
		return 0, 0, err
	}
	if last < first {
		return 0, 0, errors.New("the range runs backwards")
	}
	return first, last, nil
}

// maxChannel is the highest channel number we believe in: DAHDI itself has 1024.
const maxChannel = 1024

// channels reads the list of `channel =>`.
func channels(s string) ([]int, error) {
	var out []int
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		first, last, err := span(item, 1, maxChannel)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", item, err)
		}
		for n := first; n <= last; n++ {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no channel")
	}
	return out, nil
}

// times reads a list of milliseconds.
func times(s string, most int) ([]time.Duration, error) {
	var out []time.Duration
	for item := range strings.SplitSeq(s, ",") {
		n, err := count(strings.TrimSpace(item), -60000, 60000)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", clip(item), err)
		}
		if len(out) == most {
			return nil, fmt.Errorf("more than %d times", most)
		}
		// A negative time marks where the pattern starts over; ours always starts
		// over at its beginning.
		out = append(out, time.Duration(max(n, -n))*time.Millisecond)
	}
	return out, nil
}

// party reads `"Name" <number>`, `Name <number>`, or a number.
func party(s string) channel.Party {
	s = strings.TrimSpace(s)
	if name, rest, ok := strings.Cut(s, "<"); ok {
		number, _, _ := strings.Cut(rest, ">")
		return channel.Party{Name: strings.Trim(strings.TrimSpace(name), `"`), Number: strings.TrimSpace(number)}
	}
	if strings.Trim(s, "+0123456789*#") == "" {
		return channel.Party{Number: s}
	}
	return channel.Party{Name: strings.Trim(s, `"`)}
}

// clip shortens what a user wrote for a message.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "..."
	}
	return s
}
