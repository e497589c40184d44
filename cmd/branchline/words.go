package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"branchline/appliance/demo"
	"branchline/appliance/inspect"
)

// word runs one of the tools that are called by name.
func (inv *invocation) word() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	name, args := inv.args[0], inv.args[1:]
	switch {
	case name == "selftest" && len(args) == 0:
		err = demo.SelfTest(ctx, os.Stdout)
	case name == "demo" && len(args) == 1:
		var dir string
		if dir, err = filepath.Abs(args[0]); err == nil {
			err = demo.Run(ctx, os.Stdout, dir, inv.options)
		}
	case name == "check" && len(args) <= 1:
		return inv.check(ctx, args)
	case name == "remote" && len(args) > 0:
		return inv.distant(ctx, args)
	case name == "explain":
		err = inspect.Explain(os.Stdout, inv.options.Config, args)
	case name == "update":
		err = inv.update(ctx, args)
	case name == "firstboot":
		err = inv.firstboot(ctx, args)
	case name == "backup":
		err = inv.backup(ctx, args)
	case name == "restore":
		err = inv.restore(ctx, args)
	case name == "led" && len(args) == 1:
		err = lamp(args[0])
	case name == "keeplog" && len(args) == 0:
		err = keepLog(ctx)
	default:
		fmt.Fprintf(os.Stderr, "%s: unknown command %q\nTry -h for the options there are.\n", inv.program, inv.args)
		return 2
	}
	return inv.status(err)
}

// check is `check [dir]`. Its status is 1 if the exchange would refuse the
// configuration, and the report has said why.
func (inv *invocation) check(ctx context.Context, args []string) int {
	o := inv.checking
	o.Config = inv.options.Config
	if len(args) == 1 {
		dir, err := filepath.Abs(args[0])
		if err != nil {
			return inv.status(err)
		}
		o.Dir = dir
	}
	if err := inspect.Check(ctx, os.Stdout, o); err != nil {
		if errors.Is(err, inspect.ErrFaulty) {
			return 1
		}
		return inv.status(err)
	}
	return 0
}
