// Package form is how a dialplan function is made of a plain Go function: what
// it needs beside its arguments, and the parts arguments are made of.
package form

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/live"
)

// What a function does when it is read and written; c is nil where there is no
// channel.
type (
	Read  = func(ctx context.Context, c *channel.Channel, args string) (string, error)
	Write = func(ctx context.Context, c *channel.Channel, args, value string) error
)

// OnChannel makes a reading function fail where there is no channel.
func OnChannel(f func(c *channel.Channel, args string) (string, error)) Read {
	return func(_ context.Context, c *channel.Channel, args string) (string, error) {
		if c == nil {
			return "", ErrNoChannel
		}
		return f(c, args)
	}
}

// OfText makes a reading function of one that only looks at its arguments.
func OfText(f func(args string) (string, error)) Read {
	return func(_ context.Context, _ *channel.Channel, args string) (string, error) { return f(args) }
}

// SetChannel makes a writing function fail where there is no channel.
func SetChannel(f func(c *channel.Channel, args, value string) error) Write {
	return func(_ context.Context, c *channel.Channel, args, value string) error {
		if c == nil {
			return ErrNoChannel
		}
		return f(c, args, value)
	}
}

// Arguments splits and pads to n, so that missing ones are empty. The last
// takes the rest as it stands.
func Arguments(s string, n int) []string {
	args := argument.Split(s, n)
	for len(args) < n {
		args = append(args, "")
	}
	return args
}

// Truth is how functions answer yes and no.
func Truth(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// Why a function does not work.
var (
	ErrNoChannel = errors.New("works on a channel only")
	ErrNoPart    = errors.New("the part of the exchange it asks is not there")
)

// Item is the first argument, in small letters.
func Item(args string) string {
	first, _, _ := strings.Cut(args, ",")
	return strings.ToLower(strings.TrimSpace(first))
}

// Value reads the variable (or function) whose name was given.
func Value(ctx context.Context, system *live.System, c *channel.Channel, name string) string {
	v, _ := system.Get(ctx, c, strings.TrimSpace(name))
	return v
}

// Number reads a decimal number; whole tells that it was written without a point.
func Number(s string) (n float64, whole bool, err error) {
	s = strings.TrimSpace(s)
	n, err = strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, true, fmt.Errorf("%q is not a number", s)
	}
	return n, !strings.ContainsAny(s, ".eE"), nil
}

// LeadingNumber gives the number a text begins with.
func LeadingNumber(s string) string {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	digits := func() {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
	}
	digits()
	if i < len(s) && s[i] == '.' {
		i++
		digits()
	}
	if i+1 < len(s) && (s[i] == 'e' || s[i] == 'E') && (s[i+1] >= '0' && s[i+1] <= '9' || (s[i+1] == '-' || s[i+1] == '+') && i+2 < len(s)) {
		i += 2
		digits()
	}
	return s[:i]
}
