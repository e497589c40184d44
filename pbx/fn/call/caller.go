package call

import (
	"fmt"
	"strconv"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/fn/form"
)

// callerFunctions read and write who calls, who is connected, who forwarded.
func callerFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "CALLERID", Synopsis: "The caller's number, name and more", Syntax: "CALLERID(num|name|all|ani|dnid|rdnis|pres|tag|...)",
			Read: form.OnChannel(readCaller), Write: form.SetChannel(writeCaller)},
		{Name: "CONNECTEDLINE", Synopsis: "Whom the other side is told it speaks with", Syntax: "CONNECTEDLINE(num|name|all|pres|tag[,i])",
			Read: form.OnChannel(func(c *channel.Channel, args string) (string, error) {
				return readParty(&c.Connected, form.Item(args))
			}),
			Write: form.SetChannel(writeConnected)},
		{Name: "REDIRECTING", Synopsis: "Who forwarded the call", Syntax: "REDIRECTING(from-num|from-name|to-num|reason|count|...[,i])",
			Read: form.OnChannel(readRedirecting), Write: form.SetChannel(writeRedirecting)},
	}
}

func readCaller(c *channel.Channel, args string) (string, error) {
	switch form.Item(args) {
	case "ani", "ani-num":
		return c.ANI, nil
	case "ani-all":
		return bothOf("", c.ANI), nil
	case "ani-name":
		return "", nil
	case "dnid", "dnid-num":
		return c.Dialed, nil
	case "rdnis":
		return c.Redirecting.Number, nil
	case "ani2", "ton", "num-plan", "dnid-num-plan":
		return "0", nil
	case "pres":
		if live.PresentationValue(c.Caller) == 0x43 {
			return channel.Unavailable.String(), nil
		}
		return c.Caller.Presentation.String(), nil
	}
	return readParty(&c.Caller, form.Item(args))
}

// readParty reads what all three identities have.
func readParty(p *channel.Party, what string) (string, error) {
	switch what {
	case "num", "number":
		return p.Number, nil
	case "name":
		return p.Name, nil
	case "all":
		return bothOf(p.Name, p.Number), nil
	case "pres", "num-pres", "name-pres":
		return p.Presentation.String(), nil
	case "num-valid":
		return form.Truth(p.Number != ""), nil
	case "name-valid":
		return form.Truth(p.Name != ""), nil
	case "name-charset":
		return "utf8", nil
	case "tag":
		return p.Tag, nil
	case "subaddr":
		return p.Subaddress, nil
	case "subaddr-valid":
		return form.Truth(p.Subaddress != ""), nil
	}
	return "", fmt.Errorf("%q is not a part of an identity", what)
}

func writeCaller(c *channel.Channel, args, value string) error {
	switch form.Item(args) {
	case "ani", "ani-num":
		c.ANI = value
	case "ani-all":
		_, c.ANI = splitParty(value)
	case "dnid", "dnid-num":
		c.Dialed = value
	case "rdnis":
		c.Redirecting.Number = value
	case "ani2", "ton", "num-plan":
		if value != "0" && value != "" {
			return fmt.Errorf("%s cannot be anything but 0 here", form.Item(args))
		}
	default:
		return writeParty(&c.Caller, form.Item(args), value)
	}
	return nil
}

func writeParty(p *channel.Party, what, value string) error {
	switch what {
	case "num", "number":
		p.Number = value
	case "name":
		p.Name = value
	case "all":
		p.Name, p.Number = splitParty(value)
	case "pres", "num-pres", "name-pres":
		pres, ok := channel.ParsePresentation(strings.TrimSpace(value))
		if !ok {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if pres, ok = presentationOf(n); err != nil || !ok {
				return fmt.Errorf("%q is not a presentation such as allowed or prohib", value)
			}
		}
		p.Presentation = pres
	case "num-valid":
		if !argument.Truth(value) {
			p.Number = ""
		}
	case "name-valid":
		if !argument.Truth(value) {
			p.Name = ""
		}
	case "name-charset": // names are UTF-8 here, whatever a dialplan says
	case "tag":
		p.Tag = value
	case "subaddr":
		p.Subaddress = value
	default:
		return fmt.Errorf("%q is not a part of an identity", what)
	}
	return nil
}

// presentationOf reads the numbers of ${CALLINGPRES}.
func presentationOf(n int) (channel.Presentation, bool) {
	switch {
	case n >= 0 && n <= 3:
		return channel.Presentation(n), true
	case n >= 0x20 && n <= 0x23:
		return channel.ProhibNotScreened + channel.Presentation(n-0x20), true
	case n == 0x43:
		return channel.Unavailable, true
	}
	return 0, false
}

// bothOf writes an identity as CALLERID(all) does; quotation marks in a name
// are not escaped.
func bothOf(name, number string) string { return `"` + name + `" <` + number + `>` }

// splitParty reads `"Name" <number>`, `Name <number>`, `<number>`, `number` or
// `Name`.
func splitParty(s string) (name, number string) {
	s = strings.TrimSpace(s)
	if open := strings.LastIndexByte(s, '<'); open >= 0 && strings.HasSuffix(s, ">") {
		name = strings.TrimSpace(s[:open])
		if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
			name = name[1 : len(name)-1]
		}
		return name, s[open+1 : len(s)-1]
	}
	bare := strings.Trim(s, `"`)
	if isNumber(bare) {
		return "", bare
	}
	return bare, ""
}

// isNumber reports whether a text can be dialled.
func isNumber(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && strings.IndexByte("*#+ABCDabcd()-. ", c) < 0 {
			return false
		}
	}
	return strings.ContainsAny(s, "0123456789*#")
}

func writeConnected(c *channel.Channel, args, value string) error {
	what, option, _ := strings.Cut(args, ",")
	if err := writeParty(&c.Connected, form.Item(what), value); err != nil {
		return err
	}
	if strings.TrimSpace(option) == "i" { // set only; the last write of a series tells the party
		return nil
	}
	if r, ok := c.Leg.(channel.Reminder); ok {
		r.ConnectedLine(c.Connected)
	}
	return nil
}

// reasons are the words for why a call was forwarded, and their short forms.
var reasons = [...][2]string{
	{"unknown", "unknown"}, {"cfb", "user-busy"}, {"cfnr", "no-answer"}, {"unavailable", "unavailable"},
	{"cfu", "unconditional"}, {"time_of_day", "time-of-day"}, {"dnd", "do-not-disturb"},
	{"deflection", "deflection"}, {"follow_me", "follow-me"}, {"out_of_order", "out-of-service"},
	{"away", "away"}, {"cf_dte", "cf_dte"}, {"send_to_vm", "send_to_vm"},
}

func shortReason(word string) string {
	for _, r := range reasons {
		if strings.EqualFold(word, r[0]) || strings.EqualFold(word, r[1]) {
			return r[0]
		}
	}
	return word
}

func readRedirecting(c *channel.Channel, args string) (string, error) {
	p := &c.Redirecting
	switch what := form.Item(args); what {
	case "reason":
		if p.Reason == "" {
			return "unknown", nil
		}
		return shortReason(p.Reason), nil
	case "count":
		return strconv.Itoa(p.Count), nil
	case "pres":
		return p.Presentation.String(), nil
	case "to-num", "to-name", "to-all", "to-tag", "orig-num", "orig-name", "orig-all", "orig-tag", "orig-reason":
		return "", nil // only the last redirecting party is kept
	default:
		return readParty(p, strings.TrimPrefix(what, "from-"))
	}
}

func writeRedirecting(c *channel.Channel, args, value string) error {
	p := &c.Redirecting
	switch what := form.Item(args); {
	case what == "reason":
		p.Reason = shortReason(strings.TrimSpace(value))
	case what == "count":
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || n < 0 || n > 1000 {
			return fmt.Errorf("%q is not a number of redirections", value)
		}
		p.Count = n
	case what == "pres":
		return writeParty(p, "pres", value)
	case strings.HasPrefix(what, "from-"):
		return writeParty(p, what[len("from-"):], value)
	case strings.HasPrefix(what, "to-"), strings.HasPrefix(what, "orig-"):
		return fmt.Errorf("%s is understood but not honoured", what)
	default:
		return fmt.Errorf("%q is not a part of a redirection", what)
	}
	return nil
}
