//go:build image

package guest

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// wait runs a command in the guest until it succeeds.
func until(t *testing.T, g *Guest, command string) {
	t.Helper()
	loop := fmt.Sprintf("for i in $(seq 120); do %s && break; sleep 1; done; %s", command, command)
	if out, err := g.Run(loop, 3*time.Minute); err != nil {
		log, _ := g.Run("journalctl -b --no-pager -u branchline | tail -40; ip addr; ip route", time.Minute)
		t.Fatalf("%s: %v\n%s\n%s", command, err, out, log)
	}
}

// TestNetworkByDHCP boots the image as it is flashed: it finds its address by itself,
// and a phone outside reaches it.
func TestNetworkByDHCP(t *testing.T) {
	o := card(t, "amd64")
	o.Shell = true
	o.Forwards = []string{"udp:15260:5060"}
	g := start(t, o)
	if _, err := g.Expect(`# `, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	until(t, g, "ip -4 addr show | grep -q 'inet 10.0.2.15/24'")
	until(t, g, "ip route | grep -q '^default via 10.0.2.2 dev'")
	until(t, g, "grep -q '^nameserver 10.0.2.3' /etc/resolv.conf")
	until(t, g, "systemctl is-active -q branchline")
	out, err := g.Run("/usr/sbin/asterisk -rx 'net show'; cat /etc/resolv.conf; ip addr; ip route; journalctl -b --no-pager -u branchline | grep -i 'dhcp\\|network'", time.Minute)
	if err != nil {
		t.Error(err)
	}
	t.Log(out)
	phone := dialGuest(t, "127.0.0.1:15260")
	if status, _ := phone.ask(t, "OPTIONS", "", ""); status == 0 {
		t.Error("no answer to OPTIONS")
	} else {
		t.Logf("OPTIONS is answered %d", status)
	}
}

// A phone is as much of one as it takes to see that packets go both ways.
type phone struct {
	c   net.Conn
	seq int
}

func dialGuest(t *testing.T, address string) *phone {
	t.Helper()
	c, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &phone{c: c}
}

// ask sends a request and repeats it until there is a final answer; 0 is none.
func (p *phone) ask(t *testing.T, method, user, authorization string) (status int, header textproto.MIMEHeader) {
	t.Helper()
	p.seq++
	at := p.c.LocalAddr()
	var b strings.Builder
	fmt.Fprintf(&b, "%s sip:10.0.2.15 SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bKnet%d\r\nMax-Forwards: 70\r\n", method, at, p.seq)
	fmt.Fprintf(&b, "From: <sip:%s@10.0.2.15>;tag=outside\r\nTo: <sip:%[1]s@10.0.2.15>\r\nCall-ID: net-%d@outside\r\nCSeq: %[2]d %[3]s\r\n", user, p.seq, method)
	fmt.Fprintf(&b, "Contact: <sip:%s@%s>\r\nExpires: 300\r\n", user, at)
	if authorization != "" {
		b.WriteString("Authorization: " + authorization + "\r\n")
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	buf := make([]byte, 4096)
	for range 20 {
		if _, err := p.c.Write([]byte(b.String())); err != nil {
			t.Log(err)
		}
		if err := p.c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := p.c.Read(buf)
		if err != nil {
			continue
		}
		line, rest, _ := bytes.Cut(buf[:n], []byte("\r\n"))
		if _, err := fmt.Sscanf(string(line), "SIP/2.0 %d", &status); err != nil {
			continue
		}
		header, err = textproto.NewReader(bufio.NewReader(bytes.NewReader(rest))).ReadMIMEHeader()
		if err == nil && status >= 200 {
			return status, header
		}
	}
	return 0, nil
}

// digest answers a challenge (RFC 2617 3.2.2 without qop).
func digest(challenge, user, secret, method, uri string) string {
	parameter := func(name string) string {
		_, v, _ := strings.Cut(challenge, name+"=\"")
		v, _, _ = strings.Cut(v, "\"")
		return v
	}
	sum := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	realm, nonce := parameter("realm"), parameter("nonce")
	response := sum(sum(user+":"+realm+":"+secret) + ":" + nonce + ":" + sum(method+":"+uri))
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=MD5`, user, realm, nonce, uri, response)
}
