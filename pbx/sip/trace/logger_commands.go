package trace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"branchline/pbx/cli"
)

// Commands are `pjsip set logger`, `pjsip set history` and `pjsip show history`.
func (v *Views) Commands() []cli.Command {
	return append(v.historyCommands(), cli.Command{
		Path: "pjsip set logger {on|off|host|add|method|methodadd|verbose|pcap}", Summary: "Enable/Disable PJSIP Logger Output",
		Usage: "Usage: pjsip set logger {on|off|host <name/subnet>|add <name/subnet>|method <method>|methodadd <method>|verbose <on/off>}\n" +
			"       Shows SIP messages on the consoles as they are sent and received, or ends\n" +
			"       that. 'host' and 'method' show only the messages of some network or method,\n" +
			"       'add' and 'methodadd' those of one more.\n",
		Run: v.setLogger,
		Complete: func(args []string) []string {
			if len(args) == 1 {
				return []string{"on", "off", "INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE", "NOTIFY"}
			}
			return nil
		},
	})
}

func (v *Views) setLogger(ctx context.Context, w io.Writer, args []string) error {
	words := cli.Words(ctx)
	what := strings.ToLower(words[len(words)-len(args)-1])
	wanted := map[string]int{"host": 1, "add": 1, "method": 1, "methodadd": 1, "verbose": 1, "pcap": 1}[what]
	if len(args) != wanted {
		return cli.ErrUsage
	}
	switch what {
	case "on":
		v.logger.on(v)
		fmt.Fprintln(w, "PJSIP Logging enabled")
	case "off":
		v.logger.off()
		fmt.Fprintln(w, "PJSIP Logging disabled")
	case "host", "add":
		p, err := hostPrefix(args[0])
		if err != nil {
			fmt.Fprintf(w, "Unable to parse address or hostname %s\n", args[0])
			return cli.ErrFailed
		}
		hosts, methods := v.logger.chosen()
		if what == "host" {
			hosts, methods = nil, nil
		}
		v.logger.narrow(v, append(hosts, p), methods)
		fmt.Fprintf(w, "PJSIP Logging Enabled for host: %s\n", args[0])
	case "method", "methodadd":
		hosts, methods := v.logger.chosen()
		if what == "method" {
			methods = nil
		}
		v.logger.narrow(v, hosts, append(methods, args[0]))
		fmt.Fprintf(w, "PJSIP Logging Enabled for SIP Method: %s\n", args[0])
	case "verbose":
		if !strings.EqualFold(args[0], "on") {
			v.logger.off()
			fmt.Fprintln(w, "PJSIP Logging to verbose has been disabled")
			return nil
		}
		v.logger.on(v)
		fmt.Fprintln(w, "PJSIP Logging to verbose has been enabled")
	default:
		return errors.New("pjsip set logger pcap is not supported by this product; capture with tcpdump")
	}
	return nil
}
