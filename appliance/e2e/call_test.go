//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/appliance/e2e/ear"
	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
	"branchline/appliance/e2e/switchboard"
)

// smallOffice is a configuration for one exchange: phones with digest authentication and the
// options given per phone.
func smallOffice(options map[string]string) fstest.MapFS {
	var b strings.Builder
	fmt.Fprintf(&b, "[udp]\ntype=transport\nprotocol=udp\nbind=%[1]s\n[tcp]\ntype=transport\nprotocol=tcp\nbind=%[1]s\n", addr(server3))
	for user, opts := range options {
		fmt.Fprintf(&b, "[%[1]s]\ntype=endpoint\naors=%[1]s\nauth=%[1]s\ncontext=default\ndisallow=all\n%[2]s\n"+
			"[%[1]s]\ntype=auth\nauth_type=userpass\nusername=%[1]s\npassword=%[3]s\n"+
			"[%[1]s]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n", user, opts, secret)
	}
	return files(b.String(), `[default]
exten => _1XXX,1,Dial(PJSIP/${EXTEN},20,tT)
 same => n,Hangup()
exten => _8XXX,1,Dial(PJSIP/1${EXTEN:1},20)
 same => n,Hangup()
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Answer()
 same => n,Milliwatt()
exten => 602,1,Answer()
 same => n,Read(got,,4)
 same => n,SayDigits(${got})
 same => n,Hangup()
`)
}

const secret = "correct-horse"

// login registers a phone that has to prove itself.
func (r *rig) login(octet int, user string, tcp bool) {
	r.Helper()
	r.run(&phone.SIPp{
		Scenario: "register", Host: r.host(octet), Server: addr(server3), User: user, Password: secret, TCP: tcp,
	})
}

// office starts a small office with 1001 (UDP) and 1002 (TCP) registered.
func office(t *testing.T, options map[string]string) (*rig, *switchboard.Exchange) {
	t.Helper()
	r := newRig(t)
	e := r.exchange(single(t), server3, smallOffice(options))
	r.login(device1001, "1001", false)
	r.login(device1002, "1002", true)
	return r, e
}

var plain = map[string]string{"1001": "allow=ulaw", "1002": "allow=ulaw"}

func (r *rig) caller(dial string, more phone.SIPp) *phone.SIPp {
	more.Host, more.Server, more.User, more.Password = r.host(device1001), addr(server3), "1001", secret
	more.Dial = dial
	if more.Scenario == "" {
		more.Scenario = "call"
	}
	return &more
}

func (r *rig) callee(more phone.SIPp) *phone.SIPp {
	more.Host, more.Server, more.User, more.TCP = r.host(device1002), addr(server3), "1002", true
	return &more
}

func TestDigest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.exchange(single(t), server3, smallOffice(plain))
	r.login(device1001, "1001", false)
	r.statuses(device1001, "REGISTER", 401, 200)
	r.register(server3, stranger, "1001", false, 401, 401)     // wrong password
	r.register(server3, device1009, "nobody", false, 401, 401) // no such user
}

// TestTranscode has a phone that knows A-law only talk with one that knows u-law only: 1004 Hz
// arrives at the same frequency and within 1 dB, both ways.
func TestTranscode(t *testing.T) {
	t.Parallel()
	r, _ := office(t, map[string]string{"1001": "allow=alaw", "1002": "allow=ulaw"})
	var a, u ear.Say
	a.Sine(ear.ALaw, 2*time.Second, -16, 1004)
	u.Sine(ear.ULaw, 2*time.Second, -16, 1004)
	began := time.Now()
	callee := r.answering(r.callee(phone.SIPp{Codecs: "0 101", Say: u.PCAP()}))
	r.run(r.caller("1002", phone.SIPp{Codecs: "8 101", Say: a.PCAP(), Talk: 2300 * time.Millisecond}))
	r.finish(callee)
	for _, p := range lan.Sound(r.lan.Tap().RTP(), addr(server3), addr(device1001)) {
		if p.Type != ear.ALaw {
			t.Fatalf("the A-law phone got payload type %d", p.Type)
		}
	}
	for _, p := range lan.Sound(r.lan.Tap().RTP(), addr(server3), addr(device1002)) {
		if p.Type != ear.ULaw {
			t.Fatalf("the u-law phone got payload type %d", p.Type)
		}
	}
	r.heardTone(device1001, device1002, 1004, began)
	r.heardTone(device1002, device1001, 1004, began)
}

// TestNoCommonCodec offers what the endpoint does not allow.
func TestNoCommonCodec(t *testing.T) {
	t.Parallel()
	r, _ := office(t, plain)
	r.run(r.caller("1002", phone.SIPp{Scenario: "refused", Codecs: "18", Extra: map[string]string{"want": "488"}}))
}

func TestByeFromCallee(t *testing.T) {
	t.Parallel()
	r, _ := office(t, plain)
	callee := r.answering(r.callee(phone.SIPp{Talk: 300 * time.Millisecond}))
	r.run(r.caller("1002", phone.SIPp{}))
	r.finish(callee)
	bye := r.await(time.Second, "BYE to the caller", lan.To(addr(device1001)), lan.Request("BYE"))
	if reason := bye.Header("Reason"); !strings.Contains(strings.ReplaceAll(reason, " ", ""), "Q.850;cause=16") {
		t.Errorf("Reason %q in the BYE", reason)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	r, _ := office(t, plain)
	callee := r.answering(r.callee(phone.SIPp{Ring: 20 * time.Second}))
	r.run(r.caller("8002", phone.SIPp{Scenario: "login-cancel", Talk: 300 * time.Millisecond}))
	r.finish(callee)
	if n := len(r.sip(lan.To(addr(device1002)), lan.Request("CANCEL"))); n != 1 {
		t.Errorf("the ringing phone got %d CANCELs", n)
	}
	if n := len(r.sip(lan.To(addr(device1001)), lan.Response(487, "INVITE"))); n != 1 {
		t.Errorf("the caller got %d responses 487", n)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	// What the callee says and what the caller gets, compat/measured.md 3.3.
	for callee, caller := range map[int]int{486: 486, 603: 403, 480: 480, 404: 404, 488: 488, 500: 500, 503: 503} {
		t.Run(fmt.Sprint(callee), func(t *testing.T) {
			t.Parallel()
			r, _ := office(t, plain)
			c := r.answering(r.callee(phone.SIPp{Refuse: callee}))
			r.run(r.caller("8002", phone.SIPp{
				Scenario: "refused", Extra: map[string]string{"want": fmt.Sprint(caller)},
			}))
			r.finish(c)
		})
	}
}

// TestHold puts the other side on hold and takes it back.
func TestHold(t *testing.T) {
	t.Parallel()
	r, _ := office(t, plain)
	callee := r.answering(r.callee(phone.SIPp{}))
	r.run(r.caller("1002", phone.SIPp{Talk: 300 * time.Millisecond, Extra: map[string]string{"hold": "yes"}}))
	r.finish(callee)
	answers := r.sip(lan.To(addr(device1001)), lan.Response(200, "INVITE"))
	directions := map[string]string{"10 INVITE": "a=recvonly", "11 INVITE": "a=sendrecv"}
	for _, m := range answers {
		want, ok := directions[m.Header("CSeq")]
		if ok && !strings.Contains(m.Body(), want) {
			t.Errorf("the answer to %s holds no %s:\n%s", m.Header("CSeq"), want, m.Body())
		}
		delete(directions, m.Header("CSeq"))
	}
	if len(directions) != 0 {
		t.Errorf("no answer to %v", directions)
	}
}

// TestLateACK leaves the first 200 without ACK: the exchange has to send it again.
func TestLateACK(t *testing.T) {
	t.Parallel()
	r, _ := office(t, plain)
	callee := r.answering(r.callee(phone.SIPp{}))
	r.run(r.caller("1002", phone.SIPp{Talk: 300 * time.Millisecond, Extra: map[string]string{"lateack": "yes"}}))
	r.finish(callee)
	// T1 is 0.5 s and doubles: within 1.3 s the answer comes three times (RFC 3261 13.3.1.4).
	if n := len(r.sip(lan.To(addr(device1001)), lan.Response(200, "INVITE"))); n < 2 || n > 4 {
		t.Errorf("the caller got the answer %d times", n)
	}
	if n := len(r.sip(lan.To(addr(device1002)), lan.Initial)); n != 1 {
		t.Errorf("the callee got %d INVITEs", n)
	}
}

// TestEcho and TestMilliwatt measure the exchange's own sounds.
func TestEcho(t *testing.T) {
	t.Parallel()
	r, _ := office(t, plain)
	began := time.Now()
	r.run(r.caller("600", phone.SIPp{Say: tone(1500*time.Millisecond, 1004), Talk: 1700 * time.Millisecond}))
	r.heardTone(device1001, device1001, 1004, began)
}

func TestMilliwatt(t *testing.T) {
	t.Parallel()
	r, _ := office(t, plain)
	began := time.Now()
	r.run(r.caller("601", phone.SIPp{Say: tone(1500*time.Millisecond, 300), Talk: 1700 * time.Millisecond}))
	got, err := ear.MeasureTone(ear.Trim(r.heard(device1001, began)))
	if err != nil {
		t.Fatal(err)
	}
	// 0 dBm0 is 3.14 dB below a full-scale u-law sine (G.711), which is 3.01 dB below the square.
	if got.Hz < 998 || got.Hz > 1010 || got.Level < -7.5 || got.Level > -5 {
		t.Errorf("heard %v", got)
	}
}

// TestTransfer has the callee dial # and a number in a call: the caller ends up with a third phone.
func TestTransfer(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, mode string
		say        func(*ear.Say, string)
		codecs     string
	}{
		{"events", "rfc4733", func(s *ear.Say, d string) { s.Events(101, d) }, "0 101"},
		{"tones", "inband", func(s *ear.Say, d string) { s.Tones(ear.ULaw, d) }, "0"},
	}
	for _, row := range rows {
		for _, who := range []string{"callee", "caller"} {
			t.Run(row.name+"/"+who, func(t *testing.T) {
				t.Parallel()
				opts := "allow=ulaw\ndtmf_mode=" + row.mode
				r, _ := office(t, map[string]string{"1001": opts, "1002": opts, "1007": opts})
				r.login(device1009, "1007", false)
				third := r.answering(&phone.SIPp{
					Host: r.host(device1009), Server: addr(server3), User: "1007", Codecs: row.codecs,
					Talk: 2 * time.Second, Say: tone(1500*time.Millisecond, 1004),
				})
				var keys, talk ear.Say
				keys.Silence(ear.ULaw, 600*time.Millisecond)
				row.say(&keys, "#")
				keys.Silence(ear.ULaw, 2500*time.Millisecond)
				row.say(&keys, "1007")
				keys.Silence(ear.ULaw, 5*time.Second)
				talk.Silence(ear.ULaw, 12*time.Second)
				transferer, stays := device1002, device1001
				a, b := phone.SIPp{Codecs: row.codecs, Say: talk.PCAP()}, phone.SIPp{Codecs: row.codecs, Say: keys.PCAP()}
				if who == "caller" {
					transferer, stays = stays, transferer
					a.Say, b.Say = b.Say, a.Say
				}
				began := time.Now()
				callee := r.answering(r.callee(b))
				caller := r.start(r.caller("1002", a))
				r.finish(third)
				r.finish(caller)
				r.finish(callee)
				bye := r.await(time.Second, "BYE to the transferer", lan.To(addr(transferer)), lan.Request("BYE"))
				invite := r.await(time.Second, "INVITE to the third phone", lan.To(addr(device1009)), lan.Initial)
				between(t, "BYE to the transferer before the talk ended:", bye.Time.Sub(invite.Time), -2*time.Second, time.Second)
				r.heardPrompts(single(t), transferer, began, "pbx-transfer")
				// The third phone's tone reaches the one who stayed.
				got, err := ear.MeasureTone(ear.Trim(r.heard(stays, invite.Time.Add(200*time.Millisecond))))
				if err != nil || got.Hz < 1002 || got.Hz > 1006 || got.Share < 0.9 {
					t.Errorf("after the transfer the other side heard %v, %v", got, err)
				}
			})
		}
	}
}

// TestDigitsHeard dials digits into an application in each way a phone can send them.
func TestDigitsHeard(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, mode, codecs string
		say                func(*ear.Say)
	}{
		{"events", "rfc4733", "0 101", func(s *ear.Say) { s.Events(101, "1590") }},
		{"tones", "inband", "0", func(s *ear.Say) { s.Tones(ear.ULaw, "1590") }},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			opts := "allow=ulaw\ndtmf_mode=" + row.mode
			r, _ := office(t, map[string]string{"1001": opts, "1002": opts})
			var s ear.Say
			s.Silence(ear.ULaw, 500*time.Millisecond)
			row.say(&s)
			s.Silence(ear.ULaw, 6*time.Second)
			began := time.Now()
			r.run(r.caller("602", phone.SIPp{Codecs: row.codecs, Say: s.PCAP()}))
			r.heardPrompts(single(t), device1001, began, "digits/1", "digits/5", "digits/9", "digits/0")
		})
	}
}
