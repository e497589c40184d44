package office

import (
	"context"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
)

// A Presence knows what people say of themselves.
type Presence interface {
	Field(entity, field string, encode bool) (string, error)
	Set(entity, text string) error
}

func (d Deps) presenceFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "PRESENCE_STATE", Synopsis: "What somebody says of himself", Syntax: "PRESENCE_STATE(entity,value|subtype|message[,e])",
			Read: form.OfText(func(args string) (string, error) {
				if d.Presence == nil {
					return "", form.ErrNoPart
				}
				a := form.Arguments(args, 3)
				return d.Presence.Field(strings.TrimSpace(a[0]), strings.TrimSpace(a[1]), strings.Contains(a[2], "e"))
			}),
			Write: func(_ context.Context, _ *channel.Channel, entity, value string) error {
				if d.Presence == nil {
					return form.ErrNoPart
				}
				return d.Presence.Set(entity, value)
			}},
	}
}
