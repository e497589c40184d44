package document

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/mailbox"
)

func view(s channel.DeviceState) View {
	return View{Exten: "600", Entity: "sip:600@h", Watcher: "sip:1002@h", State: s, Token: "t"}
}

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

func TestBody(t *testing.T) {
	for _, c := range []struct {
		kind string
		view View
		want string
	}{
		{PIDF, view(channel.DeviceInUse), `<presence entity="sip:600@h" xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid">
 <note>On the phone</note>
 <tuple id="600">
  <status>
   <basic>open</basic>
  </status>
  <contact priority="1">sip:1002@h</contact>
 </tuple>
 <dm:person>
  <rpid:activities>
   <rpid:on-the-phone />
  </rpid:activities>
 </dm:person>
</presence>
`},
		{PIDF, view(channel.DeviceUnavailable), `<presence entity="sip:600@h" xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid">
 <note>Unavailable</note>
 <tuple id="600">
  <status>
   <basic>closed</basic>
  </status>
  <contact priority="1">sip:1002@h</contact>
 </tuple>
 <dm:person />
</presence>
`},
		{XPIDF, view(channel.DeviceRinging), `<presence>
 <presentity uri="sip:600@h;method=SUBSCRIBE" />
 <atom atomid="t" id="600">
  <address uri="sip:1002@h;user=ip" priority="0.80000">
   <status status="inuse" />
   <msnsubstatus substatus="onthephone" />
  </address>
 </atom>
</presence>
`},
		{Dialogs, view(channel.DeviceNotInUse), `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:600@h">
 <dialog id="600">
  <state>terminated</state>
 </dialog>
</dialog-info>
`},
		{Dialogs, View{Exten: "600", Entity: "sip:600@h", State: channel.DeviceRingInUse, Early: true, Version: 7}, `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="7" state="full" entity="sip:600@h">
 <dialog id="600" direction="recipient">
  <local>
   <identity>sip:600@h</identity>
   <target uri="sip:600@h" />
  </local>
  <state>early</state>
 </dialog>
</dialog-info>
`},
		{Dialogs, view(channel.DeviceOnHold), `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:600@h">
 <dialog id="600">
  <state>confirmed</state>
  <local>
   <target uri="sip:600@h">
    <param pname="+sip.rendering" pvalue="no" />
   </target>
  </local>
 </dialog>
</dialog-info>
`},
	} {
		if got := string(c.view.Body(c.kind)); got != xmlHead+c.want {
			t.Errorf("%s %s:\n%s", c.kind, c.view.State, got)
		}
	}
}

// Seed: S-230. Every state in every form.
func TestStates(t *testing.T) {
	for s, want := range map[channel.DeviceState][4]string{
		channel.DeviceUnknown:     {"Ready", "online", "terminated", "Idle"},
		channel.DeviceNotInUse:    {"Ready", "online", "terminated", "Idle"},
		channel.DeviceInUse:       {"On the phone", "onthephone", "confirmed", "InUse"},
		channel.DeviceBusy:        {"On the phone", "onthephone", "confirmed", "Busy"},
		channel.DeviceInvalid:     {"Unavailable", "offline", "terminated", "Unavailable"},
		channel.DeviceUnavailable: {"Unavailable", "offline", "terminated", "Unavailable"},
		channel.DeviceRinging:     {"Ringing", "onthephone", "early", "Ringing"},
		channel.DeviceRingInUse:   {"Ringing", "onthephone", "confirmed", "InUse&Ringing"},
		channel.DeviceOnHold:      {"On hold", "onthephone", "confirmed", "Hold"},
	} {
		for i, kind := range []string{PIDF, CPIM, Dialogs} {
			if got := string(view(s).Body(kind)); !strings.Contains(got, ">"+want[i]+"<") && !strings.Contains(got, `"`+want[i]+`"`) {
				t.Errorf("%s %s:\n%s", s, kind, got)
			}
		}
		if got := s.ExtensionState(); got != want[3] {
			t.Errorf("%s: %s", s, got)
		}
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		event  string
		accept []string
		want   string // "": none
	}{
		{"presence", nil, PIDF},
		{"presence", []string{""}, PIDF},
		{"presence", []string{XPIDF + ", " + PIDF}, XPIDF},
		{"presence", []string{"text/plain", "Application/PIDF+xml;q=0.5"}, PIDF},
		{"presence", []string{"text/plain"}, ""},
		{"dialog", []string{"application/*"}, Dialogs},
		{"dialog", []string{PIDF}, ""},
		{"message-summary", []string{"*/*"}, mailbox.SummaryType},
	} {
		req := sip.NewRequest(sip.SUBSCRIBE, sip.Uri{Host: "h"})
		for _, a := range c.accept {
			req.AppendHeader(sip.NewHeader("Accept", a))
		}
		if got, ok := Choose(c.event, req); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s %q: %q %v", c.event, c.accept, got, ok)
		}
	}
	if Known("refer") || !Known("dialog") {
		t.Error("packages")
	}
}

// FuzzBody: whatever a phone calls itself or asks for, documents stay well formed.
func FuzzBody(f *testing.F) {
	f.Add("600", "sip:600@h", `sip:"<a&b>'@h`)
	f.Add("\x00\xff]]>", "&amp;", "\u2028\ufffe")
	f.Fuzz(func(t *testing.T, exten, entity, watcher string) {
		for _, kind := range []string{PIDF, XPIDF, Dialogs} {
			for _, s := range []channel.DeviceState{channel.DeviceRinging, channel.DeviceOnHold} {
				body := View{Exten: exten, Entity: entity, Watcher: watcher, State: s, Token: watcher}.Body(kind)
				d := xml.NewDecoder(strings.NewReader(string(body)))
				for {
					if _, err := d.Token(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatalf("%v\n%s", err, body)
					}
				}
			}
		}
	})
}

func FuzzChoose(f *testing.F) {
	f.Add("presence", "application/pidf+xml;q=1, */*")
	f.Fuzz(func(t *testing.T, event, accept string) {
		if !Known(event) {
			return
		}
		req := sip.NewRequest(sip.SUBSCRIBE, sip.Uri{Host: "h"})
		req.AppendHeader(sip.NewHeader("Accept", accept))
		if got, ok := Choose(event, req); ok && got == "" {
			t.Error("nothing chosen")
		}
	})
}
