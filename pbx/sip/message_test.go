package sip

import (
	"context"
	"strings"
	"testing"
	"time"

	"branchline/pbx/channel"
)

// AcceptText keeps a message for the test to look at.
func (x *exchange) AcceptText(_ context.Context, in channel.IncomingText) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.texts = append(x.texts, in)
	return nil
}

// S-229: what becomes of a MESSAGE.
func TestMessage(t *testing.T) {
	for _, c := range []struct {
		name, conf, uri string
		extra           []string
		want            string
		to, context     string
	}{
		{"plain", "", "sip:77@" + pbxAddr, nil, "202", "pjsip:77@" + pbxAddr, "default"},
		{"a context for messages", "message_context=texts", "sip:77@" + pbxAddr, nil, "202", "pjsip:77@" + pbxAddr, "texts"},
		{"nobody", "", "sip:5555@" + pbxAddr, nil, "404", "", ""},
		{"not text", "", "sip:77@" + pbxAddr, []string{"Content-Type: image/png"}, "415", "", ""},
		{"other scheme", "", "http://" + pbxAddr, nil, "416", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := strings.Replace(office, "aors=1001\n", "aors=1001\n"+c.conf+"\n", 1)
			inSite(t, conf, plan, func(s *site) {
				p := s.phone("1001", "198.51.100.206")
				defer p.Close()
				p.Send("MESSAGE", c.uri, append([]string{"X-Mood: good"}, c.extra...)...)
				p.Want(c.want)
				if c.to == "" {
					if len(s.x.texts) != 0 {
						t.Errorf("accepted: %+v", s.x.texts)
					}
					return
				}
				in := s.x.texts[0]
				if in.Text.To != c.to || in.Context != c.context || in.Exten != "77" || !strings.Contains(in.Text.From, "sip:1001@") {
					t.Errorf("%+v", in)
				}
				found := false
				for _, h := range in.Text.Headers {
					found = found || h == channel.Header{Name: "X-Mood", Value: "good"}
				}
				if !found {
					t.Errorf("headers %v", in.Text.Headers)
				}
			})
		})
	}
}

// S-229: how one is sent.
func TestSendMessage(t *testing.T) {
	conf := strings.Replace(office, "context=trunk", "context=trunk\noutbound_auth=1003", 1)
	inSite(t, conf, plan, func(s *site) {
		p := s.phone("u", "198.51.100.50")
		defer p.Close()
		send := func(dest string, text channel.Text) chan error {
			done := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
				defer cancel()
				done <- s.agent.Tech().(channel.Messenger).SendMessage(ctx, dest, text)
			}()
			return done
		}
		for _, c := range []struct {
			dest     string
			text     channel.Text
			uri      string
			from, to string
		}{
			{"gw", channel.Text{}, "sip:198.51.100.50", "<sip:asterisk@198.51.100.9>", "<sip:198.51.100.50>"},
			{"gw", channel.Text{From: "4711"}, "sip:198.51.100.50", "<sip:4711@198.51.100.9>", "<sip:198.51.100.50>"},
			{"gw@198.51.100.9:5060", channel.Text{From: `"Ann" <sip:ann@x:5062>`, To: "sip:bob@y"}, "sip:198.51.100.50", `"Ann" <sip:ann@x>`, "<sip:bob@y>"},
			{"gw/sip:9@198.51.100.50", channel.Text{From: "nonsense <"}, "sip:9@198.51.100.50", "<sip:asterisk@198.51.100.9>", "<sip:9@198.51.100.50>"},
			{"sip:8@198.51.100.50", channel.Text{}, "sip:8@198.51.100.50", "<sip:asterisk@198.51.100.9>", "<sip:8@198.51.100.50>"},
			{"198.51.100.50:5060", channel.Text{To: "sip:198.51.100.50"}, "sip:198.51.100.50:5060", "<sip:asterisk@198.51.100.9>", "<sip:198.51.100.50>"},
			{"7@198.51.100.50", channel.Text{}, "sip:7@198.51.100.50", "<sip:asterisk@198.51.100.9>", "<sip:7@198.51.100.50>"},
		} {
			c.text.Body = "hello"
			c.text.Extra = []channel.Header{{Name: "X-Mood", Value: "good"}, {Name: "Contact", Value: "no"}, {Name: "X", Value: "a\r\nb"}}
			done := send(c.dest, c.text)
			m := p.Want("MESSAGE")
			from, _, _ := strings.Cut(m.Header("from"), ";tag=")
			if m.Req.Recipient.String() != c.uri || from != c.from || m.Header("to") != c.to || m.Header("x-mood") != "good" ||
				m.Header("contact") != "" || m.Header("x") != "" || string(m.Req.Body()) != "hello" || m.Header("content-type") != "text/plain" {
				t.Errorf("%s:\n%s", c.dest, m.Raw)
			}
			p.Reply(m, 202, "Accepted")
			if err := <-done; err != nil {
				t.Errorf("%s: %v", c.dest, err)
			}
		}
		done := send("gw", channel.Text{Body: "x"})
		p.Reply(p.Want("MESSAGE"), 401, "Unauthorized", `WWW-Authenticate: Digest realm="x", nonce="n", algorithm=MD5, qop="auth"`)
		m := p.Want("MESSAGE")
		if !strings.Contains(m.Header("authorization"), `username="1003"`) {
			t.Errorf("\n%s", m.Raw)
		}
		p.Reply(m, 403, "Forbidden")
		if err := <-done; err == nil || !strings.Contains(err.Error(), "403 Forbidden") {
			t.Errorf("got %v", err)
		}
		for _, dest := range []string{"nobody", "1001", "sip:"} {
			if err := <-send(dest, channel.Text{}); err == nil {
				t.Errorf("%q: no error", dest)
			}
		}
	})
}
