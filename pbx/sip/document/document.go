// Package document writes what a NOTIFY says of an extension: presence
// documents (RFC 3863, and the older form that some phones ask for) and dialog
// information (RFC 4235); and it chooses the type of body that a phone accepts. It is
// text without input or output, in the shape Asterisk 22 gives it.
package document

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/mailbox"
)

// Types of body.
const (
	PIDF    = "application/pidf+xml"
	XPIDF   = "application/xpidf+xml"
	CPIM    = "application/cpim-pidf+xml" // XPIDF by another name
	Dialogs = "application/dialog-info+xml"
)

// packages are the event packages there are, and the types of their bodies, the usual
// one first.
var packages = map[string][]string{
	"presence": {PIDF, XPIDF, CPIM}, "dialog": {Dialogs}, "message-summary": {mailbox.SummaryType},
}

// AllowEvents lists the event packages, for the header of that name.
const AllowEvents = "message-summary, presence, dialog, refer"

// Known reports whether there is an event package of that name. Names have case (RFC
// 6665 8.4).
func Known(event string) bool { return packages[event] != nil }

// Choose finds the type of body to send: the first that a request accepts, the usual
// one if it does not say; false if it accepts none that we have.
func Choose(event string, req *sip.Request) (string, bool) {
	ours := packages[event]
	hs := req.GetHeaders("Accept")
	if len(hs) == 0 {
		return ours[0], true
	}
	empty := true
	for _, h := range hs {
		for one := range strings.SplitSeq(h.Value(), ",") {
			one, _, _ = strings.Cut(one, ";")
			one = strings.TrimSpace(one)
			if one == "" {
				continue
			}
			empty = false
			main, sub, _ := strings.Cut(one, "/")
			if sub == "*" && (main == "*" || strings.EqualFold(main, "application")) {
				return ours[0], true
			}
			for _, t := range ours {
				if strings.EqualFold(t, one) {
					return t, true
				}
			}
		}
	}
	return ours[0], empty
}

// A View is what is told of an extension.
type View struct {
	Exten   string
	Entity  string // the URI that is watched
	Watcher string // the URI of who watches
	State   channel.DeviceState
	Early   bool   // what rings beside a call is shown as ringing
	Version uint32 // of the document, from 0
	Token   string // unique text
}

// Body writes a view in the form of one type.
func (v View) Body(contentType string) []byte {
	switch contentType {
	case XPIDF, CPIM:
		return v.xpidf()
	case Dialogs:
		return v.dialogs()
	}
	return v.pidf()
}

const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// note is the state for people, and whether the extension can be called and is on the
// phone.
func (v View) note() (text string, open, busy bool) {
	switch v.State {
	case channel.DeviceInUse, channel.DeviceBusy:
		return "On the phone", true, true
	case channel.DeviceRinging, channel.DeviceRingInUse:
		return "Ringing", true, true
	case channel.DeviceOnHold:
		return "On hold", true, true
	case channel.DeviceUnavailable, channel.DeviceInvalid:
		return "Unavailable", false, false
	}
	return "Ready", true, false
}

func (v View) pidf() []byte {
	note, open, busy := v.note()
	basic, person := "closed", " <dm:person />\n"
	if open {
		basic = "open"
	}
	if busy {
		person = " <dm:person>\n  <rpid:activities>\n   <rpid:on-the-phone />\n  </rpid:activities>\n </dm:person>\n"
	}
	return []byte(head + `<presence entity="` + escape(v.Entity) + `" xmlns="urn:ietf:params:xml:ns:pidf"` +
		` xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid">` + "\n" +
		" <note>" + note + "</note>\n <tuple id=\"" + escape(v.Exten) + "\">\n  <status>\n   <basic>" + basic + "</basic>\n  </status>\n" +
		`  <contact priority="1">` + escape(v.Watcher) + "</contact>\n </tuple>\n" + person + "</presence>\n")
}

func (v View) xpidf() []byte {
	_, open, busy := v.note()
	status, sub := "open", "online"
	switch {
	case busy:
		status, sub = "inuse", "onthephone"
	case !open:
		status, sub = "closed", "offline"
	}
	return []byte(head + "<presence>\n" + ` <presentity uri="` + escape(v.Entity) + `;method=SUBSCRIBE" />` + "\n" +
		` <atom atomid="` + escape(v.Token) + `" id="` + escape(v.Exten) + `">` + "\n" +
		`  <address uri="` + escape(v.Watcher) + `;user=ip" priority="0.80000">` + "\n" +
		`   <status status="` + status + `" />` + "\n" + `   <msnsubstatus substatus="` + sub + `" />` + "\n" +
		"  </address>\n </atom>\n</presence>\n")
}

func (v View) dialogs() []byte {
	entity := escape(v.Entity)
	open, state := ">\n", "confirmed"
	before, after := "", ""
	switch {
	case v.State == channel.DeviceRinging, v.State == channel.DeviceRingInUse && v.Early:
		open, state = ` direction="recipient">`+"\n", "early"
		before = "  <local>\n   <identity>" + entity + "</identity>\n   <target uri=\"" + entity + "\" />\n  </local>\n"
	case v.State == channel.DeviceInUse, v.State == channel.DeviceBusy, v.State == channel.DeviceRingInUse:
	case v.State == channel.DeviceOnHold: // RFC 4235 4.1.6.2
		after = "  <local>\n   <target uri=\"" + entity + "\">\n    <param pname=\"+sip.rendering\" pvalue=\"no\" />\n   </target>\n  </local>\n"
	default:
		state = "terminated"
	}
	return []byte(head + `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="` + strconv.FormatUint(uint64(v.Version), 10) +
		`" state="full" entity="` + entity + `">` + "\n" + ` <dialog id="` + escape(v.Exten) + `"` + open + before +
		"  <state>" + state + "</state>\n" + after + " </dialog>\n</dialog-info>\n")
}

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")

// escape writes text into XML. What no document may hold is left out.
func escape(s string) string {
	return entities.Replace(strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, s), ""))
}
