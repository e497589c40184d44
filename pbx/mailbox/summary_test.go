package mailbox_test

import (
	"strings"
	"testing"

	"branchline/pbx/mailbox"
)

func TestParseSummary(t *testing.T) {
	for _, c := range []struct {
		body string
		want mailbox.Count
		ok   bool
	}{
		{"Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\nVoice-Message: 2/8 (0/2)\r\n", mailbox.Count{New: 2, Old: 8}, true}, // RFC 3842 5.2
		{"Messages-Waiting: no\r\nVoice-Message: 0/0", mailbox.Count{}, true},
		{"messages-waiting:YES\nvoice-message : 3 / 4 \n", mailbox.Count{New: 3, Old: 4}, true},
		{"Messages-Waiting: yes\r\n", mailbox.Count{New: 1}, true},
		{"Messages-Waiting: no\r\n", mailbox.Count{}, true},
		{"Messages-Waiting: yes\r\nFax-Message: 2/8\r\n", mailbox.Count{New: 1}, true},
		{"Voice-Message: 99999999999999999999/1(0/0)\r\n", mailbox.Count{New: mailbox.MaxCount, Old: 1}, true},
		{"Messages-Waiting: no\r\n\r\nVoice-Message: 7/7\r\n", mailbox.Count{}, true},
		{"Voice-Message: x/y\r\n", mailbox.Count{}, false},
		{"Voice-Message: 1\r\n", mailbox.Count{}, false},
		{"Voice-Message: -1/1\r\n", mailbox.Count{}, false},
		{"Fax-Message: 1/1\r\n", mailbox.Count{}, false},
		{"", mailbox.Count{}, false},
		{strings.Repeat("X: y\r\n", 5000) + "Voice-Message: 1/1\r\n", mailbox.Count{}, false},
	} {
		got, ok := mailbox.ParseSummary([]byte(c.body))
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %v, %v, want %v, %v", c.body[:min(len(c.body), 60)], got, ok, c.want, c.ok)
		}
	}
}

func TestSummary(t *testing.T) {
	if got := (mailbox.Count{New: 2, Old: 8}).Summary(""); got != "Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/0)\r\n" {
		t.Errorf("%q", got)
	}
	if got := (mailbox.Count{Old: 1}).Summary("sip:*97@x"); got != "Messages-Waiting: no\r\nMessage-Account: sip:*97@x\r\nVoice-Message: 0/1 (0/0)\r\n" {
		t.Errorf("%q", got)
	}
}

func FuzzParseSummary(f *testing.F) {
	f.Add([]byte("Messages-Waiting: yes\r\nMessage-Account: sip:a@b\r\nVoice-Message: 2/8 (0/2)\r\n"))
	f.Add([]byte("voice-message:0/0"))
	f.Add([]byte("Messages-Waiting: no\n\nVoice-Message: 99999999999999999999/1"))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, ok := mailbox.ParseSummary(body)
		if !ok {
			return
		}
		if c.New < 0 || c.Old < 0 || c.New > mailbox.MaxCount || c.Old > mailbox.MaxCount {
			t.Fatalf("%v", c)
		}
		if again, ok := mailbox.ParseSummary([]byte(c.Summary(""))); !ok || again != c {
			t.Fatalf("%v is read back as %v, %v", c, again, ok)
		}
	})
}
