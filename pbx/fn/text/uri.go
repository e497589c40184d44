package text

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
)

// addressFunctions take SIP addresses apart.
func (d variables) addressFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "PJSIP_PARSE_URI", Synopsis: "A part of a SIP address", Syntax: "PJSIP_PARSE_URI(uri,display|scheme|user|passwd|host|port)",
			Read: form.OfText(parseURI)},
		{Name: "PJSIP_PARSE_URI_FROM", Synopsis: "A part of the SIP address in a variable", Syntax: "PJSIP_PARSE_URI_FROM(variable,part)",
			Read: func(ctx context.Context, c *channel.Channel, args string) (string, error) {
				name, part, _ := strings.Cut(args, ",")
				return parseURI(form.Value(ctx, d.System, c, name) + "," + part)
			}},
	}
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
