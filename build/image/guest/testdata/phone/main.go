// Command phone registers phones at the exchange of the machine it runs on, over and over,
// and says how often that was answered 200. Its arguments are how many, and the pause
// between one and the next.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "phone COUNT PAUSE")
		os.Exit(2)
	}
	count, err := strconv.Atoi(os.Args[1])
	pause, err2 := time.ParseDuration(os.Args[2])
	if err = errors.Join(err, err2); err == nil {
		err = register(count, pause)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func register(count int, pause time.Duration) error {
	c, err := net.Dial("udp", "127.0.0.1:5060")
	if err != nil {
		return err
	}
	defer c.Close()
	buf := make([]byte, 4096)
	for i, answered := 0, 0; ; i++ {
		at, user := c.LocalAddr(), 3001+i%count
		if _, err := fmt.Fprintf(c, "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bKpower%d\r\nMax-Forwards: 70\r\nFrom: <sip:%d@127.0.0.1>;tag=p\r\nTo: <sip:%[3]d@127.0.0.1>\r\n"+
			"Call-ID: power-%[3]d-%[2]d@inside\r\nCSeq: 1 REGISTER\r\nContact: <sip:%[3]d@%[1]s>\r\nExpires: %[4]d\r\nContent-Length: 0\r\n\r\n", at, i, user, 300+i%7); err != nil {
			return err
		}
		if err := c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
		n, err := c.Read(buf)
		if err != nil {
			continue
		}
		if !bytes.HasPrefix(buf[:n], []byte("SIP/2.0 200 ")) {
			line, _, _ := bytes.Cut(buf[:n], []byte("\r"))
			return fmt.Errorf("register: %s", line)
		}
		answered++
		fmt.Printf("registered-%d-\n", answered)
		time.Sleep(pause)
	}
}
