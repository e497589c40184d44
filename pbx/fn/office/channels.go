package office

import (
	"regexp"
	"strings"

	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/expr"
	"branchline/pbx/fn/form"
)

// channelListFunctions look at all channels there are.
func (d Deps) channelListFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "CHANNELS", Synopsis: "Names of the channels there are", Syntax: "CHANNELS([expression])",
			Read: form.OfText(d.channelNames)},
		{Name: "CHANNEL_EXISTS", Synopsis: "1 if a channel of that name exists", Syntax: "CHANNEL_EXISTS(name)",
			Read: form.OfText(func(name string) (string, error) {
				if d.Channels == nil {
					return "", form.ErrNoPart
				}
				for _, s := range d.Channels() {
					if strings.EqualFold(s.Name, name) || s.UniqueID == name {
						return "1", nil
					}
				}
				return "0", nil
			})},
	}
}

func (d Deps) channelNames(expression string) (string, error) {
	if d.Channels == nil {
		return "", form.ErrNoPart
	}
	var re *regexp.Regexp
	if expression = argument.Unquote(expression); expression != "" {
		var err error
		if re, err = expr.CompileRegex(expression); err != nil {
			return "", err
		}
	}
	var names []string
	for _, s := range d.Channels() {
		if re == nil || re.MatchString(s.Name) {
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, " "), nil
}
