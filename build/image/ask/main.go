// Command ask starts an image in QEMU and gives its root shell commands, one an
// argument: for whoever wants to look inside.
//
//	go run ./build/image/ask -board arm64 'systemctl status' 'dmesg | tail'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"branchline/build/image/guest"
	"branchline/rootfs"
)

func main() {
	name := flag.String("board", "amd64", "which board's image")
	images := flag.String("images", "bin/image", "where images were built, one directory a board")
	patience := flag.Duration("patience", 5*time.Minute, "how long each command may take, and the start")
	flag.Parse()
	board, ok := rootfs.BoardNamed(*name)
	if !ok || flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := ask(board, filepath.Join(*images, *name), *patience, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "ask:", err)
		os.Exit(1)
	}
}

func ask(board rootfs.Board, dir string, patience time.Duration, commands []string) error {
	scratch, err := os.MkdirTemp("", "ask")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	o := guest.Options{Board: board, Dir: dir, Disk: filepath.Join(scratch, "card.img"), Shell: true}
	if err := guest.CopyDisk(filepath.Join(dir, "branchline-"+board.Name+".img"), o.Disk, 200); err != nil {
		return err
	}
	g, err := guest.Start(context.Background(), o)
	if err != nil {
		return err
	}
	defer g.Kill()
	if _, err := g.Expect(`# `, patience); err != nil {
		return err
	}
	var failed error
	for _, c := range commands {
		out, err := g.Run(c, patience)
		fmt.Printf("# %s\n%s", c, out)
		failed = errors.Join(failed, err)
	}
	return failed
}
