// Package cli holds console commands and the tree that finds them by words. It
// knows no command itself: the packages that own the data bring theirs.
//
// A line is split into words (Split), the command with the most fixed words at
// its beginning is run (Tree.Run), and the same comparison word by word drives
// completion (Tree.Complete) and `core show help` (Tree.Help). Words are
// compared whole and without case; there is no abbreviation.
package cli

import (
	"context"
	"errors"
	"io"
)

// A Command is one console command.
type Command struct {
	// Path is its fixed words: "pjsip show endpoint". A word may list
	// alternatives in braces: "core set {verbose|debug}"; Words tells which one
	// was typed. A last word in brackets is an argument that may be left out,
	// "core show uptime [seconds]": help and completion show it, Run finds it
	// in args.
	Path    string
	Summary string // one line for `core show help`
	Usage   string // full text; "Usage: ..." first
	// Run prints to w. args are the words after Path. Returning ErrUsage prints
	// the usage text, ErrFailed says that w already has the reason; any other
	// error is printed as it stands and counts as a failed command.
	Run func(ctx context.Context, w io.Writer, args []string) error
	// Complete gives candidates for the last of args, which may be an unfinished
	// or an empty word; the tree keeps those that begin with it. May be nil.
	Complete func(args []string) []string
}

var (
	// ErrUsage is returned by a command that was given wrong arguments.
	ErrUsage = errors.New("wrong arguments")
	// ErrFailed is returned by a command that has itself printed what is wrong.
	ErrFailed = errors.New("command failed")
)

// An Outcome says how a line ended, for scripts that ask for it.
type Outcome uint8

const (
	Done    Outcome = iota
	Unknown         // there is no such command
	Misused         // wrong arguments; the usage text was printed
	Failed          // the command could not do what it was asked
)

func (o Outcome) String() string {
	return [...]string{"done", "unknown command", "wrong arguments", "failed"}[o]
}

type wordsKey struct{}

// Words gives a running command the whole line it was typed with, aliases
// resolved, as words.
func Words(ctx context.Context) []string {
	words, _ := ctx.Value(wordsKey{}).([]string)
	return words
}
