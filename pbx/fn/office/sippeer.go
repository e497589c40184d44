package office

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/fn/form"
	"branchline/pbx/settings"
)

// sippeer is SIPPEER(name[,item]): a fact about a device of sip.conf. Without an
// item it is the address.
func (d Deps) sippeer(args string) (string, error) {
	a := form.Arguments(args, 2)
	if d.Settings == nil {
		return "", form.ErrNoPart
	}
	dev := d.Settings().Device(strings.TrimSpace(a[0]))
	if dev == nil || !dev.Callable() {
		return "", fmt.Errorf("there is no device %q in sip.conf", a[0])
	}
	item := strings.ToLower(strings.TrimSpace(a[1]))
	if name, ok := bracketed(item, "chanvar"); ok {
		for _, v := range dev.Endpoint.SetVars {
			if strings.EqualFold(v.Name, name) {
				return v.Value, nil
			}
		}
		return "", nil
	}
	if number, ok := bracketed(item, "codec"); ok {
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n >= len(dev.Endpoint.Codecs) {
			return "", nil
		}
		return dev.Endpoint.Codecs[n].Name, nil
	}
	return d.deviceItem(dev, item)
}

// bracketed takes x out of name[x].
func bracketed(s, name string) (string, bool) {
	rest, ok := strings.CutPrefix(s, name+"[")
	return strings.TrimSuffix(rest, "]"), ok
}

func (d Deps) deviceItem(dev *settings.Device, item string) (string, error) {
	e := dev.Endpoint
	registered := Contact{}
	for _, c := range d.contactsOf(dev.ID) {
		if !c.Expires.IsZero() {
			registered = c
		}
	}
	switch item {
	case "", "ip":
		if at := d.devicePlace(dev); at.IsValid() {
			return at.Addr().String(), nil
		}
		return "", nil
	case "port":
		return strconv.Itoa(int(d.devicePlace(dev).Port())), nil
	case "status":
		return d.deviceStatus(dev), nil
	case "useragent":
		return registered.UserAgent, nil
	case "expire":
		if registered.Expires.IsZero() {
			return "-1", nil
		}
		return strconv.Itoa(int(time.Until(registered.Expires) / time.Second)), nil
	case "dynamic":
		if dev.Dynamic {
			return "yes", nil
		}
		return "no", nil
	case "mailbox":
		return strings.Join(e.Mailboxes, ","), nil
	case "context":
		return e.Context, nil
	case "callerid_name":
		return e.CallerID.Name, nil
	case "callerid_num":
		return e.CallerID.Number, nil
	case "callgroup":
		return numbers(e.CallGroup), nil
	case "pickupgroup":
		return numbers(e.PickupGroup), nil
	case "namedcallgroup":
		return strings.Join(e.NamedCallGroups, ","), nil
	case "namedpickupgroup":
		return strings.Join(e.NamedPickupGroups, ","), nil
	case "codecs":
		var names []string
		for _, c := range e.Codecs {
			names = append(names, c.Name)
		}
		return "(" + strings.Join(names, "|") + ")", nil
	case "regexten":
		return dev.RegExten, nil
	case "limit":
		return strconv.Itoa(dev.CallLimit), nil
	case "busylevel":
		return strconv.Itoa(dev.BusyLevel), nil
	case "curcalls":
		n := 0
		if d.Channels != nil {
			for _, c := range d.Channels() {
				if c.Endpoint == dev.ID {
					n++
				}
			}
		}
		return strconv.Itoa(n), nil
	case "language":
		return e.Language, nil
	case "accountcode":
		return e.AccountCode, nil
	case "maxforwards":
		return strconv.Itoa(dev.MaxForwards), nil
	}
	return "", fmt.Errorf("a device of sip.conf has no item %q", item)
}

// devicePlace is where a device registered from, or its fixed address.
func (d Deps) devicePlace(dev *settings.Device) netip.AddrPort {
	if len(dev.Addresses) > 0 {
		port := dev.Port
		if port == 0 {
			port = 5060
		}
		return netip.AddrPortFrom(dev.Addresses[0], uint16(port))
	}
	if d.Store == nil || len(d.contactsOf(dev.ID)) == 0 {
		return netip.AddrPort{}
	}
	// ip:port:expiry:user:uri
	v, _ := d.Store.Get("SIP/Registry", dev.Name)
	from := max(strings.Index(v, "]"), 0)
	for range 2 {
		i := strings.IndexByte(v[from:], ':')
		if i < 0 {
			return netip.AddrPort{}
		}
		from += i + 1
	}
	at, err := netip.ParseAddrPort(v[:from-1])
	if err != nil {
		return netip.AddrPort{}
	}
	return at
}

// deviceStatus is the reachability of a watched device in chan_sip's words.
func (d Deps) deviceStatus(dev *settings.Device) string {
	if dev.Qualify == 0 {
		return "Unmonitored"
	}
	for _, c := range d.contactsOf(dev.ID) {
		switch c.Status {
		case "Reachable":
			return fmt.Sprintf("OK (%d ms)", c.RTT.Milliseconds())
		case "Unreachable":
			return "UNREACHABLE"
		}
	}
	return "UNKNOWN"
}

func numbers(groups uint64) string {
	var out []string
	for g := range 64 {
		if groups&(1<<g) != 0 {
			out = append(out, strconv.Itoa(g))
		}
	}
	return strings.Join(out, ", ")
}
