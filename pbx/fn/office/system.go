package office

import (
	"fmt"
	"strings"

	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
)

// systemFunctions tell about the exchange itself.
func (d Deps) systemFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "VERSION", Synopsis: "The version of the exchange", Syntax: "VERSION([item])",
			Read: form.OfText(func(what string) (string, error) {
				switch strings.ToUpper(strings.TrimSpace(what)) {
				case "":
					return d.Version, nil
				case "ASTERISK_VERSION_NUM":
					return "220000", nil // the configuration we speak
				}
				return "", nil
			})},
		{Name: "ENV", Synopsis: "An environment variable, if it may be read", Syntax: "ENV(name)",
			Read: form.OfText(func(name string) (string, error) {
				for _, e := range d.Env {
					if n, v, _ := strings.Cut(e, "="); n == name {
						return v, nil
					}
				}
				return "", fmt.Errorf("%q is not among the environment variables a dialplan may read", name)
			})},
	}
}
