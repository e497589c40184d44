package netconf

import (
	"errors"
	"net/netip"

	"branchline/pbx/astconf"
	"branchline/pbx/console/distant"
)

var consoleOptions = map[string]func(option) error{
	"secret": func(o option) error {
		o.console.Secret = o.Value
		if err := distant.Judge(o.Value); err != nil { // and it is not repeated in a diagnostic
			o.fail(o.Pos, "bad-value", "[console]: "+err.Error(), "head -c 18 /dev/urandom | base64")
		}
		return nil
	},
	"port": func(o option) error {
		n, err := number(o.Value, 1, 65535)
		o.console.Port = uint16(n)
		return err
	},
	"from": func(o option) error {
		for _, w := range list(o.Value) {
			p, err := network(w)
			if err != nil {
				return errors.New("want networks, like 192.168.1.0/24")
			}
			o.console.From = append(o.console.From, p)
		}
		return nil
	},
}

// talk reads who may have a console over the network. Without an answer to that nobody
// may; nor if there is an error, for an appliance starts all the same.
func (r *reading) talk(s *astconf.Section) {
	before := len(r.diags)
	r.console = distant.Config{Port: distant.Port}
	r.entries(s, nil, consoleOptions)
	if r.console.Secret == "" || len(r.console.From) == 0 {
		r.fail(s.Pos, "bad-console", "[console] needs secret= and from=", "from=192.168.1.0/24")
	}
	if astconf.Failed(r.diags[before:]) {
		r.console = distant.Config{}
	}
	for _, p := range r.console.From {
		if p == netip.PrefixFrom(p.Addr(), 0) {
			r.add(astconf.Warning, s.Pos, "open-console", "[console]: from="+p.String()+" is everybody", "anyone can try secrets", "the network of those who look after the exchange")
		}
	}
}
