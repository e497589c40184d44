package office

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
)

// planFunctions ask the dialplan, its hints and the devices behind them.
func (d Deps) planFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "DIALPLAN_EXISTS", Synopsis: "1 if a context, extension or step exists", Syntax: "DIALPLAN_EXISTS(context[,exten[,priority]])", Read: d.dialplanExists},
		{Name: "VALID_EXTEN", Synopsis: "1 if an extension can be dialled", Syntax: "VALID_EXTEN([context],exten[,priority])", Read: d.validExten},
		{Name: "EXTENSION_STATE", Synopsis: "State of an extension's hint", Syntax: "EXTENSION_STATE(exten[@context])", Read: d.extensionState},
		{Name: "HINT", Synopsis: "Devices of an extension's hint", Syntax: "HINT(exten[@context][,n])", Read: d.hint},
		{Name: "DEVICE_STATE", Synopsis: "State of a device", Syntax: "DEVICE_STATE(device)", Read: form.OfText(d.deviceState),
			Write: func(_ context.Context, _ *channel.Channel, device, value string) error {
				return d.setDevice(device, value)
			}},
	}
}

// exists looks for a step; priority is a number, a label, or "" for 1.
func (d Deps) exists(c *channel.Channel, context, exten, priority string) bool {
	q := dialplan.Query{Context: context, Exten: exten, Now: time.Now()}
	if c != nil {
		q.Caller = c.Caller.Number
	}
	switch n, err := strconv.Atoi(priority); {
	case priority == "":
	case err != nil:
		q.Label = priority
	case n < 1:
		return false
	default:
		q.Priority = n
	}
	return d.System.Plan().Exists(q)
}

func (d Deps) dialplanExists(_ context.Context, c *channel.Channel, args string) (string, error) {
	if args == "" {
		return "", errors.New("wants a context")
	}
	a := form.Arguments(args, 3)
	context, exten, priority := strings.TrimSpace(a[0]), strings.TrimSpace(a[1]), strings.TrimSpace(a[2])
	if exten == "" {
		return form.Truth(d.System.Plan().HasContext(context)), nil
	}
	return form.Truth(d.exists(c, context, exten, priority)), nil
}

func (d Deps) validExten(_ context.Context, c *channel.Channel, args string) (string, error) {
	a := form.Arguments(args, 3)
	if a[1] == "" {
		return "", errors.New("wants [context],exten[,priority]")
	}
	context := strings.TrimSpace(a[0])
	if context == "" {
		if c == nil {
			return "", form.ErrNoChannel
		}
		context = c.Context
	}
	return form.Truth(d.exists(c, context, strings.TrimSpace(a[1]), strings.TrimSpace(a[2]))), nil
}

// lookup finds the hint of `exten[@context]`; the context is "default" if none is given.
func (d Deps) lookup(c *channel.Channel, place string) (dialplan.Hint, bool) {
	exten, context, found := strings.Cut(strings.TrimSpace(place), "@")
	if !found {
		context = "default"
	}
	caller := ""
	if c != nil {
		caller = c.Caller.Number
	}
	return d.System.Plan().Hint(context, exten, caller, time.Now())
}

func (d Deps) extensionState(ctx context.Context, c *channel.Channel, place string) (string, error) {
	h, ok := d.lookup(c, place)
	if !ok {
		return channel.DeviceUnknown.String(), nil
	}
	if d.State == nil {
		return "", form.ErrNoPart
	}
	h.Devices = d.devicesOf(ctx, c, h, place)
	return h.State(d.State).String(), nil
}

// devicesOf fills in the variables of a hint; ${EXTEN} is the extension asked for.
func (d Deps) devicesOf(ctx context.Context, c *channel.Channel, h dialplan.Hint, place string) string {
	exten, _, _ := strings.Cut(strings.TrimSpace(place), "@")
	return d.System.Expand(ctx, c, strings.ReplaceAll(h.Devices, "${EXTEN}", exten))
}

func (d Deps) hint(ctx context.Context, c *channel.Channel, args string) (string, error) {
	a := form.Arguments(args, 2)
	if a[0] == "" {
		return "", errors.New("wants an extension")
	}
	h, ok := d.lookup(c, a[0])
	if !ok {
		return "", nil
	}
	if strings.Contains(a[1], "n") {
		return d.System.Eval(ctx, c, h.Step.Args), nil
	}
	return d.devicesOf(ctx, c, h, a[0]), nil
}

func (d Deps) deviceState(device string) (string, error) {
	if d.State == nil {
		return "", form.ErrNoPart
	}
	device = strings.TrimSpace(device)
	if device == "" {
		return channel.DeviceInvalid.String(), nil
	}
	return d.State(device).String(), nil
}

func (d Deps) setDevice(device, value string) error {
	device = strings.TrimSpace(device)
	if len(device) < 8 || !strings.EqualFold(device[:7], "Custom:") {
		return errors.New("only Custom: devices can be set")
	}
	if d.Custom == nil {
		return form.ErrNoPart
	}
	if !d.Custom(device, strings.ToUpper(strings.TrimSpace(value))) {
		return fmt.Errorf("%q is not a state such as INUSE", value)
	}
	return nil
}
