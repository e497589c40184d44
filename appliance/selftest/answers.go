package selftest

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// again is how long an OPTIONS over UDP waits before it is sent once more (RFC 3261
// 17.1.2.2, timer E, without its growth).
const again = 500 * time.Millisecond

// Answers reports whether somebody speaks SIP at an address of this machine, over
// "udp" or "tcp", as a phone would find it: asked with an OPTIONS from another port of
// the same address. Any final answer will do, a refusal too; status is its first line.
func Answers(ctx context.Context, protocol string, at netip.AddrPort) (status string, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	dialer := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(at.Addr(), 0))}
	if protocol == "tcp" {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(at.Addr(), 0))
	}
	conn, err := dialer.DialContext(ctx, protocol, at.String())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	ask := fmt.Sprintf("OPTIONS sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/%[2]s %[3]s;rport;branch=z9hG4bK%[4]s\r\nMax-Forwards: 70\r\n"+
		"From: <sip:%[5]s@%[1]s>;tag=%[4]s\r\nTo: <sip:%[1]s>\r\nCall-ID: %[4]s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		at, strings.ToUpper(protocol), conn.LocalAddr(), rand.Text(), caller)
	heard := make(chan string, 1)
	go func() {
		defer close(heard)
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			if line := lines.Text(); strings.HasPrefix(line, "SIP/2.0 ") && !strings.HasPrefix(line, "SIP/2.0 1") {
				heard <- strings.TrimSpace(strings.TrimPrefix(line, "SIP/2.0"))
				return
			}
		}
	}()
	for {
		if _, err := conn.Write([]byte(ask)); err != nil && ctx.Err() == nil {
			return "", err
		}
		var resend <-chan time.Time
		if protocol != "tcp" {
			resend = time.After(again)
		}
		select {
		case status, ok := <-heard:
			if ok {
				return status, nil
			}
			if ctx.Err() == nil {
				return "", fmt.Errorf("%s %s: nobody speaks SIP there", protocol, at)
			}
			return "", fmt.Errorf("%s %s: no answer to an OPTIONS in %v", protocol, at, stepTime)
		case <-resend:
		}
	}
}
