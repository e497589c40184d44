package call

import (
	"context"
	"errors"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
)

// variableFunctions reach variables in other ways than by their name.
func (d plan) variableFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "SET", Synopsis: "Assigns, and gives the value", Syntax: "SET(name=value)", Read: d.setAndGive},
		{Name: "GLOBAL", Synopsis: "A global variable", Syntax: "GLOBAL(name)", Read: d.readGlobal,
			Write: func(_ context.Context, _ *channel.Channel, name, value string) error {
				if name == "" {
					return errors.New("wants the name of a variable")
				}
				d.System.Globals.Set(name, value)
				return nil
			}},
		{Name: "GLOBAL_EXISTS", Synopsis: "1 if a global variable is set", Syntax: "GLOBAL_EXISTS(name)",
			Read: form.OfText(func(name string) (string, error) {
				_, ok := d.System.Globals.Get(name)
				return form.Truth(ok), nil
			})},
		{Name: "GLOBAL_DELETE", Synopsis: "Removes a global variable", Syntax: "GLOBAL_DELETE(name)=",
			Write: func(_ context.Context, _ *channel.Channel, name, _ string) error {
				d.System.Globals.Delete(name)
				return nil
			}},
		{Name: "VARIABLE_EXISTS", Synopsis: "1 if a variable of the channel is set", Syntax: "VARIABLE_EXISTS(name)",
			Read: form.OnChannel(func(c *channel.Channel, name string) (string, error) {
				_, ok := c.Var(name)
				return form.Truth(ok), nil
			})},
		{Name: "DELETE", Synopsis: "Removes a variable of the channel", Syntax: "DELETE(name)=",
			Write: form.SetChannel(func(c *channel.Channel, name, _ string) error {
				c.UnsetVar(name)
				return nil
			})},
		{Name: "LOCAL", Synopsis: "A variable local to a Gosub", Syntax: "LOCAL(name)",
			Read: form.OnChannel(func(c *channel.Channel, name string) (string, error) {
				if !c.IsLocal(name, 0) {
					return "", nil
				}
				v, _ := c.Var(name)
				return v, nil
			}),
			Write: form.SetChannel(func(c *channel.Channel, name, value string) error {
				if !c.SetLocal(name, value) {
					return errors.New("the channel is in no Gosub routine")
				}
				return nil
			})},
		{Name: "LOCAL_PEEK", Synopsis: "A value that a local variable hides", Syntax: "LOCAL_PEEK(n,name)", Read: form.OnChannel(localPeek)},
		{Name: "STACK_PEEK", Synopsis: "Where a Gosub came from", Syntax: "STACK_PEEK(n,c|e|p|l[,suppress])", Read: form.OnChannel(stackPeek)},
		{Name: "HASH", Synopsis: "A dictionary of the channel", Syntax: "HASH(name[,key])", Read: form.OnChannel(readHash), Write: form.SetChannel(writeHash)},
		{Name: "HASHKEYS", Synopsis: "The keys of a dictionary", Syntax: "HASHKEYS(name)", Read: form.OnChannel(hashKeys)},
		{Name: "MASTER_CHANNEL", Synopsis: "A variable of the call's first channel", Syntax: "MASTER_CHANNEL(name)",
			Read: d.master,
			Write: func(ctx context.Context, c *channel.Channel, name, value string) error {
				if _, err := d.master(ctx, c, name); err != nil {
					return err
				}
				return d.System.Assign(ctx, c, name, value)
			}},
		{Name: "EXCEPTION", Synopsis: "Why the call came to extension e", Syntax: "EXCEPTION(reason|context|exten|priority)", Read: form.OnChannel(exception)},
	}
}

func (d plan) setAndGive(ctx context.Context, c *channel.Channel, args string) (string, error) {
	name, value, found := strings.Cut(args, "=")
	if !found {
		return "", errors.New("wants name=value")
	}
	return value, d.System.Assign(ctx, c, name, value)
}

func (d plan) readGlobal(_ context.Context, _ *channel.Channel, name string) (string, error) {
	v, _ := d.System.Globals.Get(name)
	return v, nil
}

// master is what MASTER_CHANNEL reaches: the channel itself, since variables of
// another channel belong to another goroutine.
func (d plan) master(ctx context.Context, c *channel.Channel, name string) (string, error) {
	if c == nil {
		return "", form.ErrNoChannel
	}
	if c.LinkedID != c.UniqueID {
		return "", errors.New("the first channel of the call is another one; its variables cannot be read from here")
	}
	return form.Value(ctx, d.System, c, name), nil
}
