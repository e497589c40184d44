package text

import (
	"context"
	"errors"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/timespec"
	"branchline/pbx/fn/form"
)

// logicFunctions decide between texts.
func (d variables) logicFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "IF", Synopsis: "One of two texts, by a condition", Syntax: "IF(condition?[true][:false])", Read: form.OfText(choose)},
		{Name: "IFTIME", Synopsis: "One of two texts, by the time", Syntax: "IFTIME(times,weekdays,days,months[,zone]?[true][:false])", Read: d.chooseByTime},
		{Name: "ISNULL", Synopsis: "1 if nothing is given", Syntax: "ISNULL(text)",
			Read: form.OfText(func(s string) (string, error) { return form.Truth(s == ""), nil })},
		{Name: "EXISTS", Synopsis: "1 if something is given", Syntax: "EXISTS(text)",
			Read: form.OfText(func(s string) (string, error) { return form.Truth(s != ""), nil })},
		{Name: "EVAL", Synopsis: "Substitutes variables a second time", Syntax: "EVAL(text)",
			Read: func(ctx context.Context, c *channel.Channel, s string) (string, error) {
				return d.System.Expand(ctx, c, s), nil
			}},
	}
}

// branches cuts `condition?true:false`. As in Asterisk, quotation marks go from
// the first branch only.
func branches(args string) (condition, yes, no string, err error) {
	parts := argument.At(args, '?', 2)
	if len(parts) < 2 {
		return "", "", "", errors.New("wants condition?[true][:false]")
	}
	alternatives := argument.At(parts[1], ':', 2)
	if len(alternatives) > 1 {
		no = strings.TrimSpace(alternatives[1])
	}
	return parts[0], argument.Unquote(strings.TrimSpace(alternatives[0])), no, nil
}

func choose(args string) (string, error) {
	condition, yes, no, err := branches(args)
	if err == nil && !argument.Truth(condition) {
		return no, nil
	}
	return yes, err
}

func (d variables) chooseByTime(_ context.Context, c *channel.Channel, args string) (string, error) {
	spec, yes, no, err := branches(args)
	if err != nil {
		return "", errors.New("wants timespec?[true][:false]")
	}
	t, err := timespec.Parse(spec)
	if err != nil {
		return no, err
	}
	if t.Match(time.Now()) {
		return yes, nil
	}
	return no, nil
}
