package party

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
)

// Diversion is RFC 5806's header about who forwarded a call, if e is to get it.
func Diversion(e *settings.Endpoint, by channel.Party, host string) []sip.Header {
	if !e.SendDiversion {
		return nil
	}
	reason := by.Reason
	if reason == "" {
		reason = "unknown"
	}
	return []sip.Header{sip.NewHeader("Diversion", nameAddr(by, host)+";reason="+reason)}
}

// History is RFC 7044's: the first and the last party a call was meant for, if e
// is to know.
func History(e *settings.Endpoint, by, to channel.Party, host string) (out []sip.Header) {
	if !e.SendHistoryInfo || by.Number == "" {
		return nil
	}
	entry := func(p channel.Party, cause int, index string) {
		u := sip.Uri{Scheme: "sip", User: EscapeUser(p.Number), Host: host}
		if cause > 0 {
			u.UriParams.Add("cause", strconv.Itoa(cause))
		}
		text := "<" + u.String() + ">;index=" + index
		if p.Name != "" {
			text = `"` + Quote(p.Name) + `" ` + text
		}
		out = append(out, sip.NewHeader("History-Info", text))
	}
	entry(by, 0, "1")
	if to.Number != "" {
		entry(to, historyCause(by.Reason), "1.1")
	}
	return out
}

// historyReasons are the words of Diversion (RFC 5806) for the causes that
// History-Info gives a forwarding (RFC 4458 2).
var historyReasons = [...]struct {
	word  string
	cause int
}{
	{"user-busy", 486}, {"no-answer", 408}, {"unavailable", 503}, {"unconditional", 302},
	{"time-of-day", 404}, {"do-not-disturb", 480}, {"deflection", 480}, {"follow-me", 302},
	{"out-of-service", 503}, {"away", 480},
}

func historyCause(reason string) int {
	for _, r := range historyReasons {
		if r.word == reason {
			return r.cause
		}
	}
	return 302
}

func historyReason(cause string) string {
	n, err := strconv.Atoi(cause)
	if err != nil {
		return ""
	}
	for _, r := range historyReasons {
		if r.cause == n {
			return r.word
		}
	}
	return "unknown"
}

// Redirecting is who forwarded the call here, by Diversion (RFC 5806), or else
// by History-Info (RFC 7044): the entry before the last one.
func Redirecting(m sip.Message) channel.Party {
	by, _ := Forwarders(m)
	return by
}

// Forwarders are who forwarded a call and to whom, as a message tells it.
func Forwarders(m sip.Message) (by, to channel.Party) {
	if hs := m.GetHeaders("Diversion"); len(hs) > 0 {
		p, params, ok := address(firstAddress(hs[0].Value()))
		if !ok {
			return by, to
		}
		reason, _ := params.Get("reason")
		p.Reason = strings.Trim(reason, `"`)
		p.Count = len(hs)
		return p, to
	}
	type entry struct {
		party channel.Party
		cause string
	}
	var list []entry
	for _, h := range m.GetHeaders("History-Info") {
		for rest := h.Value(); rest != "" && len(list) < 32; {
			one := firstAddress(rest)
			rest = strings.TrimPrefix(rest[len(one):], ",")
			var u sip.Uri
			params := sip.NewParams()
			name, err := sip.ParseAddressValue(strings.TrimSpace(one), &u, &params)
			if err != nil {
				return by, to
			}
			cause, _ := u.UriParams.Get("cause")
			list = append(list, entry{channel.Party{Name: Unquote(name), Number: Number(&u)}, cause})
		}
	}
	if len(list) < 2 {
		return by, to
	}
	last := list[len(list)-1]
	by, to = list[len(list)-2].party, last.party
	by.Reason, by.Count = historyReason(last.cause), len(list)-1
	return by, to
}
