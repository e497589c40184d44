package fn

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/media"
	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/settings"
)

// leg is a channel's technology: facts, headers and nothing else.
type leg struct {
	name    string
	headers []channel.Header
	told    []channel.Party
}

func (l *leg) Name() string                  { return l.name }
func (l *leg) Bind(*channel.Mailbox)         {}
func (l *leg) Dial()                         {}
func (l *leg) Ring()                         {}
func (l *leg) Progress()                     {}
func (l *leg) Answer()                       {}
func (l *leg) Hangup(channel.Cause)          {}
func (l *leg) Media() media.Stream           { return nil }
func (l *leg) ConnectedLine(p channel.Party) { l.told = append(l.told, p) }
func (l *leg) Fact(name string) (string, bool) {
	if name == "pjsip,call-id" {
		return "abc@host", true
	}
	return "", false
}
func (l *leg) Header(name string, n int) (string, bool) {
	for _, h := range l.headers {
		if strings.EqualFold(h.Name, name) {
			if n--; n == 0 {
				return h.Value, true
			}
		}
	}
	return "", false
}
func (l *leg) HeaderNames(prefix string) []string {
	var names []string
	for _, h := range l.headers {
		if strings.HasPrefix(h.Name, prefix) {
			names = append(names, h.Name)
		}
	}
	return names
}
func (l *leg) SetHeader(name, value string, add bool) {
	l.headers = append(l.headers, channel.Header{Name: name, Value: value + map[bool]string{true: " (added)"}[add]})
}

// catalog is the functions alone.
type catalog map[string]*dialplan.Function

func (catalog) App(string) (*dialplan.App, bool) { return nil, false }
func (c catalog) Function(name string) (*dialplan.Function, bool) {
	f, ok := c[strings.ToUpper(name)]
	return f, ok
}
func (catalog) Refused(name string) (string, bool) { why, ok := Refused()[name]; return why, ok }

// bench is a channel with all functions around it.
type bench struct {
	sys   *dialplan.System
	c     *channel.Channel
	leg   *leg
	log   bytes.Buffer
	store *astdb.DB
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{sys: dialplan.NewSystem(nil), leg: &leg{name: "PJSIP/1001-00000001"}, store: astdb.Memory()}
	b.sys.Log = slog.New(slog.NewTextHandler(&b.log, nil))
	b.c = channel.New(b.leg, channel.NewMailbox())
	b.c.Context, b.c.Exten, b.c.UniqueID, b.c.LinkedID, b.c.Language = "ev", "s", "17.112", "17.112", "en"
	b.c.State = channel.Ring
	custom := map[string]channel.DeviceState{}
	first := b.c
	d := Deps{
		System: b.sys, Store: b.store, Version: "0.1.0", Env: []string{"HOME=/root"},
		State: func(device string) channel.DeviceState {
			if s, ok := custom[device]; ok {
				return s
			}
			if device == "PJSIP/1001" {
				return channel.DeviceNotInUse
			}
			if strings.HasPrefix(device, "Custom:") {
				return channel.DeviceUnknown
			}
			return channel.DeviceInvalid
		},
		Custom: func(device, state string) bool {
			s, ok := channel.ParseDeviceState(state)
			if ok {
				custom[device] = s
			}
			return ok
		},
		Contacts: func(aor string) []Contact {
			if aor != "1001" {
				return nil
			}
			return []Contact{{ID: "1001;@0f3a", AOR: "1001", URI: "sip:1001@192.0.2.1:5099", Status: "NonQualified", UserAgent: "phone"}}
		},
		Channels: func() []*channel.Snapshot {
			return []*channel.Snapshot{first.Snapshot(), {Name: "PJSIP/1002-00000002"}}
		},
	}
	pjsip, _ := astconf.Load(fstest.MapFS{"p": {Data: []byte("[1001]\ntype=endpoint\naors=1001\nallow=ulaw\ncontext=t\n[1001]\ntype=aor\nmax_contacts=2\n")}}, "p")
	snapshot, _ := settings.FromPJSIP(pjsip)
	d.Settings = func() *settings.Snapshot { return snapshot }
	cat := catalog{}
	for _, f := range Functions(d) {
		if cat[f.Name] != nil {
			t.Errorf("%s is there twice", f.Name)
		}
		if why, refused := Refused()[f.Name]; refused {
			t.Errorf("%s is offered and refused: %s", f.Name, why)
		}
		cat[f.Name] = &f
	}
	b.sys.Catalog = cat
	plan, _ := astconf.Load(fstest.MapFS{"e": {Data: []byte("[globals]\nGV=globalvalue\n[other]\nexten => 55,1,NoOp(x)\nexten => 55,n(lab),NoOp(x)\nexten => _6X.,1,NoOp\nexten => 55,hint,PJSIP/1001\nexten => 56,hint,PJSIP/1001(Desk)\nexten => _7X,hint,Custom:${EXTEN}\n[ev]\nexten => s,1,NoOp\n")}}, "e")
	p, _ := dialplan.Compile(plan, nil)
	b.sys.Install(p)
	return b
}

// run evaluates a script: `!name=value` sets, everything else is `text -> want`.
func (b *bench) run(t *testing.T, script string) {
	t.Helper()
	ctx := context.Background()
	for _, line := range strings.Split(script, "\n") {
		line = strings.TrimLeft(line, "\t")
		if line == "" {
			continue
		}
		if set, ok := strings.CutPrefix(line, "!"); ok {
			depth, cut := 0, 0
			for i, c := range set {
				switch {
				case c == '(':
					depth++
				case c == ')':
					depth--
				case c == '=' && depth == 0 && cut == 0:
					cut = i
				}
			}
			if err := b.sys.Assign(ctx, b.c, set[:cut], b.sys.Expand(ctx, b.c, set[cut+1:])); err != nil && !strings.HasSuffix(set, "#refused") {
				t.Errorf("%s: %v", set, err)
			} else if err == nil && strings.HasSuffix(set, "#refused") {
				t.Errorf("%s is accepted", set)
			}
			continue
		}
		text, want, found := strings.Cut(line, " -> ")
		if !found {
			t.Fatalf("bad line %q", line)
		}
		if got := b.sys.Expand(ctx, b.c, text); got != want {
			t.Errorf("%s = %q, want %q (%s)", text, got, want, b.log.String())
		}
		b.log.Reset()
	}
}

// The results in these tests were taken from Asterisk 22.10.1 unless a comment
// says otherwise.

func TestTexts(t *testing.T) {
	newBench(t).run(t, `
	${LEN(abc)}|${LEN()}|${TOUPPER(aBc é)}|${TOLOWER(ABc É)}|${TRIM(  a b  )}|${LTRIM(  a )}|${RTRIM( a  )}| -> 3|0|ABC é|abc É|a b|a | a|
	${FILTER(0-9,a1b2)}|${FILTER(a-zA-Z,a1B2)}|${FILTER(\x30-\x39,a1)}|${FILTER(0-9\-,1-2)}|${FILTER(-,a-b)}|${FILTER(0-9,)}|${FILTER(,abc)}|${FILTER(0-9)}|${FILTER(a\,b,a,b,c)}|${FILTER(z-a,abc)} -> 12|aB|1|1-2|-||||a,b,|a
	${REGEX("a.c" abc)}|${REGEX("^b" abc)}|${REGEX("b")}|${REGEX(abc abc)}|${REGEX("(" x)}|${REGEX("A" a)}|${REGEX("" x)}|${REGEX("x"  x)}|${REGEX("^ x"  x)}|${REGEX("a" b" a)} -> 1|0|0|||0|1|1|1|1
	${QUOTE(a"b,c)}|${CSV_QUOTE(a,b"c)}|${QUOTE(a\b)}|${QUOTE()}|${CSV_QUOTE()}|${CSV_QUOTE(plain)} -> "a\"b,c"|"a,b""c"|"a\\b"|""|""|"plain"
	${URIENCODE(a b@c/d?)}|${URIDECODE(a%20b%zz)}|${URIENCODE(-_.~!*'()&=+$,é)}|${URIDECODE(a+b%2)} -> a%20b%40c%2Fd%3F|a b%zz|-_.~!*'()%26%3D%2B%24%2C%C3%A9|a+b%2
	${BASE64_ENCODE(hello)}|${BASE64_DECODE(aGVsbG8=)}|${MD5(abc)}|${SHA1(abc)}|${KEYPADHASH(Les)}|${KEYPADHASH(a1-B)}|${BASE64_DECODE(aGVsbG8)} -> aGVsbG8=|hello|900150983cd24fb0d6963f7d28e17f72|a9993e364706816aba3e25717850c26c9cd0d89d|537|212|hello
	${SPRINTF(%05d,42)}|${SPRINTF(%s-%s,a,b)}|${SPRINTF(%5.2f,3.14159)}|${SPRINTF(%x,255)}|${SPRINTF(%c,65)}|${SPRINTF(%%)}|${SPRINTF(%d,abc)}|${SPRINTF(%-5s|,a)}|${SPRINTF(%+d,5)} -> 00042|a-b| 3.14|ff|A|%||a    ||+5
	${SPRINTF(%X %o %e %g %u,255,8,1.5,0.1,7)}|${SPRINTF(x)}|${SPRINTF(%5s,ab)}|${SPRINTF(%.2s,abcdef)}|${SPRINTF(%c,A)}|${SPRINTF(%q,1)}|${SPRINTF(%99999d,1)}|${SPRINTF(%g,1234567)} -> FF 10 1.500000e+00 0.1 7|x|   ab|ab||||1.23457e+06
	${PASSTHRU(abc):1}|${BASENAME(/a/b.c)}|${DIRNAME(/a/b.c)}|${BASENAME(x)} -> bc|b.c|/a|x
	`)
}

func TestLists(t *testing.T) {
	newBench(t).run(t, `
	!L=a-b-c
	!CS=a,b,c
	${CUT(L,-,2)}|${CUT(L,-,2-)}|${CUT(L,-,-2)}|${CUT(L,-,1&3)}|${CUT(L,-,9)}|${CUT(L,-,0)}|${CUT(L,-,3-1)}|${CUT(L,,2)}|${CUT(CS,\,,2)}|${CUT(A-B-C,-,2)}|${CUT(L,-)}|${CUT(L)}|${CUT(L,-,2-3)}|${CUT(L,-,x)}|${CUT(L,-b,2)} -> b|b-c|a-b|a-c||||b|b||||b-c||b
	${FIELDQTY(L,-)}|${FIELDQTY(CS,\,)}|${FIELDQTY(NOPE,-)}|${FIELDQTY(L,x)}|${FIELDQTY(L,)}|${FIELDQTY(L)}|${FIELDQTY(CS,,)} -> 3|3|0|1|1|1|3
	${FIELDNUM(L,-,b)}|${FIELDNUM(L,-,z)}|${FIELDNUM(CS,\,,c)} -> 2|0|3
	${REPLACE(L,-,_)}|${REPLACE(L,abc,X)}|${REPLACE(L,-)}|${REPLACE(L,a-c,X)}|${REPLACE(CS,\,,;)}|${REPLACE(L,,x)}|${REPLACE(L,-,xy)} -> a_b_c|X-X-X|abc|XXbXX|a;b;c||axbxc
	${STRREPLACE(L,b,XX)}|${STRREPLACE(L,-,)}|${STRREPLACE(L,-)}|${STRREPLACE(L,-,+,1)}|${STRREPLACE(CS,\,,;)}|${STRREPLACE(L,,x)}|${STRREPLACE(NOPE,a,b)} -> a-XX-c|abc|abc|a+b-c|a;b;c||
	!SL=a,b,c
	${SHIFT(SL)}|${SL}|${POP(SL)}|${SL} -> a|b,c|c|b
	!PUSH(SL)=x
	!UNSHIFT(SL)=y,z
	!PUSH(SL)=m,n
	${SL} -> y,z,b,x,m,n
	${LISTFILTER(SL,\,,x)}|${LISTFILTER(SL,\,,nope)} -> y,z,b,m,n|y,z,b,x,m,n
	!SP=a-b-c
	${SHIFT(SP,-)}|${SP}|${POP(SP,-)}|${SP}|${SHIFT(SP,-)}|${SP}|${SHIFT(SP,-)}|${SP} -> a|b-c|c|b|b|||
	!PUSH(NEWL)=q
	${NEWL} -> q
	${SORT(a:3,b:1,c:2.5)}|${SORT(x)}|${SORT(a:b,c:a)}|${SORT(a:10,b:9)} -> b,c,a||a,c|b,a
	!ARRAY(a,b)=1,2
	${a}|${b} -> 1|2
	!ARRAY(a,b)=1\,2
	${a}|${b} -> 1,2|
	!ARRAY(a,b)="x,y",z
	${a}|${b} -> x,y|z
	`)
}

func TestLogic(t *testing.T) {
	newBench(t).run(t, `
	${IF($[1=1]?yes:no)}|${IF(0?yes:no)}|${IF(1?yes)}|${IF(0?yes)}|${IF(1?"a b":c)}|${IF(0?a:"b:c")}|${IF( ?a:b)}|${IF(x?a:b)}|${IF(00?a:b)}|${IF(1?a:b:c)}|${IF(0?a:b:c)}|${IF(1)}|${IF(1?:b)}|${IF(1? a : b )}|${IF(-0?a:b)}|${IF(0x?a:b)}|${IF(0.5?a:b)} -> yes|no|yes||a b|"b:c"|b|a|b|a|b:c|||a|b|b|b
	${IFTIME(*,*,*,*?in:out)}|${IFTIME(*,*,*,*?in)}|${IFTIME(bad?in:out)}|${IFTIME(*,*,*,*)}|${IFTIME(*|*|*|*?in:out)} -> in|in|out||in
	${ISNULL()}|${ISNULL(x)}|${EXISTS()}|${EXISTS(x)}|${ISNULL( )} -> 1|0|0|1|0
	${SET(NV=abc)}|${NV}|${SET(GLOBAL(NG)=4)}|${NG}|${SET(x)} -> abc|abc|4|4|
	!GLOBAL(ZZ)=7
	${ZZ}|${GLOBAL(ZZ)} -> 7|7
	!ZZ=8
	${ZZ}|${GLOBAL(ZZ)}|${GLOBAL(NOPE)}|${GLOBAL_EXISTS(GV)}|${VARIABLE_EXISTS(ZZ)}|${VARIABLE_EXISTS(GV)} -> 8|7||1|1|0
	!GLOBAL_DELETE(ZZ)=
	${GLOBAL_EXISTS(ZZ)} -> 0
	!DV=x
	!DELETE(DV)=
	${DV}|${VARIABLE_EXISTS(DV)} -> |0
	!V2=inner
	${EVAL($[1+1])}|${PASSTHRU(${V2})}|${EVAL(plain)} -> 2|inner|plain
	`)
}

func TestEvalReadsTwice(t *testing.T) {
	b := newBench(t)
	b.c.SetVar("TXT", "${V2}")
	b.c.SetVar("V2", "inner")
	b.run(t, "${EVAL(${TXT})}|${TXT} -> inner|${V2}")
}

func TestNumbers(t *testing.T) {
	newBench(t).run(t, `
	${MATH(7/2)}|${MATH(7/2,int)}|${MATH(7*2)}|${MATH(7%2,int)}|${MATH(1<<4,int)}|${MATH(16>>2,int)}|${MATH(2^10)}|${MATH(6AND3,int)}|${MATH(6OR3,i)}|${MATH(6XOR3,i)} -> 3.500000|3|14.000000|1|16|4|1024.000000|2|7|5
	${MATH(1<2)}|${MATH(1>2)}|${MATH(1>=1)}|${MATH(1<=0)}|${MATH(1==1)}|${MATH(2**3)}|${MATH(255+0,hex)}|${MATH(65+0,char)}|${MATH(1/0)}|${MATH(1%0)}|${MATH(a+1)}|${MATH(1)}|${MATH(1+)} -> TRUE|FALSE|TRUE|FALSE|TRUE||ff|A|0.000000|0.000000|||
	${MATH(-5+3,int)}|${MATH(5--3,int)}|${MATH(1.5+1.5,int)}|${MATH(3.7+0,int)}|${MATH(1 + 2)}|${MATH(1+2+3)}|${MATH(8&3,int)}|${MATH(1+1,foo)}|${MATH(7.5%2)}|${MATH(1e3+1)}|${MATH(5-3,f)} -> -2|8|3|3|3.000000|3.000000|||1.000000|1001.000000|2.000000
	${MATH(8+0,octal)}|${MATH(1<<99,int)}|${MATH(99999999999*1,int)} -> 10||99999999999
	!N=5
	!L=a-b
	${INC(N)}|${N}|${INC(N)}|${N}|${DEC(N)}|${N}|${INC(UNSETN)}|${UNSETN}|${INC(L)}|${INC()} -> 6|6|7|7|6|6||||
	${RAND(5,5)}|${MIN(1,2,3)}|${MAX(1,2,3)}|${ABS(-5)}|${ABS(-5.5)}|${MIN(1.5,2)}|${MAX(a,1)}|${MIN()}|${ABS(abc)}|${DIGIT_SUM(a12 3)} -> 5|1|3|5|5.500000|1.500000||||6
	$[${RAND(7,3)} >= 3 & ${RAND(3,7)} <= 7]|$[MIN(1,2)]|$[ABS(-5)]|$[CALLERID(num)] -> 1|1|5|0
	`)
}

func TestClock(t *testing.T) {
	newBench(t).run(t, `
	${STRFTIME(0,UTC,"%Y")}|${STRFTIME(0,UTC,a\,b)}|${STRFTIME(0,UTC,a"b,c"d)}|${STRFTIME(0,UTC,%Y,%m)}|${STRFTIME(0,UTC)}|${STRFTIME(1.5,UTC,%q %3q %1q)}|${STRFTIME(-1,UTC,%Y)} -> "1970"|a\,b|a"b,c"d|1970,01|Thu Jan  1 00:00:00 1970|500 500 5|1969
	${STRFTIME(0,UTC,%d.%m.%Y %H:%M:%S %a %A %b %B %j %p %P %I %y %Z %z %s %D %e %F %T %R %k %l %u %w %U %V %W %G %C %% %c %x %X %h %-d %^a %Q)} -> 01.01.1970 00:00:00 Thu Thursday Jan January 001 AM am 12 70 UTC +0000 0 01/01/70  1 1970-01-01 00:00:00 00:00  0 12 4 4 00 01 00 1970 19 % Thu Jan  1 00:00:00 1970 01/01/70 00:00:00 Jan 1 THU %Q
	${STRFTIME(0,Europe/Berlin,%H)}|${STRPTIME(2006-03-01 07:30:35,America/Chicago,%Y-%m-%d %H:%M:%S)}|${STRPTIME(bad,UTC,%Y)}|${STRPTIME(2006-03-01,UTC,%Y-%m-%d)} -> 01|1141219835||1141171200
	${STRPTIME(Mar 1 2006 7:30 PM,UTC,%b %d %Y %I:%M %p)}|${STRPTIME(123,UTC,%s)}|${STRPTIME(06/03/01,UTC,%y/%m/%d)}|${STRPTIME(1,UTC)} -> 1141241400|123|1141171200|
	`)
}

func TestCaller(t *testing.T) {
	b := newBench(t)
	b.run(t, `
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
	if len(b.leg.told) != 1 || b.leg.told[0].Name != "Five" {
		t.Errorf("the party was told %v", b.leg.told)
	}
}

func TestChannelItems(t *testing.T) {
	b := newBench(t)
	b.c.Hearing = true
	b.run(t, `
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
	if got := strings.Join(HangupRoutines(b.c), " "); got != "ev,s,2 ev,s,1" {
		t.Errorf("hang-up routines %q", got)
	}
	b.run(t, "!CHANNEL(hangup_handler_pop)=\n!CHANNEL(hangup_handler_push)=x\n!CHANNEL(hangup_handler_wipe)=y\n")
	if got := strings.Join(HangupRoutines(b.c), " "); got != "y" {
		t.Errorf("hang-up routines %q", got)
	}
	b.c.NoteLegEnd(channel.LegEnd{Name: "PJSIP/2-1", Cause: channel.UserBusy, Detail: "SIP 486 Busy Here"})
	b.run(t, `${HANGUPCAUSE_KEYS()}|${HANGUPCAUSE(PJSIP/2-1,tech)}|${HANGUPCAUSE(PJSIP/2-1,ast)}|${HANGUPCAUSE(x,tech)} -> PJSIP/2-1|SIP 486 Busy Here|User busy|`)
}

func TestStore(t *testing.T) {
	newBench(t).run(t, `
	!DB(fam/key)=val
	!DB(fam/a/b)=val2
	!DB(fam)=x#refused
	${DB(fam/key)}|${DB(fam/nope)}|${DB(fam)}|${DB_EXISTS(fam/key)}|${DB_RESULT}|${DB_EXISTS(fam/no)}|${DB_RESULT}|${DB(fam/a/b)}|${DB_KEYS(fam)}|${DB_KEYS()}|${DB_KEYCOUNT(fam)}|${DB_DELETE(fam/key)}|${DB(fam/key)}|${DB_RESULT}|${DB_DELETE(fam/key)} -> val|||1|val|0|val|val2|a,key|fam|2|val||val|
	!HASH(h,k1)=v1
	!HASH(h,k2)=v2
	!HASH(h)=x#refused
	${HASH(h,k1)}|${HASHKEYS(h)}|${HASH(h)}|${HASH(h,nope)}|${HASHKEYS(nope)}|${HASH()} -> v1|k2,k1|v2,v1|||
	`)
}

func TestGroups(t *testing.T) {
	b := newBench(t)
	b.run(t, `
	!GROUP()=g1
	!GROUP(cat)=g2
	${GROUP()}|${GROUP(cat)}|${GROUP_COUNT()}|${GROUP_COUNT(g1)}|${GROUP_COUNT(g2@cat)}|${GROUP_COUNT(@cat)}|${GROUP_LIST()}|${GROUP_MATCH_COUNT(g.)}|${GROUP_MATCH_COUNT(g.@cat)}|${GROUP_COUNT(none)} -> g1|g2|1|1|1|1|g1 g2@cat|2|1|0
	!GROUP()=g3@cat2
	${GROUP()}|${GROUP(cat2)}|${GROUP_LIST()} -> g1|g3|g1 g2@cat g3@cat2
	`)
	first := b.c
	other := channel.New(&leg{name: "PJSIP/gone-00000009"}, channel.NewMailbox())
	b.c = other
	b.run(t, "!GROUP()=g1\n${GROUP_COUNT(g1)} -> 1\n") // the other channel is on no list: it has ended
	b.c = first
	b.run(t, "${GROUP_COUNT(g1)} -> 1\n!GROUP()=\n${GROUP_COUNT(g1)}|${GROUP()} -> 0|\n")
}

func TestPlanAndDevices(t *testing.T) {
	b := newBench(t)
	b.run(t, `
	${DIALPLAN_EXISTS(other)}|${DIALPLAN_EXISTS(other,55)}|${DIALPLAN_EXISTS(other,55,2)}|${DIALPLAN_EXISTS(other,55,lab)}|${DIALPLAN_EXISTS(other,55,9)}|${DIALPLAN_EXISTS(nope)}|${DIALPLAN_EXISTS(other,612)}|${DIALPLAN_EXISTS(other,99)}|${DIALPLAN_EXISTS()} -> 1|1|1|1|0|0|1|0|
	${VALID_EXTEN(other,55)}|${VALID_EXTEN(other,99)}|${VALID_EXTEN(other,55,2)}|${VALID_EXTEN(,s)}|${VALID_EXTEN()} -> 1|0|1|1|
	${EXTENSION_STATE(55@other)}|${EXTENSION_STATE(99@other)}|${HINT(55@other)}|${HINT(9@other)}|${HINT()}|${HINT(56@other,n)}|${HINT(72@other)}|${DEVICE_STATE(PJSIP/1001)}|${DEVICE_STATE()}|${DEVICE_STATE(Nope/x)} -> NOT_INUSE|UNKNOWN|PJSIP/1001|||Desk|Custom:72|NOT_INUSE|INVALID|INVALID
	!DEVICE_STATE(Custom:72)=INUSE
	!DEVICE_STATE(Custom:u)=bogus#refused
	!DEVICE_STATE(PJSIP/1001)=INUSE#refused
	${DEVICE_STATE(Custom:72)}|${DEVICE_STATE(Custom:u)}|${EXTENSION_STATE(72@other)}|${EXTENSION_STATE(73@other)} -> INUSE|UNKNOWN|INUSE|NOT_INUSE
	${EXCEPTION(reason)} -> 
	`)
	dialplan.SetException(b.c, "INVALID", "ev", "i", 2)
	b.run(t, "${EXCEPTION(reason)}|${EXCEPTION(context)}|${EXCEPTION(exten)}|${EXCEPTION(priority)}|${EXCEPTION(x)} -> INVALID|ev|i|2|")
}

func TestSIP(t *testing.T) {
	b := newBench(t)
	b.leg.headers = []channel.Header{{Name: "X-A", Value: "1"}, {Name: "X-A", Value: "2"}, {Name: "From", Value: "<sip:a@b>"}}
	b.run(t, `
	${PJSIP_HEADER(read,X-A)}|${PJSIP_HEADER(read,x-a,2)}|${PJSIP_HEADER(read,X-A,3)}|${PJSIP_HEADER(add,X-A)}|${SIP_HEADER(From)}|${PJSIP_HEADERS(X-)} -> 1|2|||<sip:a@b>|X-A,X-A
	!PJSIP_HEADER(add,X-B)=v
	!PJSIP_HEADER(update,X-C)=w
	!PJSIP_HEADER(bad,X-C)=w#refused
	!PJSIP_HEADER(add,X C)=w#refused
	${PJSIP_HEADER(read,X-B)}|${PJSIP_HEADER(read,X-C)} -> v (added)|w
	${PJSIP_ENDPOINT(1001,allow)}|${PJSIP_ENDPOINT(1001,context)}|${PJSIP_ENDPOINT(nope,allow)}|${PJSIP_ENDPOINT(1001,bogus)}|${PJSIP_AOR(1001,max_contacts)}|${PJSIP_ENDPOINT(1001,aors)} -> (ulaw)|t|||2|1001
	${PJSIP_AOR(1001,contact)}|${PJSIP_CONTACT(1001;@0f3a,uri)}|${PJSIP_CONTACT(1001;@0f3a,status)}|${PJSIP_CONTACT(1001;@0f3a,rtt)}|${PJSIP_CONTACT(1001;@0f3a,expiration_time)}|${PJSIP_CONTACT(nope,uri)} -> 1001;@0f3a|sip:1001@192.0.2.1:5099|NonQualified|N/A|0|
	${PJSIP_DIAL_CONTACTS(1001)}|${PJSIP_DIAL_CONTACTS(nope)}|${PJSIP_DIAL_CONTACTS(1001,1001)}|${PJSIP_DIAL_CONTACTS(1001,,u)}|${PJSIP_DIAL_CONTACTS(1001,x)} -> PJSIP/1001/sip:1001@192.0.2.1:5099||PJSIP/1001/sip:1001@192.0.2.1:5099|PJSIP/u@1001/sip:1001@192.0.2.1:5099|
	${PJSIP_PARSE_URI("Bob" <sip:bob@host:5070;transport=tcp>,user)}|${PJSIP_PARSE_URI(sip:bob:pw@host:5070,host)}|${PJSIP_PARSE_URI(sip:bob@host:5070,port)}|${PJSIP_PARSE_URI(sip:bob:pw@host,passwd)}|${PJSIP_PARSE_URI("Bob B" <sips:bob@host>,display)}|${PJSIP_PARSE_URI(sips:bob@host,scheme)}|${PJSIP_PARSE_URI(bogus,user)}|${PJSIP_PARSE_URI(sip:bob@host,port)}|${PJSIP_PARSE_URI(sip:bob@host,foo)}|${PJSIP_PARSE_URI(tel:123,user)}|${PJSIP_PARSE_URI(sip:host,user)} -> bob|host|5070|pw|Bob B|sips||0|||
	`)
	b.c.SetVar("U", "sip:bob@host:1")
	b.run(t, "${PJSIP_PARSE_URI_FROM(U,port)} -> 1")
	if err := b.sys.Assign(context.Background(), b.c, "PJSIP_HEADER(add,X-D)", "a\r\nX-Evil: 1"); err == nil {
		t.Error("a line break in a header is accepted")
	}
}

func TestRecord(t *testing.T) {
	b := newBench(t)
	b.c.Caller = channel.Party{Number: "201", Name: "Bob"}
	b.c.Created = time.Now().Add(-90 * time.Second)
	b.run(t, `
	${CDR(src)}|${CDR(dst)}|${CDR(dcontext)}|${CDR(clid)}|${CDR(channel)}|${CDR(disposition)}|${CDR(duration)}|${CDR(billsec)}|${CDR(amaflags)}|${CDR(uniqueid)}|${CDR(answer)}|${CDR(end)}|${CDR(disposition,u)}|${CDR(foo)}|${CDR(amaflags,u)} -> 201|s|ev|"Bob" <201>|PJSIP/1001-00000001|NO ANSWER|90|0|DOCUMENTATION|17.112|||1||3
	!CDR(foo)=bar
	!CDR(src)=bar#refused
	!CDR(userfield)=baz
	${CDR(foo)}|${CDR(userfield)}|${CHANNEL(userfield)}|${CDR(duration,f):0:3} -> bar|baz||90.
	`)
	b.c.AnsweredAt = time.Now().Add(-10 * time.Second)
	b.run(t, "${CDR(disposition)}|${CDR(billsec)}|${LEN(${CDR(start)})} -> ANSWERED|10|19")
}

func TestSubroutineVariables(t *testing.T) {
	b := newBench(t)
	b.run(t, "${LOCAL(x)}|${STACK_PEEK(1,e)} -> |\n!LOCAL(x)=5#refused\n!UP=outer\n")
	b.c.PushFrame("ev", "s", 178, []string{"a1", `"q,2"`, "a3"})
	b.run(t, `
	${ARG1}|${ARG2}|${ARG3}|${ARG4}|${ARGC}|${LOCAL(ARG1)}|${STACK_PEEK(1,c)}|${STACK_PEEK(1,e)}|${STACK_PEEK(1,p)}|${STACK_PEEK(1,l)} -> a1|"q,2"|a3||3|a1|ev|s|177|ev,s,177
	!LOCAL(x)=9
	${x}|${LOCAL(x)}|${LOCAL_PEEK(0,x)}|${LOCAL_PEEK(1,x)}|${LOCAL(UP)}|${UP} -> 9|9|9|||outer
	`)
	b.c.PushFrame("sub", "s", 5, []string{"b"})
	b.run(t, "${ARG1}|${ARG2}|${ARGC}|${x}|${LOCAL(x)}|${LOCAL_PEEK(1,x)}|${LOCAL_PEEK(1,ARG1)} -> b||1|9|||a1")
	b.c.PopFrame()
	b.run(t, `${ARG1}|${ARG2} -> a1|"q,2"`)
	b.c.PopFrame()
	b.run(t, `${ARG1}|${ARGC}|${x} -> ||`)
}

func TestRefusedFunctionsSayWhy(t *testing.T) {
	b := newBench(t)
	if v := b.sys.Expand(context.Background(), b.c, "${SHELL(id)}"); v != "" || !strings.Contains(b.log.String(), "starts no programs") {
		t.Errorf("%q, %s", v, b.log.String())
	}
}

func TestWithoutChannel(t *testing.T) {
	b := newBench(t)
	for _, f := range b.sys.Catalog.(catalog) {
		for _, args := range []string{"", "a", "a,b", "a,b,c", "a/b", "1?x:y"} {
			if f.Read != nil {
				f.Read(context.Background(), nil, args) // must not panic
			}
			if f.Write != nil {
				f.Write(context.Background(), nil, args, "v")
			}
		}
	}
}

func TestWithoutParts(t *testing.T) {
	sys := dialplan.NewSystem(nil)
	for _, f := range Functions(Deps{System: sys}) {
		c := channel.New(&leg{name: "X/1"}, channel.NewMailbox())
		for _, args := range []string{"", "a", "a,b", "a/b", "1001,allow", "55@other"} {
			if f.Read != nil {
				f.Read(context.Background(), c, args)
			}
			if f.Write != nil {
				f.Write(context.Background(), c, args, "v")
			}
		}
	}
}

func TestUUID(t *testing.T) {
	if a, b := uuid(), uuid(); a == b || len(a) != 36 || a[14] != '4' {
		t.Errorf("%s %s", a, b)
	}
}
