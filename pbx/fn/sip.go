package fn

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/settings/option"
)

// sipFunctions read SIP headers and the objects of pjsip.conf.
func (d Deps) sipFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "PJSIP_HEADER", Synopsis: "A SIP header of the channel", Syntax: "PJSIP_HEADER(read|add|update|remove,name[,n])",
			Read: onChannel(readHeader), Write: setChannel(writeHeader)},
		{Name: "PJSIP_INHERITABLE_HEADER", Synopsis: "A SIP header of the calls dialled from here", Syntax: "PJSIP_INHERITABLE_HEADER(read|add|update|remove,name[,n])",
			Read: onChannel(readPassing), Write: setChannel(writePassing)},
		{Name: "PJSIP_HEADERS", Synopsis: "Names of the SIP headers with a prefix", Syntax: "PJSIP_HEADERS([prefix])", Read: onChannel(headerNames)},
		{Name: "SIP_HEADER", Synopsis: "A SIP header of the inbound call", Syntax: "SIP_HEADER(name[,n])",
			Read: onChannel(func(c *channel.Channel, args string) (string, error) { return readHeader(c, "read,"+args) })},
		{Name: "SIPPEER", Synopsis: "A fact about a device of sip.conf", Syntax: "SIPPEER(name[,item])", Read: ofText(d.sippeer)},
		{Name: "PJSIP_ENDPOINT", Synopsis: "An option of an endpoint", Syntax: "PJSIP_ENDPOINT(name,option)", Read: ofText(d.endpoint)},
		{Name: "PJSIP_AOR", Synopsis: "An option of an address of record", Syntax: "PJSIP_AOR(name,option)", Read: ofText(d.aor)},
		{Name: "PJSIP_CONTACT", Synopsis: "A fact about a contact", Syntax: "PJSIP_CONTACT(id,item)", Read: ofText(d.contact)},
		{Name: "PJSIP_DIAL_CONTACTS", Synopsis: "What to Dial to reach all contacts of an endpoint", Syntax: "PJSIP_DIAL_CONTACTS(endpoint[,aor[,user]])", Read: ofText(d.dialContacts)},
		{Name: "PJSIP_PARSE_URI", Synopsis: "A part of a SIP address", Syntax: "PJSIP_PARSE_URI(uri,display|scheme|user|passwd|host|port)",
			Read: ofText(parseURI)},
		{Name: "PJSIP_PARSE_URI_FROM", Synopsis: "A part of the SIP address in a variable", Syntax: "PJSIP_PARSE_URI_FROM(variable,part)",
			Read: func(ctx context.Context, c *channel.Channel, args string) (string, error) {
				name, part, _ := strings.Cut(args, ",")
				return parseURI(d.value(ctx, c, name) + "," + part)
			}},
	}
}

var errNotSIP = errors.New("works on a SIP channel only")

func readHeader(c *channel.Channel, args string) (string, error) {
	a := arguments(args, 3)
	if strings.TrimSpace(a[0]) != "read" {
		return "", fmt.Errorf("%q cannot be read; use read", a[0])
	}
	h, ok := c.Leg.(channel.Headers)
	if !ok {
		return "", errNotSIP
	}
	n := 1
	if text := strings.TrimSpace(a[2]); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			return "", fmt.Errorf("%q is not a number from 1", text)
		}
	}
	v, _ := h.Header(strings.TrimSpace(a[1]), n)
	return v, nil
}

func writeHeader(c *channel.Channel, args, value string) error {
	a := arguments(args, 3)
	h, ok := c.Leg.(channel.Headers)
	if !ok {
		return errNotSIP
	}
	name := strings.TrimSpace(a[1])
	if name == "" || strings.ContainsAny(name, " \t\r\n:") {
		return fmt.Errorf("%q is not the name of a header", name)
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return errors.New("a header holds no line breaks")
	}
	switch strings.TrimSpace(a[0]) {
	case "add":
		h.SetHeader(name, value, true)
	case "update":
		if value == "" {
			return errors.New("update wants a value")
		}
		h.SetHeader(name, value, false)
	case "remove":
		h.SetHeader(name, "", false)
	default:
		return fmt.Errorf("%q is none of add, update, remove", a[0])
	}
	return nil
}

func headerNames(c *channel.Channel, prefix string) (string, error) {
	h, ok := c.Leg.(channel.Headers)
	if !ok {
		return "", errNotSIP
	}
	return strings.Join(h.HeaderNames(strings.TrimSpace(prefix)), ","), nil
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
	a := arguments(args, 2)
	if d.Settings == nil {
		return "", errNoPart
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
	a := arguments(args, 2)
	if d.Settings == nil {
		return "", errNoPart
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
	a := arguments(args, 2)
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
	a := arguments(args, 3)
	if d.Settings == nil {
		return "", errNoPart
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

// parseURI takes a name-addr or a bare SIP URI apart (RFC 3261 section 19.1).
func parseURI(args string) (string, error) {
	cut := strings.LastIndexByte(args, ',')
	if cut < 0 {
		return "", errors.New("wants an address and the name of a part")
	}
	text, part := strings.TrimSpace(args[:cut]), strings.ToLower(strings.TrimSpace(args[cut+1:]))
	display := ""
	if open := strings.IndexByte(text, '<'); open >= 0 {
		display = strings.Trim(strings.TrimSpace(text[:open]), `"`)
		text, _, _ = strings.Cut(text[open+1:], ">")
	}
	scheme, rest, found := strings.Cut(text, ":")
	scheme = strings.ToLower(scheme)
	if !found || scheme != "sip" && scheme != "sips" || rest == "" {
		return "", fmt.Errorf("%q is not a SIP address", text)
	}
	userinfo, hostport := "", rest
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		userinfo, hostport = rest[:at], rest[at+1:]
	}
	if end := strings.IndexAny(hostport, ";?"); end >= 0 {
		hostport = hostport[:end]
	}
	user, password, _ := strings.Cut(userinfo, ":")
	host, port := hostport, "0"
	if colon := strings.LastIndexByte(hostport, ':'); colon > strings.LastIndexByte(hostport, ']') {
		host, port = hostport[:colon], hostport[colon+1:]
	}
	switch part {
	case "display":
		return display, nil
	case "scheme":
		return scheme, nil
	case "user":
		return unescape(user), nil
	case "passwd":
		return unescape(password), nil
	case "host":
		return strings.Trim(host, "[]"), nil
	case "port":
		return port, nil
	}
	return "", fmt.Errorf("%q is none of display, scheme, user, passwd, host, port", part)
}

func unescape(s string) string {
	if v, err := url.PathUnescape(s); err == nil {
		return v
	}
	return s
}

// systemFunctions tell about the exchange itself.
func (d Deps) systemFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "VERSION", Synopsis: "The version of the exchange", Syntax: "VERSION([item])",
			Read: ofText(func(what string) (string, error) {
				switch strings.ToUpper(strings.TrimSpace(what)) {
				case "":
					return d.Version, nil
				case "ASTERISK_VERSION_NUM":
					return "220000", nil // the configuration we speak
				}
				return "", nil
			})},
		{Name: "ENV", Synopsis: "An environment variable, if it may be read", Syntax: "ENV(name)",
			Read: ofText(func(name string) (string, error) {
				for _, e := range d.Env {
					if n, v, _ := strings.Cut(e, "="); n == name {
						return v, nil
					}
				}
				return "", fmt.Errorf("%q is not among the environment variables a dialplan may read", name)
			})},
		{Name: "MASTER_CHANNEL", Synopsis: "A variable of the call's first channel", Syntax: "MASTER_CHANNEL(name)",
			Read: d.master,
			Write: func(ctx context.Context, c *channel.Channel, name, value string) error {
				if _, err := d.master(ctx, c, name); err != nil {
					return err
				}
				return d.System.Assign(ctx, c, name, value)
			}},
	}
}
