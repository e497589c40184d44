//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestSendNotify sends a registered phone what pjsip_notify.conf says, from the console.
// Seed: S-169.
func TestSendNotify(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	conf := smallOffice(plain)
	conf["pjsip_notify.conf"] = &fstest.MapFile{Data: []byte("[clear-mwi]\nEvent=>message-summary\n" +
		"Content-type=>application/simple-message-summary\nContent=>Messages-Waiting: no\nContent=>\n")}
	e := r.exchange(single(t), server3, conf)
	r.login(device1001, "1001", false)
	var c net.PacketConn
	r.must(r.host(device1001).Do(func() (err error) {
		c, err = net.ListenPacket("udp4", addr(device1001)+":5060")
		return err
	}))
	defer c.Close()
	got := make(chan string, 2)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			lines := []string{"SIP/2.0 200 OK"}
			for line := range strings.SplitSeq(string(buf[:n]), "\r\n") {
				name, _, _ := strings.Cut(line, ":")
				switch name {
				case "Via", "From", "To", "Call-ID", "CSeq":
					lines = append(lines, line)
				}
			}
			_, _ = c.WriteTo([]byte(strings.Join(lines, "\r\n")+"\r\nContent-Length: 0\r\n\r\n"), from)
			got <- string(buf[:n])
		}
	}()
	for _, command := range []string{"endpoint 1001", fmt.Sprintf("uri sip:1001@%s:5060", addr(device1001))} {
		out := r.rx(e, "pjsip send notify clear-mwi "+command)
		_, peer, _ := strings.Cut(command, " ")
		if want := "Sending NOTIFY of type 'clear-mwi' to '" + peer + "'\n"; !strings.HasSuffix(out, want) {
			t.Errorf("%s: %q", command, out)
		}
		select {
		case m := <-got:
			for _, want := range []string{"NOTIFY sip:1001@" + addr(device1001), "Event: message-summary\r\n", "Subscription-State: terminated\r\n",
				"Content-Type: application/simple-message-summary\r\n", "\r\n\r\nMessages-Waiting: no\r\n"} {
				if !strings.Contains(strings.ReplaceAll(m, "Content-type", "Content-Type"), want) {
					t.Errorf("%s: no %q in\n%s", command, want, m)
				}
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s: nothing came", command)
		}
	}
}
