package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"branchline/appliance"
	"branchline/pbx/console/client"
	"branchline/pbx/console/distant"
)

// secretVariable holds the secret of a console over the network, for scripts.
const secretVariable = "BRANCHLINE_CONSOLE_SECRET"

// distant is `remote HOST[:PORT] [COMMAND]`: a console of an exchange elsewhere.
func (inv *invocation) distant(ctx context.Context, args []string) int {
	secret, err := consoleSecret()
	if err != nil {
		return inv.status(err)
	}
	conn, err := distant.Dial(ctx, args[0], secret)
	if err != nil {
		return inv.status(err)
	}
	o := client.Options{
		Name: appliance.Name, Version: appliance.Name + " " + appliance.Version, Socket: args[0], Conn: conn,
		Verbose: inv.options.Verbose, Debug: inv.options.Debug, Mute: inv.options.Mute, Quiet: inv.options.Quiet, Strict: inv.strict,
		NoColour: inv.options.NoColour || os.Getenv("NO_COLOR") != "", In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
	}
	if len(args) > 1 {
		o.Once, o.Commands = true, []string{strings.Join(args[1:], " ")}
	}
	return client.Attach(ctx, o)
}

func consoleSecret() (string, error) {
	if s := os.Getenv(secretVariable); s != "" {
		return s, nil
	}
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return "", errors.New("the secret is expected in " + secretVariable)
	}
	fmt.Fprint(os.Stderr, "Secret: ")
	b, err := term.ReadPassword(in)
	fmt.Fprintln(os.Stderr)
	return string(b), err
}
