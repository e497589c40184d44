//go:build e2e && interop

package e2e

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/appliance/e2e/layout"
	"branchline/appliance/e2e/phone"
	"branchline/appliance/e2e/switchboard"
)

// A command is compared between the product and a real Asterisk: see package layout.
type command struct {
	line       string
	kind       layout.Kind
	head, tail int
}

// rows makes commands whose rows may be other ones.
func rows(head, tail int, lines ...string) []command {
	var out []command
	for _, l := range lines {
		out = append(out, command{l, layout.Rows, head, tail})
	}
	return out
}

// lines makes commands whose lines are compared one by one.
func lines(all ...string) []command {
	var out []command
	for _, l := range all {
		out = append(out, command{line: l})
	}
	return out
}

const layoutPJSIP = `[transport-udp]
type=transport
protocol=udp
bind=192.168.50.52

[transport-tcp]
type=transport
protocol=tcp
bind=192.168.50.52

[phone](!)
type=endpoint
context=default
disallow=all
allow=ulaw

[1001](phone)
outbound_auth=1001_auth
aors=1001
transport=transport-udp

[1001_auth]
type=auth
username=1001
password=correct-horse

[1001]
type=aor
max_contacts=1
remove_existing=yes

[1002](phone)
aors=1002
transport=transport-tcp
callerid="Desk Two" <1002>

[1002]
type=aor
max_contacts=2

[1009](phone)
aors=1009

[1009]
type=aor
max_contacts=1
qualify_frequency=60

[SIP1](phone)
aors=SIP1

[SIP1]
type=identify
endpoint=SIP1
match=192.168.50.9, 192.168.51.0/24

[SIP1]
type=aor
contact=sip:192.168.50.9
qualify_frequency=60

[up]
type=registration
server_uri=sip:192.168.50.9
client_uri=sip:3001@192.168.50.9
outbound_auth=1001_auth

[office]
type=acl
deny=0.0.0.0/0
permit=192.168.50.0/24
`

const layoutExtensions = `[general]
static=yes
[globals]
DEST_IP=192.168.50.9
[default]
exten => _1XXX,1,Dial(PJSIP/${EXTEN},20,tT)
exten => _1XXX,n(end),Hangup()
exten => 600,1,Answer()
 same => n,Wait(60)
exten => 1001,hint,PJSIP/1001
include => other
ignorepat => 9
[other]
exten => 7,1,NoOp(x)
`

// quietLayouts are compared while nobody talks.
var quietLayouts = slicesOf(
	lines("pjsip list endpoints", "pjsip show endpoints", "pjsip show endpoints like 1001", "pjsip show aors", "pjsip list aors", "pjsip show aor 1001",
		"pjsip show auths", "pjsip list auths", "pjsip show auth 1001_auth", "pjsip show contacts", "pjsip list contacts",
		"pjsip show identifies", "pjsip list identifies", "pjsip show identify SIP1", "pjsip show transports", "pjsip list transports",
		"pjsip show transport transport-tcp", "pjsip show endpoint 1002", "pjsip show registration up", "pjsip show settings",
		"pjsip show qualify aor 1009", "pjsip show qualify endpoint 1009", "pjsip show subscriptions inbound", "pjsip show subscriptions outbound like x",
		"pjsip list subscriptions inbound", "pjsip show history", "pjsip show channels", "pjsip show channelstats", "pjsip list channels",
		"pjsip show endpoint nope", "pjsip show aor nope", "pjsip show auth nope", "pjsip show contact nope", "pjsip show transport nope",
		"pjsip show identify nope", "pjsip show registration nope", "pjsip qualify nope", "pjsip qualify SIP1", "pjsip show qualify aor nope",
		"pjsip reload qualify aor 1009", "pjsip reload qualify aor nope", "pjsip reload qualify endpoint 1009", "pjsip set history on",
		"pjsip set history off", "pjsip set history clear", "pjsip show history entry 99", "pjsip set logger on", "pjsip set logger off", "pjsip set logger host 192.0.2.1",
		"pjsip set history", "pjsip show identifiers", "pjsip show unidentified_requests",
		"core show channels", "core show channels verbose", "core show channels concise", "core show channels count", "core show calls",
		"core show uptime seconds", "core show channel nope", "core show hints", "core show hint 1001", "core set verbose 3", "core set debug 0",
		"bridge show all", "bridge show nope", "cdr show active", "cdr set debug on", "cdr set debug off", "cdr submit", "local show channels", "group show channels",
		"features show", "rtp show settings", "rtp set debug on", "rtp set debug off", "rtp set debug ip 192.0.2.1", "rtcp set debug on", "rtcp set debug off",
		"rtcp set stats on", "rtcp set stats off", "database put fam key value", "database get fam key", "database show fam", "database showkey key",
		"database del fam key", "database del fam key", "database get fam key", "database deltree fam", "dialplan show default", "dialplan show 1001@default",
		"dialplan show nope", "dialplan show 5555@default", "devstate change Custom:x BUSY", "devstate list", "devstate change PJSIP/1 BUSY",
		"logger set level DEBUG on", "channel request hangup nope", "module show like chan_pjsip.so", "say load", "foo bar", "core show", "core sh chan", "pjsip"),
	rows(3, 0, "acl show"), rows(2, 1, "core show channeltypes", "core show file formats"), rows(2, 0, "logger show levels", "indication show"),
	rows(4, 0, "logger show channels"), rows(1, 0, "core show codecs", "bridge technology show"), rows(1, 1, "module show"),
	rows(4, 0, "pjsip show scheduled_tasks"), rows(1, 1, "core show applications"),
	rows(0, 0, "config list", "core show help pjsip", "core show help core show", "core show help dialplan", "core show help rtp", "cli show aliases", "pjsip show registrations"),
)

// busyLayouts are compared during a call from 1001 to 1002.
var busyLayouts = lines("core show channels", "core show channels verbose", "core show channels count", "core show calls", "bridge show all",
	"pjsip show channels", "pjsip list channels", "pjsip show channelstats", "pjsip show endpoints", "pjsip list endpoints", "cdr show active")

func slicesOf(all ...[]command) (out []command) {
	for _, a := range all {
		out = append(out, a...)
	}
	return out
}

// deviations are the lines that differ on purpose, each with its reason.
var deviations = map[string]string{
	"pjsip show identifiers":         "we list only the ways that identify, without Asterisk's unnamed one",
	"pjsip show endpoint 1002":       "options of later versions, or of parts that we lack",
	"pjsip set history":              "the hint after an unknown command has two words more than are known",
	"core show":                      "as above",
	"core sh chan":                   "as above",
	"pjsip":                          "as above",
	"module show like chan_pjsip.so": "our description is our own",
	"core show codecs":               "the descriptions are our own",
	"features show":                  "the features that we lack have no code",
	"sip show channels":              "Asterisk keeps the dialog of a REGISTER for a while",
	"sip show history nope":          "ours fails, as there is nothing of that name",
	"sip prune realtime":             "one line says that there is no realtime",
}

// legacyLayouts are compared with Asterisk 16, the last that has them.
var legacyLayouts = slicesOf(
	lines("sip show peers", "sip show peers like 1001", "sip show users", "sip show peer 1001", "sip show peer nope", "sip show user 1001", "sip show user nope",
		"sip show registry", "sip show channels", "sip show subscriptions", "sip show channelstats", "sip show inuse", "sip show inuse all", "sip show domains",
		"sip show mwi", "sip show tcp", "sip show channel nope", "sip show history nope", "sip set debug on", "sip set debug off", "sip set debug ip 192.0.2.1",
		"sip set history on", "sip set history off", "sip qualify peer nope", "sip unregister nope", "sip unregister 1002", "sip prune realtime"),
	rows(0, 0, "sip show settings", "sip show objects", "sip show sched", "core show help sip"),
)

const layoutSIP = `[general]
context=default
udpbindaddr=0.0.0.0
tcpenable=yes
tcpbindaddr=0.0.0.0
transport=udp,tcp
allow=all
register => 3001:correct-horse@192.168.50.9

[1001]
type=friend
host=dynamic
secret=1234567890

[1002]
type=friend
host=dynamic
secret=1234567890
description=Desk Two

[trunk]
type=peer
host=192.168.50.9
`

// TestLegacyLayout runs the product and Asterisk 16 with the same sip.conf.
func TestLegacyLayout(t *testing.T) {
	both := [2][]string{}
	for i, name := range []string{"branchline", "ast16"} {
		r := newRig(t)
		e := r.exchange(kind(t, name), server1, fstest.MapFS{"sip.conf": {Data: []byte(layoutSIP)}, "extensions.conf": {Data: []byte(layoutExtensions)}})
		r.run(&phone.SIPp{Scenario: "register", Host: r.host(device1001), Server: addr(server1), User: "1001", Password: seedPassword})
		both[i] = printed(r.ctx, e, legacyLayouts)
	}
	compare(t, legacyLayouts, both[0], both[1])
}

// printed runs the commands and keeps what they print.
func printed(ctx context.Context, e *switchboard.Exchange, commands []command) []string {
	var out []string
	for _, c := range commands {
		text, err := e.RX(ctx, c.line)
		if err != nil {
			text = "(" + err.Error() + ")\n"
		}
		// Asterisk without a network card says so before everything else.
		text = strings.TrimPrefix(text, "No ethernet interface found for seeding global EID. You will have to set it manually.\n")
		out = append(out, text)
	}
	return out
}

// layoutsOf runs one exchange through all commands, with phones registered.
func layoutsOf(t *testing.T, k switchboard.Kind) (quiet, busy []string) {
	r := newRig(t)
	e := r.exchange(k, server3, fstest.MapFS{"pjsip.conf": {Data: []byte(layoutPJSIP)}, "extensions.conf": {Data: []byte(layoutExtensions)}})
	r.register(server3, device1001, "1001", false, 200)
	r.register(server3, device1002, "1002", true, 200)
	quiet = printed(r.ctx, e, quietLayouts)
	callee := r.answering(&phone.SIPp{Host: r.host(device1002), Server: addr(server3), User: "1002", TCP: true, Talk: 30 * time.Second})
	r.start(&phone.SIPp{Scenario: "call", Host: r.host(device1001), Server: addr(server3), User: "1001", Dial: "1002", Talk: 30 * time.Second})
	r.eventually(10*time.Second, "the call is up", func() bool {
		out, err := e.RX(r.ctx, "bridge show all")
		return err == nil && strings.Contains(out, "simple_bridge")
	})
	busy = printed(r.ctx, e, busyLayouts)
	if callee.Ended() {
		t.Error("the call ended too early")
	}
	return quiet, busy
}

// TestLayout runs the product and Asterisk 22 with the same files and phones.
func TestLayout(t *testing.T) {
	ours, oursBusy := layoutsOf(t, kind(t, "branchline"))
	theirs, theirsBusy := layoutsOf(t, kind(t, "ast22"))
	compare(t, quietLayouts, ours, theirs)
	compare(t, busyLayouts, oursBusy, theirsBusy)
}

func compare(t *testing.T, commands []command, ours, theirs []string) {
	for i, c := range commands {
		t.Run(c.line, func(t *testing.T) {
			found := layout.Compare(ours[i], theirs[i], c.kind, c.head, c.tail)
			why, expected := deviations[c.line]
			switch {
			case len(found) > 0 && expected:
				t.Logf("differs on purpose (%s):\n%s", why, strings.Join(found, "\n"))
			case len(found) > 0:
				t.Error(strings.Join(found, "\n"))
			}
		})
	}
}
