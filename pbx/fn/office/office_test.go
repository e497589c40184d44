package office_test

import (
	"testing"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/fn/fntest"
)

// The results in these tests were taken from Asterisk 22.10.1 unless a comment
// says otherwise.

func TestStore(t *testing.T) {
	fntest.New(t).Run(t, `
	!DB(fam/key)=val
	!DB(fam/a/b)=val2
	!DB(fam)=x#refused
	${DB(fam/key)}|${DB(fam/nope)}|${DB(fam)}|${DB_EXISTS(fam/key)}|${DB_RESULT}|${DB_EXISTS(fam/no)}|${DB_RESULT}|${DB(fam/a/b)}|${DB_KEYS(fam)}|${DB_KEYS()}|${DB_KEYCOUNT(fam)}|${DB_DELETE(fam/key)}|${DB(fam/key)}|${DB_RESULT}|${DB_DELETE(fam/key)} -> val|||1|val|0|val|val2|a,key|fam|2|val||val|
	`)
}

func TestGroups(t *testing.T) {
	b := fntest.New(t)
	b.Run(t, `
	!GROUP()=g1
	!GROUP(cat)=g2
	${GROUP()}|${GROUP(cat)}|${GROUP_COUNT()}|${GROUP_COUNT(g1)}|${GROUP_COUNT(g2@cat)}|${GROUP_COUNT(@cat)}|${GROUP_LIST()}|${GROUP_MATCH_COUNT(g.)}|${GROUP_MATCH_COUNT(g.@cat)}|${GROUP_COUNT(none)} -> g1|g2|1|1|1|1|g1 g2@cat|2|1|0
	!GROUP()=g3@cat2
	${GROUP()}|${GROUP(cat2)}|${GROUP_LIST()} -> g1|g3|g1 g2@cat g3@cat2
	`)
	first := b.Channel
	other := channel.New(fntest.NewLeg("PJSIP/gone-00000009"), channel.NewMailbox())
	b.Channel = other
	b.Run(t, "!GROUP()=g1\n${GROUP_COUNT(g1)} -> 1\n") // the other channel is on no list: it has ended
	b.Channel = first
	b.Run(t, "${GROUP_COUNT(g1)} -> 1\n!GROUP()=\n${GROUP_COUNT(g1)}|${GROUP()} -> 0|\n")
}

func TestPlanAndDevices(t *testing.T) {
	b := fntest.New(t)
	b.Run(t, `
	${DIALPLAN_EXISTS(other)}|${DIALPLAN_EXISTS(other,55)}|${DIALPLAN_EXISTS(other,55,2)}|${DIALPLAN_EXISTS(other,55,lab)}|${DIALPLAN_EXISTS(other,55,9)}|${DIALPLAN_EXISTS(nope)}|${DIALPLAN_EXISTS(other,612)}|${DIALPLAN_EXISTS(other,99)}|${DIALPLAN_EXISTS()} -> 1|1|1|1|0|0|1|0|
	${VALID_EXTEN(other,55)}|${VALID_EXTEN(other,99)}|${VALID_EXTEN(other,55,2)}|${VALID_EXTEN(,s)}|${VALID_EXTEN()} -> 1|0|1|1|
	${EXTENSION_STATE(55@other)}|${EXTENSION_STATE(99@other)}|${HINT(55@other)}|${HINT(9@other)}|${HINT()}|${HINT(56@other,n)}|${HINT(72@other)}|${DEVICE_STATE(PJSIP/1001)}|${DEVICE_STATE()}|${DEVICE_STATE(Nope/x)} -> NOT_INUSE|UNKNOWN|PJSIP/1001|||Desk|Custom:72|NOT_INUSE|INVALID|INVALID
	!DEVICE_STATE(Custom:72)=INUSE
	!DEVICE_STATE(Custom:u)=bogus#refused
	!DEVICE_STATE(PJSIP/1001)=INUSE#refused
	${DEVICE_STATE(Custom:72)}|${DEVICE_STATE(Custom:u)}|${EXTENSION_STATE(72@other)}|${EXTENSION_STATE(73@other)} -> INUSE|UNKNOWN|INUSE|NOT_INUSE
	${EXCEPTION(reason)} -> 
	!PRESENCE_STATE(CustomPresence:a)=away,On holiday,gone
	${PRESENCE_STATE(CustomPresence:a,value)}|${PRESENCE_STATE(CustomPresence:a,subtype)}|${PRESENCE_STATE(CustomPresence:a,message,e)}|${PRESENCE_STATE(CustomPresence:zz,value)}|${PRESENCE_STATE(PJSIP/1001,value)} -> away|On holiday|Z29uZQ==|not_set|not_set
	!PRESENCE_STATE(PJSIP/1001)=away#refused
	!PRESENCE_STATE(CustomPresence:a)=bogus#refused
	`)
	live.SetException(b.Channel, "INVALID", "ev", "i", 2)
	b.Run(t, "${EXCEPTION(reason)}|${EXCEPTION(context)}|${EXCEPTION(exten)}|${EXCEPTION(priority)}|${EXCEPTION(x)} -> INVALID|ev|i|2|")
}

func TestEndpoints(t *testing.T) {
	fntest.New(t).Run(t, `
	${PJSIP_ENDPOINT(1001,allow)}|${PJSIP_ENDPOINT(1001,context)}|${PJSIP_ENDPOINT(nope,allow)}|${PJSIP_ENDPOINT(1001,bogus)}|${PJSIP_AOR(1001,max_contacts)}|${PJSIP_ENDPOINT(1001,aors)} -> (ulaw)|t|||2|1001
	${PJSIP_AOR(1001,contact)}|${PJSIP_CONTACT(1001;@0f3a,uri)}|${PJSIP_CONTACT(1001;@0f3a,status)}|${PJSIP_CONTACT(1001;@0f3a,rtt)}|${PJSIP_CONTACT(1001;@0f3a,expiration_time)}|${PJSIP_CONTACT(nope,uri)} -> 1001;@0f3a|sip:1001@192.0.2.1:5099|NonQualified|N/A|0|
	${PJSIP_DIAL_CONTACTS(1001)}|${PJSIP_DIAL_CONTACTS(nope)}|${PJSIP_DIAL_CONTACTS(1001,1001)}|${PJSIP_DIAL_CONTACTS(1001,,u)}|${PJSIP_DIAL_CONTACTS(1001,x)} -> PJSIP/1001/sip:1001@192.0.2.1:5099||PJSIP/1001/sip:1001@192.0.2.1:5099|PJSIP/u@1001/sip:1001@192.0.2.1:5099|
	`)
}
