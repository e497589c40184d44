package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"branchline/appliance"
	"branchline/rootfs/backup"
	"branchline/rootfs/card"
)

const backupUsage = `usage: branchline backup FILE [--messages] [--no-history] [--plain | --passphrase-file=FILE]
           configuration, database and kept configurations in one file, encrypted with a
           passphrase unless it is to be plain; --messages adds messages and recordings
       branchline restore FILE [--passphrase-file=FILE]
           put it all back; the exchange is started again for it`

// backupOptions are the words after `backup` and `restore`.
type backupOptions struct {
	file                       string
	messages, history, plain   bool
	passphraseFile, passphrase string
}

func parseBackup(args []string) (o backupOptions, err error) {
	o.history = true
	for _, a := range args {
		name, found := strings.CutPrefix(a, "--passphrase-file=")
		switch {
		case found:
			o.passphraseFile = name
		case a == "--messages":
			o.messages = true
		case a == "--no-history":
			o.history = false
		case a == "--plain":
			o.plain = true
		case o.file != "" || strings.HasPrefix(a, "--"):
			return o, errors.New(backupUsage)
		default:
			o.file = a
		}
	}
	if o.file == "" || o.plain && o.passphraseFile != "" {
		return o, errors.New(backupUsage)
	}
	if o.passphraseFile == "" {
		return o, nil
	}
	text, err := os.ReadFile(o.passphraseFile)
	if err != nil {
		return o, err
	}
	o.passphrase, _, _ = strings.Cut(strings.ReplaceAll(string(text), "\r", ""), "\n")
	if o.passphrase == "" {
		return o, fmt.Errorf("%s: the first line is empty", o.passphraseFile)
	}
	return o, nil
}

// ask has a passphrase typed, without showing it.
func ask(what string) (string, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", errors.New("a passphrase is needed: give --passphrase-file=FILE")
	}
	fmt.Fprint(os.Stderr, what+": ")
	b, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	return string(b), err
}

// backup is `backup FILE ...`.
func (inv *invocation) backup(ctx context.Context, args []string) error {
	o, err := parseBackup(args)
	if err != nil {
		return err
	}
	if !o.plain && o.passphrase == "" {
		if o.passphrase, err = ask("Passphrase"); err != nil {
			return err
		}
		again, err := ask("The same again")
		if err != nil {
			return err
		}
		if o.passphrase == "" || again != o.passphrase {
			return errors.New("these are not the same, or nothing")
		}
	}
	p, _, _, err := appliance.ReadMain(inv.options)
	if err != nil {
		return err
	}
	database, err := appliance.CopyDatabase(ctx, p)
	if err != nil {
		return err
	}
	if database != "" {
		defer os.Remove(database)
	}
	places := inv.placesOf(p.Directories.Etc, p.Directories.VarLib, p.Directories.Spool)
	beside := o.file + ".new"
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = backup.Save(f, backup.Header{When: time.Now().UTC().Truncate(time.Second), By: versionLine()}, o.passphrase, places,
		backup.Options{History: o.history, Messages: o.messages, Database: database})
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(beside, o.file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(beside))
	}
	if o.plain {
		fmt.Fprintln(os.Stderr, "the file holds all passwords, for anybody to read")
	}
	return nil
}

// placesOf are where this machine has what a backup holds.
func (inv *invocation) placesOf(etc, lib, spool string) backup.Places {
	if _, err := card.Open(); err == nil {
		return places()
	}
	return backup.Places{Etc: etc, Lib: lib, Spool: spool, Owner: -1}
}

// restore is `restore FILE ...`. On the appliance the next start puts things in place,
// before the exchange runs; elsewhere the exchange must not be running.
func (inv *invocation) restore(_ context.Context, args []string) error {
	o, err := parseBackup(args)
	if err != nil {
		return err
	}
	p, _, _, err := appliance.ReadMain(inv.options)
	if err != nil {
		return err
	}
	f, err := os.Open(o.file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, none := card.Open()
	where := inv.placesOf(p.Directories.Etc, p.Directories.VarLib, p.Directories.Spool)
	dir := restoreDir
	if none != nil {
		if appliance.Running(p) {
			return errors.New("the exchange is running: stop it first")
		}
		dir = filepath.Join(filepath.Dir(p.Directories.Etc), ".branchline-restore")
	}
	h, err := backup.Stage(f, o.passphrase, dir, where)
	if errors.Is(err, backup.ErrSealed) {
		if o.passphrase, err = ask("Passphrase"); err != nil {
			return err
		}
		if _, err = f.Seek(0, 0); err == nil {
			h, err = backup.Stage(f, o.passphrase, dir, where)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w; nothing has been changed", o.file, err)
	}
	fmt.Printf("backup of %s by %s\n", h.When.Format(time.DateTime), h.By)
	if none != nil {
		return backup.Settle(dir, where)
	}
	fmt.Println("starting again with it")
	return card.Restart()
}
