// Command image builds what is flashed to a card, and the update of one: Debian's
// packages as the lock file names them, our files (package rootfs), our binary, a
// kernel with the modules of a keep-list, and an initrd of our own.
//
// No maintainer script runs and no foreign code: packages are unpacked only, so that
// an image for any board is built on any machine. There is no loop device and no
// mount either. The same lock file and the same sources give the same bytes.
//
//	image -board arm64 -out bin/image/arm64          build
//	image -board arm64 -relock                        write the lock file anew
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"branchline/appliance"
	"branchline/rootfs"
)

func main() {
	var b builder
	name := flag.String("board", "", "which board: arm64, armhf, amd64")
	flag.BoolVar(&b.newest, "newest-if-gone", false, "where Debian no longer has what the lock file names, take the newest and say so: for tests, not for releases")
	relock := flag.Bool("relock", false, "ask Debian's index for the newest packages and write the lock file")
	flag.StringVar(&b.flavour, "flavour", "", "dahdi: with the kernel modules of telephone cards")
	flag.StringVar(&b.out, "out", "", "directory for what is built; default bin/image/BOARD, or BOARD-FLAVOUR")
	flag.StringVar(&b.cache, "cache", "bin/image/cache", "directory that keeps downloaded packages")
	flag.StringVar(&b.locks, "locks", "build/image/lock", "directory of the lock files")
	flag.StringVar(&b.version, "version", appliance.Version, "what the image calls itself")
	flag.IntVar(&b.counter, "counter", rootfs.Counter, "its place among the releases")
	flag.StringVar(&b.key, "key", "build/image/keys/development-1.key", "minisign secret key that signs the update")
	flag.StringVar(&b.trust, "trust", "build/image/keys", "directory of the public keys (*.pub) that the image accepts updates from, at most two")
	flag.BoolVar(&b.release, "release", false, "for the world: refuse the development keys")
	flag.Parse()
	board, ok := rootfs.BoardNamed(*name)
	if !ok || flag.NArg() > 0 || b.flavour != "" && b.flavour != rootfs.DAHDI {
		flag.Usage()
		os.Exit(2)
	}
	b.board = board
	if b.out == "" {
		b.out = filepath.Join("bin/image", b.name())
	}
	unix.Umask(0o022) // what is made here has the same rights whoever builds it
	run := b.build
	if *relock {
		run = b.relock
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// A builder builds the image of one board.
type builder struct {
	board             rootfs.Board
	flavour           string   // "" or rootfs.DAHDI
	extra             []string // kernel modules of the flavour
	out, cache, locks string
	version           string
	counter           int
	key, trust        string
	release, newest   bool
	began             time.Time
}

// name is what the image is called, and what updates for it are for.
func (b *builder) name() string {
	if b.flavour == "" {
		return b.board.Name
	}
	return b.board.Name + "-" + b.flavour
}

// at is a file in the directory of what is built.
func (b *builder) at(elem ...string) string {
	return filepath.Join(append([]string{b.out}, elem...)...)
}

// A step is a part of the build.
type step struct {
	name string
	do   func() error
}

// tell tells that something is done, and when.
func (b *builder) tell(format string, args ...any) {
	fmt.Printf("%5.1fs %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

func (b *builder) build() error {
	b.began = time.Now()
	for _, dir := range []string{"root", "kernel", "initrd"} {
		if err := os.RemoveAll(b.at(dir)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return err
	}
	steps := []step{
		{"packages", b.fetch},
		{"userland", b.userland},
	}
	if b.flavour == rootfs.DAHDI {
		steps = append(steps, step{"telephone cards", b.dahdi})
	}
	steps = append(steps, []step{
		{"kernel modules", b.modules},
		{"our files", b.ours},
		{"licences", b.terms},
		{"libraries", b.libraries},
		{"initrd", b.initrd},
		{"compressed root", b.compress},
		{"slot", b.slot},
		{"image", b.image},
		{"update and compressed image", b.press},
	}...)
	for _, s := range steps {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		b.tell("%s", s.name)
	}
	return b.report()
}
