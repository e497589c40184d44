package office

import (
	"fmt"
	"strconv"
	"strings"

	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
	"branchline/pbx/settings/option"
)

// sipFunctions read the objects of pjsip.conf and sip.conf.
func (d Deps) sipFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "SIPPEER", Synopsis: "A fact about a device of sip.conf", Syntax: "SIPPEER(name[,item])", Read: form.OfText(d.sippeer)},
		{Name: "PJSIP_ENDPOINT", Synopsis: "An option of an endpoint", Syntax: "PJSIP_ENDPOINT(name,option)", Read: form.OfText(d.endpoint)},
		{Name: "PJSIP_AOR", Synopsis: "An option of an address of record", Syntax: "PJSIP_AOR(name,option)", Read: form.OfText(d.aor)},
		{Name: "PJSIP_CONTACT", Synopsis: "A fact about a contact", Syntax: "PJSIP_CONTACT(id,item)", Read: form.OfText(d.contact)},
		{Name: "PJSIP_DIAL_CONTACTS", Synopsis: "What to Dial to reach all contacts of an endpoint", Syntax: "PJSIP_DIAL_CONTACTS(endpoint[,aor[,user]])", Read: form.OfText(d.dialContacts)},
	}
}

// shown looks an option up in the words `pjsip show` prints.
func shown(options []option.Shown, name string) (string, bool) {
	for _, o := range options {
		if strings.EqualFold(o.Name, name) {
			return o.Value, true
		}
	}
	return "", false
}

// secret reports options whose value is never given out.
func secret(name string) bool {
	switch strings.ToLower(name) {
	case "password", "md5_cred":
		return true
	}
	return false
}

func (d Deps) endpoint(args string) (string, error) {
	a := form.Arguments(args, 2)
	if d.Settings == nil {
		return "", form.ErrNoPart
	}
	e := d.Settings().Endpoints[a[0]]
	if e == nil {
		return "", fmt.Errorf("there is no endpoint %q", a[0])
	}
	v, ok := shown(e.Options(), strings.TrimSpace(a[1]))
	if !ok || secret(a[1]) {
		return "", fmt.Errorf("an endpoint has no option %q", a[1])
	}
	return v, nil
}

func (d Deps) aor(args string) (string, error) {
	a := form.Arguments(args, 2)
	if d.Settings == nil {
		return "", form.ErrNoPart
	}
	r := d.Settings().AORs[a[0]]
	if r == nil {
		return "", fmt.Errorf("there is no address of record %q", a[0])
	}
	name := strings.TrimSpace(a[1])
	if strings.EqualFold(name, "contact") {
		var ids []string
		for _, c := range d.contactsOf(a[0]) {
			ids = append(ids, c.ID)
		}
		return strings.Join(ids, ","), nil
	}
	v, ok := shown(r.Options(), name)
	if !ok {
		return "", fmt.Errorf("an address of record has no option %q", name)
	}
	return v, nil
}

func (d Deps) contactsOf(aor string) []Contact {
	if d.Contacts == nil {
		return nil
	}
	return d.Contacts(aor)
}

func (d Deps) contact(args string) (string, error) {
	a := form.Arguments(args, 2)
	aor, _, found := strings.Cut(a[0], "@@")
	if !found {
		aor, _, _ = strings.Cut(a[0], ";@")
	}
	for _, c := range d.contactsOf(aor) {
		if c.ID == a[0] {
			return c.fact(strings.TrimSpace(a[1]))
		}
	}
	return "", fmt.Errorf("there is no contact %q", a[0])
}

func (c Contact) fact(name string) (string, error) {
	switch strings.ToLower(name) {
	case "uri":
		return c.URI, nil
	case "status":
		return c.Status, nil
	case "rtt":
		if c.RTT <= 0 {
			return "N/A", nil
		}
		return strconv.FormatInt(c.RTT.Microseconds(), 10), nil
	case "expiration_time":
		if c.Expires.IsZero() {
			return "0", nil
		}
		return strconv.FormatInt(c.Expires.Unix(), 10), nil
	case "user_agent":
		return c.UserAgent, nil
	case "endpoint":
		return c.Endpoint, nil
	case "aor":
		return c.AOR, nil
	case "call_id":
		return c.CallID, nil
	case "via_addr":
		return c.ViaAddr, nil
	case "via_port":
		return strconv.Itoa(c.ViaPort), nil
	}
	return "", fmt.Errorf("a contact has no item %q", name)
}

func (d Deps) dialContacts(args string) (string, error) {
	a := form.Arguments(args, 3)
	if d.Settings == nil {
		return "", form.ErrNoPart
	}
	e := d.Settings().Endpoints[a[0]]
	if e == nil {
		return "", fmt.Errorf("there is no endpoint %q", a[0])
	}
	aors := e.AORs
	if aor := strings.TrimSpace(a[1]); aor != "" {
		aors = []string{aor}
	}
	target := a[0]
	if user := strings.TrimSpace(a[2]); user != "" {
		target = user + "@" + target
	}
	var dial []string
	for _, aor := range aors {
		for _, c := range d.contactsOf(aor) {
			dial = append(dial, "PJSIP/"+target+"/"+c.URI)
		}
	}
	return strings.Join(dial, "&"), nil
}
