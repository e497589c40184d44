// Dahdiguest runs test programs on a machine with telephone lines: it builds the
// real DAHDI kernel modules, boots them with a kernel of Debian's in an emulated
// computer (QEMU, without virtualisation), and runs the programs there. Two spans
// of the driver for local loops, which its tests configure, are each other's far
// end, so that one half of the channels are telephones and the other half lines.
//
//	dahdiguest [-work DIR] [-limit 5m] [-add PATH=FILE]... [-program FILE]... TEST...
//
// A TEST is a static program, with arguments after commas. -program puts a program
// of this machine and the libraries it needs into the guest's /bin, -add any file.
// The exit status is 0 when every test's was.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	o := options{}
	flag.StringVar(&o.work, "work", "bin/dahdi", "where kernel and modules are kept")
	limit := flag.Duration("limit", 5*time.Minute, "for all of it")
	flag.Func("add", "PATH=FILE to put a file into the guest", func(s string) error {
		o.files = append(o.files, s)
		return nil
	})
	flag.Func("program", "FILE to put a program and its libraries into /bin", func(s string) error {
		o.programs = append(o.programs, s)
		return nil
	})
	flag.Parse()
	o.tests = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	start := time.Now()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "dahdiguest:", err)
		os.Exit(1)
	}
	fmt.Printf("dahdiguest: passed in %.1f s\n", time.Since(start).Seconds())
}

type options struct {
	work                   string
	files, programs, tests []string
}

func (o *options) run(ctx context.Context) error {
	if err := os.MkdirAll(o.work, 0o755); err != nil {
		return err
	}
	work, err := filepath.Abs(o.work)
	if err != nil {
		return err
	}
	k, err := build(ctx, work)
	if err != nil {
		return err
	}
	t := tree{}
	if err := o.fill(ctx, t, work, k); err != nil {
		return err
	}
	root := filepath.Join(work, "root.cpio")
	var archive bytes.Buffer
	if err := t.write(&archive); err != nil {
		return err
	}
	if err := os.WriteFile(root, archive.Bytes(), 0o644); err != nil {
		return err
	}
	return boot(ctx, k.image, root, len(o.tests))
}

// A plan is what init reads.
type plan struct {
	Modules  []module
	Programs []program
}

type program struct {
	Name string
	Args []string
}

// fill makes the guest's root file system.
func (o *options) fill(ctx context.Context, t tree, work string, k *kernel) error {
	init := filepath.Join(work, "init")
	if err := do(ctx, ".", "go", "build", "-trimpath", "-o", init, "branchline/build/dahdiguest/init"); err != nil {
		return err
	}
	if err := t.copy("init", init); err != nil {
		return err
	}
	var p plan
	for _, m := range k.modules {
		name := "modules/" + filepath.Base(m.File)
		if err := t.copy(name, m.File); err != nil {
			return err
		}
		p.Modules = append(p.Modules, module{"/" + name, m.Options})
	}
	for _, test := range o.tests {
		args := strings.Split(test, ",")
		name := filepath.Base(args[0])
		if err := t.copy("test/"+name, args[0]); err != nil {
			return err
		}
		args[0] = "/test/" + name
		p.Programs = append(p.Programs, program{name, args})
	}
	for _, f := range o.files {
		name, from, ok := strings.Cut(f, "=")
		if !ok {
			return fmt.Errorf("-add %s: want PATH=FILE", f)
		}
		if err := t.copy(strings.TrimPrefix(name, "/"), from); err != nil {
			return err
		}
	}
	for _, prog := range o.programs {
		if err := addProgram(ctx, t, prog); err != nil {
			return err
		}
	}
	for _, dir := range []string{"proc", "sys", "dev", "tmp", "run", "var", "bin", "etc"} {
		if _, there := t[dir]; !there {
			t[dir] = file{mode: fs.ModeDir | 0o755}
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	t.put("guest.json", 0o644, text)
	return nil
}

// addProgram puts a program of this machine into /bin, and where ldd(1) finds its
// libraries, these.
func addProgram(ctx context.Context, t tree, name string) error {
	at, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	if err := t.copy("bin/"+filepath.Base(at), at); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "ldd", at).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil // a static program
	} else if err != nil {
		return err
	}
	for word := range strings.FieldsSeq(string(out)) {
		if filepath.IsAbs(word) {
			if err := t.copy(strings.TrimPrefix(word, "/"), word); err != nil {
				return err
			}
		}
	}
	return nil
}
