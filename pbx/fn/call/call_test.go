package call_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/fn/call"
	"branchline/pbx/fn/fntest"
)

// The results in these tests were taken from Asterisk 22.10.1 unless a comment
// says otherwise.

func TestCaller(t *testing.T) {
	b := fntest.New(t)
	b.Run(t, `
	${CALLERID(num)}|${CALLERID(name)}|${CALLERID(all)}|${CALLERID(pres)}|${CALLERID(num-pres)}|${CALLERID(ani)}|${CALLERID(ton)}|${CALLERID(num-valid)}|${CALLERID(foo)}|${CALLERID()} -> ||"" <>|unavailable|allowed_not_screened||0|0||
	!CALLERID(all)="Bob Smith" <201>
	${CALLERID(num)}|${CALLERID(name)}|${CALLERID(all)}|${CALLERID(pres)}|${CALLERID(ani)}|${CALLINGPRES}|${CALLERID(ani-all)} -> 201|Bob Smith|"Bob Smith" <201>|allowed_not_screened||0|"" <>
	!CALLERID(all)=Bob <202>
	${CALLERID(all)} -> "Bob" <202>
	!CALLERID(all)=203
	${CALLERID(all)} -> "" <203>
	!CALLERID(all)=Just Name
	${CALLERID(all)} -> "Just Name" <>
	!CALLERID(all)=<204>
	${CALLERID(all)} -> "" <204>
	!CALLERID(all)="X <205>" <206>
	${CALLERID(all)} -> "X <205>" <206>
	!CALLERID(all)=
	${CALLERID(all)} -> "" <>
	!CALLERID(num)=+1 (555) 12-34
	!CALLERID(name)=Joe "x" Y
	${CALLERID(num)}|${CALLERID(all)}|${CALLERID(num-valid)} -> +1 (555) 12-34|"Joe "x" Y" <+1 (555) 12-34>|1
	!CALLERID(pres)=prohib
	${CALLERID(pres)}|${CALLERID(num-pres)}|${CALLINGPRES} -> prohib|prohib|35
	!CALLERID(num-pres)=1
	${CALLERID(num-pres)}|${CALLINGPRES} -> allowed_passed_screen|1
	!CALLERID(pres)=bogus#refused
	!CALLERID(foo)=x#refused
	!CALLERID(ani)=77
	!CALLERID(dnid)=88
	!CALLERID(rdnis)=99
	!CALLERID(tag)=tg
	${CALLERID(ani)}|${CALLERID(dnid)}|${CALLERID(rdnis)}|${CALLERID(tag)}|${REDIRECTING(from-num)} -> 77|88|99|tg|99
	!CONNECTEDLINE(num,i)=5
	!CONNECTEDLINE(name)=Five
	${CONNECTEDLINE(num)}|${CONNECTEDLINE(name)}|${CONNECTEDLINE(all)}|${CONNECTEDLINE(pres)} -> 5|Five|"Five" <5>|allowed_not_screened
	!REDIRECTING(from-num)=6
	!REDIRECTING(reason)=cfb
	!REDIRECTING(count)=2
	${REDIRECTING(from-num)}|${REDIRECTING(reason)}|${REDIRECTING(count)}|${REDIRECTING(to-num)}|${REDIRECTING(from-name)}|${REDIRECTING(orig-num)} -> 6|cfb|2|||
	!REDIRECTING(reason)=unconditional
	${REDIRECTING(reason)} -> cfu
	!REDIRECTING(reason)=weird
	${REDIRECTING(reason)} -> weird
	!REDIRECTING(count)=x#refused
	${BLACKLIST()} -> 0
	!DB(blacklist/+1 (555) 12-34)=1
	${BLACKLIST()} -> 1
	`)
	if len(b.Leg.Told) != 1 || b.Leg.Told[0].Name != "Five" {
		t.Errorf("the party was told %v", b.Leg.Told)
	}
}

func TestChannelItems(t *testing.T) {
	b := fntest.New(t)
	b.Channel.Hearing = true
	b.Run(t, `
	${CHANNEL(name)}|${CHANNEL(state)}|${CHANNEL(channeltype)}|${CHANNEL(language)}|${CHANNEL(musicclass)}|${CHANNEL(amaflags)}|${CHANNEL(exten)}|${CHANNEL(context)}|${CHANNEL(uniqueid)}|${CHANNEL(linkedid)}|${CHANNEL(pjsip,call-id)}|${CHANNEL(bogus)}|${CHANNEL} -> PJSIP/1001-00000001|Ring|PJSIP|en||3|s|ev|17.112|17.112|abc@host||PJSIP/1001-00000001
	!CHANNEL(language)=de
	!CHANNEL(musicclass)=jazz
	!CHANNEL(tonezone)=de
	!CHANNEL(accountcode)=acc
	!CHANNEL(userfield)=uf
	!CHANNEL(callgroup)=1,3-5
	!CHANNEL(callgroup)=64#refused
	!CHANNEL(bogus)=1#refused
	!CHANNEL(name)=1#refused
	!CHANNEL(max_forwards)=9
	${CHANNEL(language)}|${CHANNEL(musicclass)}|${CHANNEL(tonezone)}|${CHANNEL(accountcode)}|${CDR(accountcode)}|${CHANNEL(userfield)}|${CHANNEL(callgroup)}|${CHANNEL(max_forwards)} -> de|jazz|de|acc|acc|uf||9
	!CHANNEL(callgroup)=1,3-5
	${CHANNEL(callgroup)} -> 1, 3, 4, 5
	${TIMEOUT(digit)}|${TIMEOUT(response)}|${TIMEOUT(absolute)}|${TIMEOUT(foo)} -> 5.000|10.000|0|
	!TIMEOUT(digit)=3
	!TIMEOUT(response)=2.5
	!TIMEOUT(absolute)=60
	${TIMEOUT(digit)}|${TIMEOUT(response)}|$[${TIMEOUT(absolute)} > 59] -> 3.000|2.500|1
	!TIMEOUT(digit)=abc
	!TIMEOUT(absolute)=0
	${TIMEOUT(digit)}|${TIMEOUT(absolute)} -> 0.000|0
	!TIMEOUT(foo)=1#refused
	${CHANNELS()}|${CHANNELS(1002)}|${CHANNELS(nope)}|${CHANNEL_EXISTS(${CHANNEL})}|${CHANNEL_EXISTS(x)} -> PJSIP/1001-00000001 PJSIP/1002-00000002|PJSIP/1002-00000002||1|0
	!MASTER_CHANNEL(mv)=1
	${MASTER_CHANNEL(mv)}|${mv} -> 1|1
	${VERSION()}|${VERSION(ASTERISK_VERSION_NUM)}|${VERSION(BUILD_USER)}|${ENV(HOME)}|${ENV(PATH)} -> 0.1.0|220000||/root|
	!CHANNEL(hangup_handler_push)=ev,s,1
	!CHANNEL(hangup_handler_push)=ev,s,2
	`)
	if got := strings.Join(call.HangupRoutines(b.Channel), " "); got != "ev,s,2 ev,s,1" {
		t.Errorf("hang-up routines %q", got)
	}
	b.Run(t, "!CHANNEL(hangup_handler_pop)=\n!CHANNEL(hangup_handler_push)=x\n!CHANNEL(hangup_handler_wipe)=y\n")
	if got := strings.Join(call.HangupRoutines(b.Channel), " "); got != "y" {
		t.Errorf("hang-up routines %q", got)
	}
	b.Channel.NoteLegEnd(channel.LegEnd{Name: "PJSIP/2-1", Cause: channel.UserBusy, Detail: "SIP 486 Busy Here"})
	b.Run(t, `${HANGUPCAUSE_KEYS()}|${HANGUPCAUSE(PJSIP/2-1,tech)}|${HANGUPCAUSE(PJSIP/2-1,ast)}|${HANGUPCAUSE(x,tech)} -> PJSIP/2-1|SIP 486 Busy Here|User busy|`)
}

func TestRecord(t *testing.T) {
	b := fntest.New(t)
	b.Channel.Caller = channel.Party{Number: "201", Name: "Bob"}
	b.Channel.Created = time.Now().Add(-90 * time.Second)
	b.Run(t, `
	${CDR(src)}|${CDR(dst)}|${CDR(dcontext)}|${CDR(clid)}|${CDR(channel)}|${CDR(disposition)}|${CDR(duration)}|${CDR(billsec)}|${CDR(amaflags)}|${CDR(uniqueid)}|${CDR(answer)}|${CDR(end)}|${CDR(disposition,u)}|${CDR(foo)}|${CDR(amaflags,u)} -> 201|s|ev|"Bob" <201>|PJSIP/1001-00000001|NO ANSWER|90|0|DOCUMENTATION|17.112|||1||3
	!CDR(foo)=bar
	!CDR(src)=bar#refused
	!CDR(userfield)=baz
	${CDR(foo)}|${CDR(userfield)}|${CHANNEL(userfield)}|${CDR(duration,f):0:3} -> bar|baz||90.
	`)
	b.Channel.AnsweredAt = time.Now().Add(-10 * time.Second)
	b.Run(t, "${CDR(disposition)}|${CDR(billsec)}|${LEN(${CDR(start)})} -> ANSWERED|10|19")
}

func TestSubroutineVariables(t *testing.T) {
	b := fntest.New(t)
	b.Run(t, "${LOCAL(x)}|${STACK_PEEK(1,e)} -> |\n!LOCAL(x)=5#refused\n!UP=outer\n")
	b.Channel.PushFrame("ev", "s", 178, []string{"a1", `"q,2"`, "a3"})
	b.Run(t, `
	${ARG1}|${ARG2}|${ARG3}|${ARG4}|${ARGC}|${LOCAL(ARG1)}|${STACK_PEEK(1,c)}|${STACK_PEEK(1,e)}|${STACK_PEEK(1,p)}|${STACK_PEEK(1,l)} -> a1|"q,2"|a3||3|a1|ev|s|177|ev,s,177
	!LOCAL(x)=9
	${x}|${LOCAL(x)}|${LOCAL_PEEK(0,x)}|${LOCAL_PEEK(1,x)}|${LOCAL(UP)}|${UP} -> 9|9|9|||outer
	`)
	b.Channel.PushFrame("sub", "s", 5, []string{"b"})
	b.Run(t, "${ARG1}|${ARG2}|${ARGC}|${x}|${LOCAL(x)}|${LOCAL_PEEK(1,x)}|${LOCAL_PEEK(1,ARG1)} -> b||1|9|||a1")
	b.Channel.PopFrame()
	b.Run(t, `${ARG1}|${ARG2} -> a1|"q,2"`)
	b.Channel.PopFrame()
	b.Run(t, `${ARG1}|${ARGC}|${x} -> ||`)
}

func TestHeaders(t *testing.T) {
	b := fntest.New(t)
	b.Leg.Headers = []channel.Header{{Name: "X-A", Value: "1"}, {Name: "X-A", Value: "2"}, {Name: "From", Value: "<sip:a@b>"}}
	b.Run(t, `
	${PJSIP_HEADER(read,X-A)}|${PJSIP_HEADER(read,x-a,2)}|${PJSIP_HEADER(read,X-A,3)}|${PJSIP_HEADER(add,X-A)}|${SIP_HEADER(From)}|${PJSIP_HEADERS(X-)} -> 1|2|||<sip:a@b>|X-A,X-A
	!PJSIP_HEADER(add,X-B)=v
	!PJSIP_HEADER(update,X-C)=w
	!PJSIP_HEADER(bad,X-C)=w#refused
	!PJSIP_HEADER(add,X C)=w#refused
	${PJSIP_HEADER(read,X-B)}|${PJSIP_HEADER(read,X-C)} -> v (added)|w
	`)
	if err := b.System.Assign(context.Background(), b.Channel, "PJSIP_HEADER(add,X-D)", "a\r\nX-Evil: 1"); err == nil {
		t.Error("a line break in a header is accepted")
	}
}

func TestDictionaries(t *testing.T) {
	fntest.New(t).Run(t, `
	!HASH(h,k1)=v1
	!HASH(h,k2)=v2
	!HASH(h)=x#refused
	${HASH(h,k1)}|${HASHKEYS(h)}|${HASH(h)}|${HASH(h,nope)}|${HASHKEYS(nope)}|${HASH()} -> v1|k2,k1|v2,v1|||
	`)
}
