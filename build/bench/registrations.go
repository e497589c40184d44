package main

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/switchboard"
)

const (
	extensions = 1000
	phones     = 50 // that register at the same time
)

// registrations measures complete registrations with digest: REGISTER, 401, REGISTER, 200.
func (b *bench) registrations(k switchboard.Kind) error {
	d, err := b.started(k, extensions)
	defer d.close()
	if err != nil {
		return err
	}
	total := 20_000
	if b.quick {
		total = 5_000
	}
	if _, err := register(d.lan, 1000); err != nil { // warm
		return err
	}
	cpu, err := d.exchange.CPU()
	if err != nil {
		return err
	}
	began := time.Now()
	repeated, err := register(d.lan, total)
	if err != nil {
		return err
	}
	took := time.Since(began)
	after, err := d.exchange.CPU()
	if err != nil {
		return err
	}
	b.report.add(k.Name, "digest registrations/s, one core",
		fmt.Sprintf("%.0f (%.3f CPU ms each, %d repeated)", float64(total)/took.Seconds(),
			float64((after-cpu).Microseconds())/1000/float64(total), repeated), ">= 5000")
	return nil
}

// register has the phones register total times between them, each over its own socket; it returns
// how many requests had to be repeated.
func register(l *lan.LAN, total int) (int, error) {
	h, err := l.Host(phonesAt)
	if err != nil {
		return 0, err
	}
	var next, repeated atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, phones)
	for i := range phones {
		p, err := newRegistrant(h, i)
		if err != nil {
			return 0, err
		}
		group.Go(func() {
			defer p.conn.Close()
			for {
				n := next.Add(1)
				if n > int64(total) {
					break
				}
				if errs[i] = p.register(number(int(n) % extensions)); errs[i] != nil {
					break
				}
			}
			repeated.Add(int64(p.repeated))
		})
	}
	group.Wait()
	return int(repeated.Load()), errors.Join(errs...)
}

// registrant is a phone that can do nothing but register.
type registrant struct {
	conn     net.Conn
	local    string
	id, seq  int
	repeated int
	buf      []byte
}

func newRegistrant(h *lan.Host, id int) (*registrant, error) {
	p := &registrant{id: id, buf: make([]byte, 4096)}
	err := h.Do(func() error {
		var err error
		p.conn, err = net.Dial("udp4", fmt.Sprintf("%s%d:5060", lan.Prefix, exchangeAt))
		return err
	})
	if err != nil {
		return nil, err
	}
	p.local = p.conn.LocalAddr().String()
	return p, nil
}

func (p *registrant) register(user string) error {
	p.seq++
	call := fmt.Sprintf("%d-%d-%s", p.id, p.seq, strings.ReplaceAll(p.local, ":", "-"))
	first, err := p.ask(user, call, 1, "")
	if err != nil {
		return err
	}
	if status(first) != 401 {
		return fmt.Errorf("first REGISTER of %s got %d", user, status(first))
	}
	second, err := p.ask(user, call, 2, authorization(first, user))
	if err != nil {
		return err
	}
	if status(second) != 200 {
		return fmt.Errorf("REGISTER of %s with its password got %d", user, status(second))
	}
	return nil
}

// ask sends a REGISTER, again every 500 ms, until its final answer is there.
func (p *registrant) ask(user, call string, cseq int, auth string) ([]byte, error) {
	const server = lan.Prefix + "52"
	req := fmt.Appendf(nil, "REGISTER sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;rport;branch=z9hG4bK%[3]s-%[4]d\r\n"+
		"From: <sip:%[5]s@%[1]s>;tag=%[3]s\r\nTo: <sip:%[5]s@%[1]s>\r\nCall-ID: %[3]s\r\nCSeq: %[4]d REGISTER\r\n"+
		"Contact: <sip:%[5]s@%[2]s>\r\nMax-Forwards: 70\r\n%[6]sExpires: 3600\r\nContent-Length: 0\r\n\r\n",
		server, p.local, call, cseq, user, auth)
	want := fmt.Appendf(nil, "CSeq: %d REGISTER", cseq)
	id := []byte(call)
	for range 20 {
		if _, err := p.conn.Write(req); err != nil {
			return nil, err
		}
		if err := p.conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			return nil, err
		}
		for {
			n, err := p.conn.Read(p.buf)
			if err != nil {
				break // timeout: send again
			}
			res := p.buf[:n]
			if bytes.Contains(res, id) && bytes.Contains(res, want) && status(res) >= 200 {
				return res, nil
			}
		}
		p.repeated++
	}
	return nil, errors.New("no answer to a REGISTER")
}

func status(res []byte) int {
	var n int
	if _, err := fmt.Sscanf(string(res[:min(len(res), 12)]), "SIP/2.0 %d", &n); err != nil {
		return 0
	}
	return n
}

// param finds name="value" in a challenge.
func param(res []byte, name string) string {
	_, rest, found := bytes.Cut(res, []byte(name+`="`))
	if !found {
		return ""
	}
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}

// authorization answers an MD5 challenge with qop=auth (RFC 2617).
func authorization(res []byte, user string) string {
	const uri, cnonce, nc = "sip:bench", "0123abcd", "00000001"
	realm, nonce := param(res, "realm"), param(res, "nonce")
	ha1 := hexMD5(user + ":" + realm + ":" + password)
	ha2 := hexMD5("REGISTER:" + uri)
	response := hexMD5(ha1 + ":" + nonce + ":" + nc + ":" + cnonce + ":auth:" + ha2)
	opaque := ""
	if o := param(res, "opaque"); o != "" {
		opaque = `,opaque="` + o + `"`
	}
	return fmt.Sprintf(`Authorization: Digest username="%s",realm="%s",nonce="%s",uri="%s",response="%s",`+
		`algorithm=MD5,qop=auth,nc=%s,cnonce="%s"%s`+"\r\n", user, realm, nonce, uri, response, nc, cnonce, opaque)
}

func hexMD5(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// boot measures the time from exec to the first answer to a REGISTER, with 100 extensions.
func (b *bench) boot(k switchboard.Kind) error {
	runs := 5
	if b.quick || k.Asterisk() {
		runs = 3
	}
	var times []time.Duration
	for range runs {
		t, err := b.bootOnce(k)
		if err != nil {
			return err
		}
		times = append(times, t)
	}
	slices.Sort(times)
	b.report.add(k.Name, "exec to first REGISTER answered, 100 extensions",
		fmt.Sprintf("%.0f ms (%.0f-%.0f)", ms(times[runs/2]), ms(times[0]), ms(times[runs-1])), "<= 100 ms")
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (b *bench) bootOnce(k switchboard.Kind) (time.Duration, error) {
	d, err := b.bed(k)
	defer d.close()
	if err != nil {
		return 0, err
	}
	if err := d.exchange.Configure(configuration(100)); err != nil {
		return 0, err
	}
	h, err := d.lan.Host(phonesAt)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := d.exchange.Exec(b.ctx); err != nil {
		return 0, err
	}
	for time.Since(began) < 30*time.Second {
		p, err := newRegistrant(h, 0)
		if err != nil {
			return 0, err
		}
		answered, err := p.probe()
		p.conn.Close()
		if err != nil {
			return 0, err
		}
		if answered {
			return time.Since(began), nil
		}
	}
	return 0, fmt.Errorf("no answer within 30 s:\n%s", d.exchange.Log())
}

// probe sends one REGISTER and waits 3 ms; a port that is not open yet answers with ICMP, which
// ends the wait early.
func (p *registrant) probe() (bool, error) {
	req := fmt.Appendf(nil, "REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bKprobe\r\n"+
		"From: <sip:10000@x>;tag=1\r\nTo: <sip:10000@x>\r\nCall-ID: probe\r\nCSeq: 1 REGISTER\r\n"+
		"Contact: <sip:10000@%[1]s>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", p.local)
	if _, err := p.conn.Write(req); err != nil {
		return false, err
	}
	deadline := time.Now().Add(3 * time.Millisecond)
	if err := p.conn.SetReadDeadline(deadline); err != nil {
		return false, err
	}
	n, err := p.conn.Read(p.buf)
	if err != nil {
		time.Sleep(time.Until(deadline)) // the pace of the probe
		return false, nil
	}
	return status(p.buf[:n]) >= 200, nil
}
