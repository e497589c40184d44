// Package rootfs says what an image of the appliance contains, beside the
// kernel: which files, from where, with which owner and mode, and what is kept
// across an update. It holds this contract; the builder is separate.
package rootfs

import "io/fs"

// Keeping says what an update does to a file.
type Keeping uint8

const (
	Replaced Keeping = iota // belongs to the image: every update brings its own
	Kept                    // belongs to the user: an update leaves it, a factory reset does not
	Volatile                // lives in memory: gone after a restart
)

// An Entry is one file or directory of the image.
type Entry struct {
	Path     string      // absolute, as the running system sees it
	Mode     fs.FileMode // type and permissions
	Owner    string      // user name
	Group    string      // group name
	Source   string      // in the build tree; "" for a directory or an empty file
	Link     string      // target, for a symbolic link
	Keeping  Keeping
	Optional bool // may be missing from the build tree (a board's firmware)
}

// A Manifest is the whole image. Entries are in the order they are made:
// directories before what is in them.
type Manifest struct {
	Board   string // "generic-arm64", ...
	Arch    string // Go's name: "arm64", "arm", "amd64"
	Entries []Entry
}
