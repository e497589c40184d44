package explain

import (
	"fmt"
	"slices"
	"strings"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/settings"
)

// dial tells whom Dial rings and with what media, and asks how it ends.
func (w *walk) dial(args string) error {
	parts := append(argument.Split(args, 5), "", "", "")
	options := argument.ParseOptions(parts[2])
	c := w.c
	for _, v := range []string{"DIALSTATUS", "DIALEDPEERNUMBER", "ANSWEREDTIME", "DIALEDTIME"} {
		c.SetVar(v, "")
	}
	c.Cause = channel.NoCause
	var targets []string
	for t := range strings.SplitSeq(parts[0], "&") {
		if t = strings.TrimSpace(t); t != "" {
			targets = append(targets, t)
		}
	}
	var called []party
	gone := channel.NoRoute
	for _, t := range targets {
		p := w.party(t)
		if strings.Contains(t, unknownMark) {
			p = party{callable: true, cause: channel.NoRoute, told: block{t + ": not known before the call"}}
		}
		w.told.indent("    ", p.told)
		gone = p.cause
		if !p.callable {
			continue
		}
		called = append(called, p)
		if p.ep != nil {
			w.media(p, options)
		}
	}
	if len(called) == 0 {
		c.Cause = gone
		w.told.line("    so nobody is called: DIALSTATUS is CHANUNAVAIL")
		c.SetVar("DIALSTATUS", "CHANUNAVAIL")
		return nil
	}
	return w.endings(parts[1], options, called)
}

// endings forks into the ways a Dial may go.
func (w *walk) endings(timeout string, options argument.Options, called []party) error {
	c, last := w.c, called[len(called)-1]
	who, lost, status := "busy", "not registered or not reachable", "CHANUNAVAIL"
	if len(called) > 1 {
		who, lost = "all are busy", "none is registered or reachable"
	} else if last.permanent {
		lost = "not reachable"
		if last.tcp {
			status, last.cause = "CONGESTION", channel.NormalCircuitCongestion
		}
	}
	if !slices.ContainsFunc(called, func(p party) bool { return !p.absent }) {
		lost += ", as now"
	}
	patience := "nobody answers, and it rings until the caller gives up"
	limited := strings.Trim(timeout, "0. ") != ""
	if limited {
		patience = "nobody answers within " + timeout + " s (DIALSTATUS NOANSWER)"
	}
	way, err := w.decide("answered", who+" (DIALSTATUS BUSY)", patience, lost+" (DIALSTATUS "+status+")")
	if err != nil {
		return err
	}
	switch way {
	case 0:
		w.pickUp("")
		c.SetVar("DIALSTATUS", "ANSWER")
		if options.Has('g') {
			w.told.line("they talk; when the called party hangs up the call goes on here (option g)")
			return nil
		}
		w.told.line("they talk until one hangs up")
		c.Cause = channel.NormalClearing
		return dialplan.ErrHangup
	case 1:
		c.Cause = channel.UserBusy
		c.SetVar("DIALSTATUS", "BUSY")
	case 2:
		if !limited {
			w.told.line("=> the call ends when %s gives up: 487 %s", w.q.Endpoint, w.Phrase(487))
			return errEnd
		}
		c.SetVar("DIALSTATUS", "NOANSWER")
	case 3:
		c.Cause = last.cause
		c.SetVar("DIALSTATUS", status)
	}
	return nil
}

// A party is one target of a Dial.
type party struct {
	callable  bool
	absent    bool // it could be called if it were registered
	permanent bool // its address is written in the configuration
	tcp       bool
	cause     channel.Cause // if it cannot be called
	ep        *settings.Endpoint
	told      block
}

// party reads Tech/Resource.
func (w *walk) party(target string) party {
	tech, dest, _ := strings.Cut(target, "/")
	switch strings.ToUpper(tech) {
	case "PJSIP":
		return w.pjsip(target, dest)
	case "SIP":
		return w.device(target, dest)
	case "LOCAL":
		exten, place, _ := strings.Cut(dest, "@")
		place, _, _ = strings.Cut(place, "/")
		return party{callable: true, told: block{fmt.Sprintf("%s goes to extension %s of context %s: explain that one for the rest", target, exten, place)}}
	}
	return party{cause: channel.ChanNotImplemented, told: block{fmt.Sprintf("%s: there is no channel technology %s", target, tech)}}
}

// pjsip reads endpoint, number@endpoint, endpoint/uri and endpoint/aor.
func (w *walk) pjsip(target, dest string) party {
	p := party{cause: channel.NoRoute}
	name, rest, explicit := strings.Cut(dest, "/")
	number := ""
	p.ep = w.Settings.Endpoints[name]
	if at := strings.LastIndexByte(name, '@'); at >= 0 && p.ep == nil {
		number, name = name[:at], name[at+1:]
		p.ep = w.Settings.Endpoints[name]
	}
	if p.ep == nil {
		p.told.line("%s: there is no endpoint %q", target, name)
		return p
	}
	if explicit && strings.HasPrefix(strings.ToLower(rest), "sip") {
		p.callable, p.permanent = true, true
		way := w.by(p.ep, rest, "")
		p.tcp = strings.HasPrefix(way, " by TCP")
		p.told.line("%s rings %s%s", target, rest, way)
		return p
	}
	aors := p.ep.AORs
	if explicit {
		aors = []string{rest}
	}
	uri, transport, known := w.contact(aors)
	switch {
	case uri != "":
		way := w.by(p.ep, uri, transport)
		p.callable, p.permanent, p.tcp = true, transport == "", strings.HasPrefix(way, " by TCP")
		p.told.line("%s rings %s%s", target, withUser(uri, number), way)
	case len(aors) == 0 || w.Settings.AORs[aors[0]] == nil:
		p.told.line("%s: endpoint %s has no aor to be reached at", target, p.ep.ID)
	case w.Settings.AORs[aors[0]].MaxContacts == 0:
		p.told.line("%s: aor %s has neither contact= nor max_contacts=, so nobody can ever be there", target, aors[0])
	default:
		p.callable, p.absent = true, known
		state := "where it registered"
		if known {
			state = "where it registers; it is not registered now"
		}
		p.told.line("%s rings %s%s", target, state, w.by(p.ep, "", ""))
	}
	return p
}

// contact is where the first of the addresses of record is reached; known says
// whether registrations are.
func (w *walk) contact(aors []string) (uri, transport string, known bool) {
	for _, name := range aors {
		if w.Contacts != nil {
			for _, c := range w.Contacts(name) {
				if c.Reachable {
					return c.URI, c.Transport, true
				}
			}
			continue
		}
		if aor := w.Settings.AORs[name]; aor != nil && len(aor.Contacts) > 0 {
			return aor.Contacts[0], "", false
		}
	}
	return "", "", w.Contacts != nil
}

// withUser puts a number into a SIP URI.
func withUser(uri, number string) string {
	if number == "" {
		return uri
	}
	scheme, rest, _ := strings.Cut(uri, ":")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	return scheme + ":" + number + "@" + rest
}

// by tells the transport.
func (w *walk) by(ep *settings.Endpoint, uri, registered string) string {
	name := ep.Transport
	if name != "" {
		for _, t := range w.Settings.Transports {
			if t.ID == name {
				return fmt.Sprintf(" by %s (transport=%s)", strings.ToUpper(t.Protocol), name)
			}
		}
		return fmt.Sprintf(", but transport %s does not exist", name)
	}
	lower := strings.ToLower(uri)
	switch {
	case strings.Contains(lower, "transport=tcp"):
		return " by TCP (its address says so)"
	case registered != "":
		return " by transport " + registered + ", on which it registered"
	case uri == "":
		return ""
	}
	return " by UDP"
}

// device reads SIP/device, SIP/number@device and SIP/device/number.
func (w *walk) device(target, dest string) party {
	p := party{cause: channel.SubscriberAbsent}
	if w.Settings.SIP == nil {
		p.told.line("%s: there is no sip.conf, so SIP/ cannot be called", target)
		return p
	}
	name := dest
	if at := strings.LastIndexByte(dest, '@'); at >= 0 {
		name = dest[at+1:]
	} else if w.Settings.Device(dest) == nil {
		name, _, _ = strings.Cut(dest, "/")
	}
	dev := w.Settings.Device(name)
	if dev == nil {
		if name == "" {
			p.told.line("%s: nobody is named after the @", target)
			return p
		}
		if strings.Trim(name, "0123456789") == "" {
			p.told.line("%s: there is no device %q in sip.conf", target, name)
			return p
		}
		p.callable, p.ep = true, w.Settings.SIP.Direct
		p.told.line("%s rings the host %s, which is no device, without a password", target, name)
		return p
	}
	p.ep = dev.Endpoint
	uri, _, known := w.contact([]string{dev.ID})
	p.callable = true
	switch {
	case uri != "":
		p.told.line("%s rings %s", target, uri)
	case !dev.Dynamic:
		p.told.line("%s rings %s", target, dev.Host)
	default:
		p.absent = known
		p.told.line("%s rings where it registers%s", target, map[bool]string{true: "; it is not registered now"}[known])
	}
	return p
}

// media tells codecs and the way of the speech.
func (w *walk) media(p party, options argument.Options) {
	ours, theirs := audio(w.ep.Codecs), audio(p.ep.Codecs)
	if len(ours) == 0 || len(theirs) == 0 {
		who := w.ep
		if len(ours) > 0 {
			who = p.ep
		}
		w.told.line("      speech: none, %s allows no codec (allow=): its calls get 488 %s", who.ID, w.Phrase(488))
		return
	}
	i := slices.IndexFunc(ours, func(c *media.Codec) bool { return slices.Contains(theirs, c) })
	if i < 0 {
		w.told.line("      speech: %s on one side, %s on the other: translated in the exchange", ours[0].Name, theirs[0].Name)
		return
	}
	w.told.line("      speech: %s on both sides, %s", ours[i].Name, w.path(p.ep, options))
}

// path says whether the exchange relays.
func (w *walk) path(other *settings.Endpoint, options argument.Options) string {
	for _, o := range "tThHkKwWxX" {
		if options.Has(byte(o)) {
			return "through the exchange (Dial's option " + string(o) + " listens for digits)"
		}
	}
	for _, ep := range []*settings.Endpoint{w.ep, other} {
		if !ep.DirectMedia {
			return "through the exchange (" + directMedia(ep) + "=no for " + ep.ID + ")"
		}
	}
	return "directly between the two once it is answered (" + directMedia(other) + "=yes)"
}

// directMedia is the option's name.
func directMedia(ep *settings.Endpoint) string {
	if ep.Legacy {
		return "directmedia"
	}
	return "direct_media"
}

func audio(all []*media.Codec) []*media.Codec {
	var out []*media.Codec
	for _, c := range all {
		if !c.Video {
			out = append(out, c)
		}
	}
	return out
}
