// Package cli holds console commands and the tree that finds them by words. It
// knows no command itself: the packages that own the data bring theirs.
package cli

import (
	"context"
	"io"
)

// A Command is one console command.
type Command struct {
	// Path is its fixed words: "pjsip show endpoint". A word may list
	// alternatives in braces: "core set {verbose|debug}".
	Path    string
	Summary string // one line for `core show help`
	Usage   string // full text; "Usage: ..." first
	// Run prints to w. args are the words after Path. Returning Usage prints
	// the usage text; any other error is printed as it stands and counts as a
	// failed command.
	Run func(ctx context.Context, w io.Writer, args []string) error
	// Complete gives candidates for the last of args; may be nil.
	Complete func(args []string) []string
}
