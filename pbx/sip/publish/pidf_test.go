package publish

import (
	"strings"
	"testing"

	"branchline/pbx/channel"
	"branchline/pbx/presence"
)

// rich is a document as telephones send it (RFC 3863 4.3, RFC 4480 5).
const rich = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
  xmlns:rpid='urn:ietf:params:xml:ns:pidf:rpid' entity="sip:1001@example.com">
 <tuple id="a>b"><status><basic>open</basic></status><note>At &lt;my&gt; desk &#38; here</note></tuple>
 <!-- <basic>closed</basic> -->
 <dm:person id="p"><rpid:activities><rpid:note>far</rpid:note><rpid:away/><rpid:on-the-phone /></rpid:activities><dm:note>second</dm:note></dm:person>
</presence>
`

func TestRead(t *testing.T) {
	wrap := func(s string) string { return "<presence>" + s + "</presence>" }
	status := func(s string) string { return "<tuple id='t'><status><basic>" + s + "</basic></status></tuple>" }
	act := func(s string) string { return "<person><activities>" + s + "</activities></person>" }
	for _, c := range []struct {
		name, doc string
		state     presence.State
		device    channel.DeviceState
	}{
		{"rich", rich, presence.State{Value: "dnd", Subtype: "on-the-phone", Message: "At <my> desk & here"}, channel.DeviceInUse},
		{"open", wrap(status("open")), presence.State{Value: "available"}, channel.DeviceNotInUse},
		{"closed", wrap(status(" Closed ")), presence.State{Value: "unavailable"}, channel.DeviceUnavailable},
		{"one of two open", wrap(status("closed") + status("open") + status("closed")), presence.State{Value: "available"}, channel.DeviceNotInUse},
		{"busy", wrap(status("open") + act("<r:busy/>")), presence.State{Value: "dnd", Subtype: "busy"}, channel.DeviceBusy},
		{"closed for disturbers", wrap(status("closed") + act("<do-not-disturb></do-not-disturb>")), presence.State{Value: "dnd", Subtype: "do-not-disturb"}, channel.DeviceBusy},
		{"away", wrap(status("open") + act("<away/>")), presence.State{Value: "away", Subtype: "away"}, channel.DeviceNotInUse},
		{"vacation", wrap(act("<vacation/>")), presence.State{Value: "xa", Subtype: "vacation"}, channel.DeviceNotInUse},
		{"nothing", "<presence/>", presence.State{Value: "available"}, channel.DeviceNotInUse},
		{"notes", wrap("<note>a</note><note>b</note>"), presence.State{Value: "available", Message: "a"}, channel.DeviceNotInUse},
		{"verbatim", wrap("<note><![CDATA[<b>&amp;]]></note>"), presence.State{Value: "available", Message: "<b>&amp;"}, channel.DeviceNotInUse},
		{"not for consoles", wrap("<note>a\x1b[31mb\u202e&#7;&#xD800;&nosuch;</note>"), presence.State{Value: "available", Message: "a[31mb&#xD800;&nosuch;"}, channel.DeviceNotInUse},
	} {
		d, err := read([]byte(c.doc))
		if err != nil || d.presence() != c.state || d.device() != c.device {
			t.Errorf("%s: %+v, %v, %v, want %+v, %v", c.name, d.presence(), d.device(), err, c.state, c.device)
		}
	}
	for _, doc := range []string{
		"", "x", "<presence>", "</presence>", "<presence></x>", "<presence/><presence/>", "<presence/>x", "<a/>", "<presence", "<presence a='>", "<presence><!-- ",
		`<!DOCTYPE presence [<!ENTITY a "b">]><presence/>`, "<presence><basic</presence>", "<//>", "<>", "<presence></presence/>",
		strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40), wrap(strings.Repeat("x", maxDocument)),
	} {
		if d, err := read([]byte(doc)); err == nil {
			t.Errorf("%.40q is read as %+v", doc, d)
		}
	}
	d, err := read([]byte(wrap(act(strings.Repeat("<other/>", 1000)) + "<note>" + strings.Repeat("ä", 1000) + "</note>")))
	if err != nil || len(d.activities) != maxActivities || len([]rune(d.note)) != maxNote {
		t.Errorf("%d activities, note of %d, %v", len(d.activities), len([]rune(d.note)), err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(rich))
	f.Add([]byte("<presence><note><![CDATA[x]]>&#65;</note><a b='>'/></presence>"))
	f.Add([]byte("<p:presence><person><activities><busy/></activities></person></p:presence>"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		d, err := read(doc)
		if err != nil {
			return
		}
		if len(d.activities) > maxActivities || len([]rune(d.note)) > maxNote || strings.ContainsAny(d.note, "\x00\x1b\r\n") {
			t.Fatalf("%+v", d)
		}
		d.presence()
		d.device()
	})
}
