package show

import (
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/settings"
	"branchline/pbx/settings/option"
	"branchline/pbx/sip/registrar"
)

const endpointHead = ` Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>
    I/OAuth:  <AuthId/UserName...........................................................>
        Aor:  <Aor............................................>  <MaxContact>
      Contact:  <Aor/ContactUri..........................> <Hash....> <Status> <RTT(ms)..>
  Transport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress..................>
   Identify:  <Identify/Endpoint.........................................................>
        Match:  <criteria.........................>
    Channel:  <ChannelId......................................>  <State.....>  <Time.....>
        Exten: <DialedExten...........>  CLCID: <ConnectedLineCID.......>
`

func endpoints() shelf {
	return shelf{one: "endpoint", many: "endpoints", spaced: true,
		head:  endpointHead,
		brief: " Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>\n",
		names: func(d *Deps) []string { return sorted(d.Snapshot().Endpoints) },
		line:  endpointLine,
		block: endpointBlock,
		fields: func(d *Deps, name string) []option.Shown {
			if e := d.Snapshot().Endpoints[name]; e != nil {
				return e.Options()
			}
			return nil
		},
		data: endpointData,
	}
}

func endpointData(d *Deps, name string) cli.Record {
	s := d.Snapshot()
	e := s.Endpoints[name]
	if e == nil {
		return nil
	}
	contacts, identified, up := []cli.Record{}, []string{}, []string{}
	for _, n := range e.AORs {
		contacts = append(contacts, contactsData(d, n)...)
	}
	for _, id := range s.Identifies {
		if id.Endpoint == name {
			identified = append(identified, id.ID)
		}
	}
	for _, c := range d.Channels(name) {
		up = append(up, c.Name)
	}
	return cli.Fields("id", name, "caller_id", e.CallerID.Number, "state", stateWords(d.State(name)), "channels", up, "limit", e.Limit(),
		"auths", some(e.Auths), "outbound_auths", some(e.OutboundAuths), "aors", some(e.AORs), "contacts", contacts,
		"transport", e.Transport, "identifies", identified)
}

// some is a list that is never null in a document.
func some(list []string) []string { return append([]string{}, list...) }

func contactsData(d *Deps, aor string) []cli.Record {
	out := []cli.Record{}
	for _, c := range byHash(d.Contacts.Contacts(aor)) {
		out = append(out, contactData(c))
	}
	return out
}

func contactData(c *registrar.Contact) cli.Record {
	var rtt any // null until measured
	if c.RTT() > 0 {
		rtt = float64(c.RTT()/time.Microsecond) / 1000
	}
	return cli.Fields("aor", c.AOR, "uri", c.URI, "hash", c.Hash(), "status", fmt.Sprint(c.Status()), "rtt_ms", rtt, "user_agent", c.UserAgent)
}

func endpointLine(d *Deps, w io.Writer, name string) {
	e := d.Snapshot().Endpoints[name]
	if e == nil {
		return // a reload has just taken it away
	}
	title := name
	if e.CallerID.Number != "" {
		title += "/" + e.CallerID.Number
	}
	fmt.Fprintf(w, " Endpoint:  %-51.51s  %-12.12s  %d of %s\n", title, stateWords(d.State(name)), len(d.Channels(name)), e.Limit())
}

func stateWords(s channel.DeviceState) string {
	switch s {
	case channel.DeviceNotInUse:
		return "Not in use"
	case channel.DeviceInUse:
		return "In use"
	case channel.DeviceBusy:
		return "Busy"
	case channel.DeviceInvalid:
		return "Invalid"
	case channel.DeviceUnavailable:
		return "Unavailable"
	case channel.DeviceRinging:
		return "Ringing"
	case channel.DeviceRingInUse:
		return "Ring+Inuse"
	case channel.DeviceOnHold:
		return "On Hold"
	case channel.DeviceUnknown:
	}
	return "Unknown"
}

func endpointBlock(d *Deps, w io.Writer, name string) {
	s := d.Snapshot()
	e := s.Endpoints[name]
	if e == nil {
		return
	}
	endpointLine(d, w, name)
	for _, list := range []struct {
		label string
		names []string
	}{{"OutAuth", e.OutboundAuths}, {"InAuth", e.Auths}} {
		for _, n := range list.names {
			if a := s.Auths[n]; a != nil {
				fmt.Fprintf(w, "%11s:  %s/%s\n", list.label, n, a.Username)
			}
		}
	}
	for _, n := range e.AORs {
		if a := s.AORs[n]; a != nil {
			aorLine(w, a, "        ", 39)
			for _, c := range byHash(d.Contacts.Contacts(n)) {
				contactLine(w, c, "      ", 42)
			}
		}
	}
	if t := s.Transport(e.Transport); t != nil {
		transportLine(w, t, "  ")
	}
	for _, id := range s.Identifies {
		if id.Endpoint == name {
			fmt.Fprintf(w, "   Identify:  %s/%s\n", id.ID, id.Endpoint)
			criteria(w, id, 13)
		}
	}
	for _, c := range d.Channels(name) {
		channelLines(w, c)
	}
}

func channelLines(w io.Writer, c *channel.Snapshot) {
	id, exten := c.Name, c.Exten
	if c.App != "" {
		id += "/" + c.App
	}
	if !c.Inbound { // an outbound leg is in no extension
		exten = ""
	}
	up := int(time.Since(c.Created) / time.Second)
	fmt.Fprintf(w, "    Channel: %-52s%-12.12s  %02d:%02d:%02d   \n", id, c.State.String(), up/3600, up/60%60, up%60)
	fmt.Fprintf(w, "        Exten: %-25s CLCID: \"%s\" <%s>\n", exten, c.Connected.Name, c.Connected.Number)
}

func aors() shelf {
	const brief = "      Aor:  <Aor..............................................>  <MaxContact>\n"
	return shelf{one: "aor", many: "aors", spaced: true,
		head:  brief + "    Contact:  <Aor/ContactUri............................> <Hash....> <Status> <RTT(ms)..>\n",
		brief: brief,
		names: func(d *Deps) []string { return sorted(d.Snapshot().AORs) },
		line: func(d *Deps, w io.Writer, name string) {
			if a := d.Snapshot().AORs[name]; a != nil {
				aorLine(w, a, "      ", 41)
			}
		},
		block: func(d *Deps, w io.Writer, name string) {
			if a := d.Snapshot().AORs[name]; a != nil {
				aorLine(w, a, "      ", 41)
			}
			for _, c := range byHash(d.Contacts.Contacts(name)) {
				contactLine(w, c, "    ", 44)
			}
		},
		fields: aorFields,
		data: func(d *Deps, name string) cli.Record {
			a := d.Snapshot().AORs[name]
			if a == nil {
				return nil
			}
			return cli.Fields("id", name, "max_contacts", a.MaxContacts, "contacts", contactsData(d, name))
		},
	}
}

func aorLine(w io.Writer, a *settings.AOR, indent string, width int) {
	fmt.Fprintf(w, "%sAor:  %-*.*s%13d\n", indent, width, width, a.ID, a.MaxContacts)
}

// aorFields are the options, with the contacts of the moment under contact.
func aorFields(d *Deps, name string) []option.Shown {
	a := d.Snapshot().AORs[name]
	if a == nil {
		return nil
	}
	list := slices.DeleteFunc(a.Options(), func(o option.Shown) bool { return o.Name == "contact" })
	for _, c := range byHash(d.Contacts.Contacts(name)) {
		list = append(list, option.Shown{Name: "contact", Value: c.URI})
	}
	if !slices.ContainsFunc(list, func(o option.Shown) bool { return o.Name == "contact" }) {
		list = append(list, option.Shown{Name: "contact"})
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// byHash sorts contacts as they are in the store.
func byHash(list []*registrar.Contact) []*registrar.Contact {
	slices.SortFunc(list, func(a, b *registrar.Contact) int { return strings.Compare(a.Hash(), b.Hash()) })
	return list
}

// contactLine prints one contact. The URI is cut to fill the column, unless
// the name of its aor alone is wider than that.
func contactLine(w io.Writer, c *registrar.Contact, indent string, width int) {
	uri := c.URI
	rest := width - len(c.AOR) - 1
	if rest >= 0 {
		uri = uri[:min(len(uri), rest)]
	} else {
		rest = -rest
	}
	rtt := "-nan" // as the C library prints what Asterisk has not measured
	if c.RTT() > 0 {
		rtt = fmt.Sprintf("%.3f", float64(c.RTT())/float64(time.Millisecond))
	}
	fmt.Fprintf(w, "%sContact:  %s/%-*s %-10.10s %-7s %11s\n", indent, c.AOR, rest, uri, c.Hash(), c.Status(), rtt)
}

func contacts() shelf {
	const head = "  Contact:  <Aor/ContactUri..............................> <Hash....> <Status> <RTT(ms)..>\n"
	return shelf{one: "contact", many: "contacts", head: head, brief: head,
		names: func(d *Deps) []string {
			var out []string
			for _, c := range allContacts(d) {
				out = append(out, c.AOR+"/"+c.URI)
			}
			slices.Sort(out)
			return out
		},
		line: func(d *Deps, w io.Writer, name string) {
			if c := contactNamed(d, name); c != nil {
				contactLine(w, c, "  ", 46)
			}
		},
		fields: func(d *Deps, name string) []option.Shown {
			c := contactNamed(d, name)
			if c == nil {
				return nil
			}
			if a := d.Snapshot().AORs[c.AOR]; a != nil {
				return c.Fields(a)
			}
			return nil
		},
		data: func(d *Deps, name string) cli.Record {
			if c := contactNamed(d, name); c != nil {
				return contactData(c)
			}
			return nil
		},
	}
}

func allContacts(d *Deps) (out []*registrar.Contact) {
	for name := range d.Snapshot().AORs {
		out = append(out, d.Contacts.Contacts(name)...)
	}
	return out
}

// contactNamed finds a contact by aor/uri.
func contactNamed(d *Deps, name string) *registrar.Contact {
	for i, ch := range name {
		if ch != '/' {
			continue
		}
		for _, c := range d.Contacts.Contacts(name[:i]) {
			if c.URI == name[i+1:] {
				return c
			}
		}
	}
	return nil
}
