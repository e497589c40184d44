// Package draft writes the configuration that a wish asks for, in the words that its
// user goes on with: every file says what it is, and can be changed by hand.
package draft

import (
	"fmt"
	"net/netip"
	"strings"

	"branchline/rootfs/firstboot/phones"
	"branchline/rootfs/firstboot/wish"
)

// KnownSecrets finds the phones' secrets in a pjsip.conf that Files has made: a phone
// that was set up stays so when a new branchline.txt comes.
func KnownSecrets(pjsip string) map[string]string {
	known := map[string]string{}
	var user string
	for line := range strings.Lines(pjsip) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section, _, _ := strings.Cut(line[1:], "]")
			var found bool
			if user, found = strings.CutSuffix(section, "-login"); !found {
				user = ""
			}
		}
		if value, ok := strings.CutPrefix(line, "password="); ok && user != "" {
			known[user] = value
		}
	}
	return known
}

// made is the first line of every file.
const made = "; Made by the first start out of " + wish.File + ". From now on this file is yours: a\n; new " + wish.File + " on the boot partition would replace it, and keep this one in\n; the folder asterisk.old beside this folder.\n\n"

// Files is the whole configuration: file name to content. device is the network
// interface that a fixed address belongs to.
func Files(w wish.Wish, all []phones.Phone, device string) map[string]string {
	files := map[string]string{
		"asterisk.conf":   made + "[options]\ndefaultlanguage=" + w.Language + "\n",
		"pjsip.conf":      pjsip(w, all),
		"extensions.conf": extensions(w, all),
		"rtp.conf":        made + "; UDP ports for speech, two for each party of a call.\n[general]\nrtpstart=10000\nrtpend=11999\n",
	}
	if w.Country != "" {
		files["indications.conf"] = made + "; The tones of this country.\n[general]\ncountry=" + w.Country + "\n"
	}
	if text := Network(w, device); text != "" {
		files["network.conf"] = text
	}
	switch w.Line.Kind {
	case "dahdi":
		files["chan_dahdi.conf"], files["system.conf"] = dahdi(w)
	case "modem":
		files["modem.conf"] = modem(w)
	case "mobile":
		files["quectel.conf"] = mobile(w)
	}
	return files
}

// Network is network.conf; "" where DHCP says it all.
func Network(w wish.Wish, device string) string {
	if !w.Address.IsValid() && len(w.DNS) == 0 && len(w.NTP) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(made + "[general]\n")
	if len(w.DNS) > 0 {
		fmt.Fprintf(&b, "dns=%s\n", join(w.DNS))
	}
	if len(w.NTP) > 0 {
		fmt.Fprintf(&b, "ntp=%s\n", strings.Join(w.NTP, ","))
	}
	fmt.Fprintf(&b, "\n[lan]\ntype=interface\ndevice=%s\n", device)
	if !w.Address.IsValid() {
		b.WriteString("dhcp=yes\n")
		return b.String()
	}
	fmt.Fprintf(&b, "address=%v\n", w.Address)
	if w.Gateway.IsValid() {
		fmt.Fprintf(&b, "gateway=%v\n", w.Gateway)
	}
	return b.String()
}

func join(all []netip.Addr) string {
	words := make([]string, len(all))
	for i, a := range all {
		words[i] = a.String()
	}
	return strings.Join(words, ",")
}

const pjsipHead = made + `[transport-udp]
type=transport
protocol=udp
bind=0.0.0.0:5060

[transport-tcp]
type=transport
protocol=tcp
bind=0.0.0.0:5060

; What all phones have in common: a template (!) is not used by itself.
[phone](!)
type=endpoint
context=phones
disallow=all
allow=ulaw,alaw
dtmf_mode=rfc4733
; Speech passes the exchange, so that # can transfer a call, and phones behind
; different routers hear each other.
direct_media=no
rtp_symmetric=yes
force_rport=yes
rewrite_contact=yes
`

const pjsipKinds = `
[login](!)
type=auth
auth_type=userpass

[contact](!)
type=aor
; A phone that registers anew takes the place of what it was before.
max_contacts=1
remove_existing=yes
qualify_frequency=60
`

func pjsip(w wish.Wish, all []phones.Phone) string {
	var b strings.Builder
	b.WriteString(pjsipHead)
	if w.Country != "" {
		fmt.Fprintf(&b, "tone_zone=%s\n", w.Country)
	}
	b.WriteString(pjsipKinds)
	for _, p := range all {
		fmt.Fprintf(&b, "\n[%[1]s](phone)\nauth=%[1]s-login\naors=%[1]s\ncallerid=\"%[2]s\" <%[1]s>\n\n[%[1]s-login](login)\nusername=%[1]s\npassword=%[3]s\n\n[%[1]s](contact)\n",
			p.Extension, p.Name, p.Secret)
	}
	if w.Trunk.Host != "" {
		b.WriteString(trunk(w))
	}
	return b.String()
}

// trunk is the account with the telephone company.
func trunk(w wish.Wish) string {
	host, t := w.Trunk.Host, w.Trunk
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + host + "]"
	}
	from, match := host, host
	if name, _, found := strings.Cut(host, ":"); found && !strings.HasPrefix(host, "[") {
		from, match = name, name
	}
	var b strings.Builder
	fmt.Fprintf(&b, `
; The account with the telephone company.
[trunk]
type=endpoint
context=from-trunk
aors=trunk
; Nobody becomes the company by giving its name.
identify_by=ip
outbound_auth=trunk-login
from_user=%[1]s
from_domain=%[2]s
disallow=all
allow=ulaw,alaw
dtmf_mode=rfc4733
direct_media=no
rtp_symmetric=yes

[trunk-login]
type=auth
auth_type=userpass
username=%[1]s
password=%[3]s

[trunk]
type=aor
contact=sip:%[4]s
qualify_frequency=60

; Calls from the company's server are the company's.
[trunk]
type=identify
endpoint=trunk
match=%[5]s

[trunk]
type=registration
server_uri=sip:%[4]s
client_uri=sip:%[1]s@%[4]s
contact_user=%[1]s
outbound_auth=trunk-login
endpoint=trunk
`, t.User, from, t.Password, host, match)
	return b.String()
}

// lineDial is what Dial takes for a number over the line of the old kind; "" without
// one.
func lineDial(w wish.Wish, number string) string {
	switch w.Line.Kind {
	case "dahdi":
		return "DAHDI/g1/" + number
	case "modem":
		return "Modem/line/" + number
	case "mobile":
		return "Quectel/mobile/" + number
	}
	return ""
}

func trunkDial(w wish.Wish, number string) string {
	if w.Trunk.Host == "" {
		return ""
	}
	return "PJSIP/" + number + "@trunk"
}

func extensions(w wish.Wish, all []phones.Phone) string {
	var b strings.Builder
	b.WriteString(made + "; What the phones can dial.\n[phones]\n")
	for _, p := range all {
		fmt.Fprintf(&b, "exten => %[1]s,1,Dial(PJSIP/%[1]s,40,tT)\n same => n,Goto(missed,1)\n", p.Extension)
	}
	b.WriteString(`
; Hear yourself; hear your own number.
exten => *43,1,Answer()
 same => n,Playback(demo-echotest)
 same => n,Echo()
 same => n,Hangup()
exten => *65,1,Answer()
 same => n,SayDigits(${CALLERID(num)})
 same => n,Hangup()

; Busy, or no answer, or not there.
exten => missed,1,GotoIf($["${DIALSTATUS}" = "BUSY"]?busy)
 same => n,Congestion(10)
 same => n,Hangup()
 same => n(busy),Busy(10)
 same => n,Hangup()

; Anything else.
exten => i,1,Answer()
 same => n,Playback(pbx-invalid)
 same => n,Hangup()
`)
	// A line goes on working when the network or the company's server does not.
	help, talk := []string{lineDial(w, "${EXTEN}"), trunkDial(w, "${EXTEN}")}, []string{trunkDial(w, "%s"), lineDial(w, "%s")}
	if help[0] == "" && help[1] == "" {
		return b.String()
	}
	if len(w.Emergency) > 0 {
		b.WriteString("\n; Calls for help, with or without the prefix.\n")
	}
	for _, n := range w.Emergency {
		fmt.Fprintf(&b, "exten => %s,1,NoOp(${CALLERID(all)} calls for help)\n", n)
		for _, d := range help {
			if d != "" {
				fmt.Fprintf(&b, " same => n,Dial(%s,120)\n", d)
			}
		}
		b.WriteString(" same => n,Congestion(10)\n same => n,Hangup()\n")
		if w.Prefix != "" {
			fmt.Fprintf(&b, "exten => %s%s,1,Goto(%[2]s,1)\n", w.Prefix, n)
		}
	}
	outside(&b, w, talk)
	everybody := make([]string, len(all))
	for i, p := range all {
		everybody[i] = "PJSIP/" + p.Extension
	}
	for _, from := range []struct{ context, exten, what string }{{"from-trunk", "_[+0-9A-Za-z].", "the telephone company"}, {"from-line", "s", "the line"}} {
		if from.context == "from-trunk" && w.Trunk.Host == "" || from.context == "from-line" && w.Line.Kind == "" {
			continue
		}
		fmt.Fprintf(&b, "\n; Calls from %s ring everybody.\n[%s]\nexten => %s,1,NoOp(${CALLERID(all)} calls in)\n same => n,Dial(%s,60,t)\n same => n,Hangup()\n",
			from.what, from.context, from.exten, strings.Join(everybody, "&"))
	}
	if w.Line.Kind == "mobile" {
		fmt.Fprintf(&b, "\n; A short message appears on the first phone.\n[messages]\nexten => sms,1,NoOp(${MESSAGE(from)}: ${MESSAGE(body)})\n same => n,MessageSend(pjsip:%s)\n same => n,Hangup()\n", all[0].Extension)
	}
	return b.String()
}

// outside writes the extension for numbers outside; talk is what to dial, in turn.
func outside(b *strings.Builder, w wish.Wish, talk []string) {
	number := "${EXTEN}"
	if w.Prefix == "" {
		b.WriteString("\n; Every other number is one outside.\n")
	} else {
		number = fmt.Sprintf("${EXTEN:%d}", len(w.Prefix))
		fmt.Fprintf(b, "\n; %s and the number: outside.\n", w.Prefix)
	}
	fmt.Fprintf(b, "exten => _%sX.,1,NoOp(${CALLERID(all)} calls %s)\n", w.Prefix, number)
	if w.Trunk.Number != "" {
		fmt.Fprintf(b, " same => n,Set(CALLERID(num)=%s)\n", w.Trunk.Number)
	}
	first := true
	for _, d := range talk {
		if d == "" {
			continue
		}
		if !first {
			b.WriteString(" same => n,GotoIf($[\"${DIALSTATUS}\" != \"CHANUNAVAIL\"]?missed,1)\n")
		}
		first = false
		fmt.Fprintf(b, " same => n,Dial(%s,90,T)\n", strings.ReplaceAll(d, "%s", number))
	}
	b.WriteString(" same => n,Goto(missed,1)\n")
}

// emergencyKey has the line freed for a call for help.
func emergencyKey(w wish.Wish) string {
	if len(w.Emergency) == 0 {
		return ""
	}
	return "; A call to one of these ends another one that is on the line.\nemergency=" + strings.Join(w.Emergency, ",") + "\n"
}

func zoneKey(w wish.Wish) string {
	if w.Country == "" {
		return ""
	}
	return "tonezone=" + w.Country + "\n"
}

func dahdi(w wish.Wish) (channels, system string) {
	channels = made + "[channels]\n" + zoneKey(w) + `signalling=fxs_ks
context=from-line
group=1
echocancel=yes
usecallerid=yes
cidsignalling=auto
cidstart=auto
callerid=asreceived
busydetect=yes
busycount=4
` + emergencyKey(w) + "channel => " + w.Line.Channels + "\n"
	zone := w.Country
	if zone == "" {
		zone = "us"
	}
	// This file has comments of its own kind.
	system = fmt.Sprintf("# The card in the machine: ports that lead to the telephone company.\nfxsks=%s\nechocanceller=mg2,%[1]s\nloadzone=%s\ndefaultzone=%[2]s\n", w.Line.Channels, zone)
	return channels, system
}

func modem(w wish.Wish) string {
	return made + "; A section is a line; the dialplan calls it Modem/line.\n[line]\ndata=" + w.Line.Device + "\ncontext=from-line\n" + zoneKey(w) + emergencyKey(w) + "echocancel=yes\nbusydetect=yes\nbusycount=4\n"
}

func mobile(w wish.Wish) string {
	return made + "; A section is a line; the dialplan calls it Quectel/mobile.\n[general]\nsmscontext=messages\n\n[mobile]\n; The port that takes commands, and the one that carries speech.\ndata=" +
		w.Line.Device + "\naudio=" + w.Line.Audio + "\ncontext=from-line\ngroup=1\ndtmf=on\n" + emergencyKey(w)
}
