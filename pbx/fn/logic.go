package fn

import (
	"context"
	"errors"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
)

// logicFunctions decide between texts.
func (d Deps) logicFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "IF", Synopsis: "One of two texts, by a condition", Syntax: "IF(condition?[true][:false])", Read: ofText(choose)},
		{Name: "IFTIME", Synopsis: "One of two texts, by the time", Syntax: "IFTIME(times,weekdays,days,months[,zone]?[true][:false])", Read: d.chooseByTime},
		{Name: "ISNULL", Synopsis: "1 if nothing is given", Syntax: "ISNULL(text)",
			Read: ofText(func(s string) (string, error) { return truth(s == ""), nil })},
		{Name: "EXISTS", Synopsis: "1 if something is given", Syntax: "EXISTS(text)",
			Read: ofText(func(s string) (string, error) { return truth(s != ""), nil })},
		{Name: "EVAL", Synopsis: "Substitutes variables a second time", Syntax: "EVAL(text)",
			Read: func(ctx context.Context, c *channel.Channel, s string) (string, error) {
				return d.System.Expand(ctx, c, s), nil
			}},
	}
}

// branches cuts `condition?true:false`. As in Asterisk, quotation marks go from
// the first branch only.
func branches(args string) (condition, yes, no string, err error) {
	parts := dialplan.SplitAt(args, '?', 2)
	if len(parts) < 2 {
		return "", "", "", errors.New("wants condition?[true][:false]")
	}
	alternatives := dialplan.SplitAt(parts[1], ':', 2)
	if len(alternatives) > 1 {
		no = strings.TrimSpace(alternatives[1])
	}
	return parts[0], dialplan.Unquote(strings.TrimSpace(alternatives[0])), no, nil
}

func choose(args string) (string, error) {
	condition, yes, no, err := branches(args)
	if err == nil && !dialplan.Truth(condition) {
		return no, nil
	}
	return yes, err
}

func (d Deps) chooseByTime(_ context.Context, c *channel.Channel, args string) (string, error) {
	spec, yes, no, err := branches(args)
	if err != nil {
		return "", errors.New("wants timespec?[true][:false]")
	}
	t, err := dialplan.ParseTimeSpec(spec)
	if err != nil {
		return no, err
	}
	if t.Match(time.Now()) {
		return yes, nil
	}
	return no, nil
}

// variableFunctions reach variables in other ways than by their name.
func (d Deps) variableFunctions() []dialplan.Function {
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
			Read: ofText(func(name string) (string, error) {
				_, ok := d.System.Globals.Get(name)
				return truth(ok), nil
			})},
		{Name: "GLOBAL_DELETE", Synopsis: "Removes a global variable", Syntax: "GLOBAL_DELETE(name)=",
			Write: func(_ context.Context, _ *channel.Channel, name, _ string) error {
				d.System.Globals.Delete(name)
				return nil
			}},
		{Name: "VARIABLE_EXISTS", Synopsis: "1 if a variable of the channel is set", Syntax: "VARIABLE_EXISTS(name)",
			Read: onChannel(func(c *channel.Channel, name string) (string, error) {
				_, ok := c.Var(name)
				return truth(ok), nil
			})},
		{Name: "DELETE", Synopsis: "Removes a variable of the channel", Syntax: "DELETE(name)=",
			Write: setChannel(func(c *channel.Channel, name, _ string) error {
				c.UnsetVar(name)
				return nil
			})},
		{Name: "LOCAL", Synopsis: "A variable local to a Gosub", Syntax: "LOCAL(name)",
			Read: onChannel(func(c *channel.Channel, name string) (string, error) {
				if !c.IsLocal(name, 0) {
					return "", nil
				}
				v, _ := c.Var(name)
				return v, nil
			}),
			Write: setChannel(func(c *channel.Channel, name, value string) error {
				if !c.SetLocal(name, value) {
					return errors.New("the channel is in no Gosub routine")
				}
				return nil
			})},
		{Name: "LOCAL_PEEK", Synopsis: "A value that a local variable hides", Syntax: "LOCAL_PEEK(n,name)", Read: onChannel(localPeek)},
		{Name: "STACK_PEEK", Synopsis: "Where a Gosub came from", Syntax: "STACK_PEEK(n,c|e|p|l[,suppress])", Read: onChannel(stackPeek)},
		{Name: "HASH", Synopsis: "A dictionary of the channel", Syntax: "HASH(name[,key])", Read: onChannel(readHash), Write: setChannel(writeHash)},
		{Name: "HASHKEYS", Synopsis: "The keys of a dictionary", Syntax: "HASHKEYS(name)", Read: onChannel(hashKeys)},
		{Name: "EXCEPTION", Synopsis: "Why the call came to extension e", Syntax: "EXCEPTION(reason|context|exten|priority)", Read: onChannel(exception)},
	}
}

func (d Deps) setAndGive(ctx context.Context, c *channel.Channel, args string) (string, error) {
	name, value, found := strings.Cut(args, "=")
	if !found {
		return "", errors.New("wants name=value")
	}
	return value, d.System.Assign(ctx, c, name, value)
}

func (d Deps) readGlobal(_ context.Context, _ *channel.Channel, name string) (string, error) {
	v, _ := d.System.Globals.Get(name)
	return v, nil
}
