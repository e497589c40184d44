package call

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
)

// headerFunctions read and write SIP headers.
func headerFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "PJSIP_HEADER", Synopsis: "A SIP header of the channel", Syntax: "PJSIP_HEADER(read|add|update|remove,name[,n])",
			Read: form.OnChannel(readHeader), Write: form.SetChannel(writeHeader)},
		{Name: "PJSIP_INHERITABLE_HEADER", Synopsis: "A SIP header of the calls dialled from here", Syntax: "PJSIP_INHERITABLE_HEADER(read|add|update|remove,name[,n])",
			Read: form.OnChannel(readPassing), Write: form.SetChannel(writePassing)},
		{Name: "PJSIP_HEADERS", Synopsis: "Names of the SIP headers with a prefix", Syntax: "PJSIP_HEADERS([prefix])", Read: form.OnChannel(headerNames)},
		{Name: "SIP_HEADER", Synopsis: "A SIP header of the inbound call", Syntax: "SIP_HEADER(name[,n])",
			Read: form.OnChannel(func(c *channel.Channel, args string) (string, error) { return readHeader(c, "read,"+args) })},
	}
}

var errNotSIP = errors.New("works on a SIP channel only")

func readHeader(c *channel.Channel, args string) (string, error) {
	a := form.Arguments(args, 3)
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
	a := form.Arguments(args, 3)
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
