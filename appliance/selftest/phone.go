package selftest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"branchline/media"
	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/settings/pjsipconf"
	"branchline/pbx/sip"
	"branchline/pbx/sip/digest"
	"branchline/pbx/sip/outreg"
	"branchline/pbx/sip/registrar"
)

// A phone is a SIP agent of its own, configured to know nobody but the exchange.
type phone struct {
	name     string
	agent    *sip.Agent
	account  *settings.Registration
	thread   outreg.Thread
	incoming chan channel.Incoming
	stop     context.CancelFunc
	done     chan error
}

// newPhone makes a phone at the exchange's own address that speaks protocol ("udp" or
// "tcp") and codec with it, as user name with password.
func newPhone(dir, name, password, protocol, codec string, exchange netip.AddrPort) (*phone, error) {
	at, err := freePort(protocol, exchange.Addr())
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(`[global]
type=global
user_agent=Branchline self-test

[net]
type=transport
protocol=%[1]s
bind=%[2]s

[exchange]
type=endpoint
context=selftest
transport=net
aors=exchange
outbound_auth=me
from_user=%[3]s
direct_media=no
allow=!all,%[4]s

[exchange]
type=aor
contact=sip:%[5]s\;transport=%[1]s

[exchange]
type=identify
endpoint=exchange
match=%[6]s

[me]
type=auth
auth_type=userpass
username=%[3]s
password=%[7]s

[account]
type=registration
transport=net
outbound_auth=me
contact_user=%[3]s
server_uri=sip:%[5]s\;transport=%[1]s
client_uri=sip:%[3]s@%[5]s
`, protocol, at, name, codec, exchange, exchange.Addr(), password)
	file := name + ".conf"
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
		return nil, err
	}
	parsed, diags := astconf.Load(os.DirFS(dir), file)
	world, more := pjsipconf.Read(parsed)
	for _, d := range append(diags, more...) {
		if d.Severity == astconf.Error {
			return nil, fmt.Errorf("phone %s: %s", name, d)
		}
	}
	verifier, err := digest.NewVerifier(rand.Reader)
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	p := &phone{name: name, account: world.Registrations[0], incoming: make(chan channel.Incoming, 1), done: make(chan error, 1)}
	contacts := registrar.New(registrar.Options{DB: astdb.Memory(), Log: quiet})
	contacts.Configure(world)
	p.agent = sip.New(sip.Options{Router: p, Acceptor: p, Plane: ears{}, Verifier: verifier, Registrar: contacts, Log: quiet})
	commit, diags, err := p.agent.Prepare(nil, world)
	if err != nil {
		return nil, err
	}
	if astconf.Failed(diags) {
		return nil, fmt.Errorf("phone %s: %s", name, diags[0])
	}
	commit()
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() { p.done <- p.agent.Run(ctx) }()
	return p, nil
}

// close unplugs the phone.
func (p *phone) close() {
	p.stop()
	<-p.done
}

// Lookup lets every number of the phone be called (sip.Router).
func (p *phone) Lookup(string, string, string) (exists, more bool) { return true, false }

// Accept takes one call (channel.Acceptor); a second finds the phone busy.
func (p *phone) Accept(_ context.Context, in channel.Incoming) error {
	select {
	case p.incoming <- in:
		return nil
	default:
		in.Leg.Hangup(channel.UserBusy)
		return nil
	}
}

// register registers with the exchange and answers its challenge.
func (p *phone) register(ctx context.Context, expires time.Duration) error {
	first := p.thread.Seq
	res, err := p.agent.SendRegister(ctx, p.account, &p.thread, expires)
	if err != nil {
		return err
	}
	if res.StatusCode != 200 {
		return fmt.Errorf("answered %d %s", res.StatusCode, res.Reason)
	}
	if p.thread.Seq-first < 2 && first == 0 {
		return fmt.Errorf("was let in without being asked for the password")
	}
	return nil
}

// A talk is one call as a phone sees it.
type talk struct {
	leg  channel.Leg
	mail *channel.Mailbox
	ear  *ear
}

func newTalk(leg channel.Leg) (*talk, error) {
	e, ok := leg.Media().(*ear)
	if !ok {
		return nil, fmt.Errorf("%s has no ear", leg.Name())
	}
	t := &talk{leg: leg, mail: channel.NewMailbox(), ear: e}
	leg.Bind(t.mail)
	return t, nil
}

// call dials a number.
func (p *phone) call(ctx context.Context, number string, codec *media.Codec) (*talk, error) {
	leg, err := p.agent.Tech().NewLeg(ctx, channel.Request{Dest: number + "@exchange", Codecs: []*media.Codec{codec}})
	if err != nil {
		return nil, err
	}
	t, err := newTalk(leg)
	if err == nil {
		leg.Dial()
	}
	return t, err
}

// await waits for an event of a kind, and fails if the call ends before.
func (t *talk) await(ctx context.Context, kind channel.EventKind) (channel.Event, error) {
	for {
		for e, ok := t.mail.Next(); ok; e, ok = t.mail.Next() {
			switch e.Kind {
			case kind:
				return e, nil
			case channel.Gone:
				return e, fmt.Errorf("the call ended: %s (status %d)", e.Cause, e.Status)
			}
		}
		select {
		case <-t.mail.Ready():
		case <-ctx.Done():
			return channel.Event{}, context.Cause(ctx)
		}
	}
}

// freePort finds a port of an address that nobody listens on.
func freePort(protocol string, at netip.Addr) (netip.AddrPort, error) {
	any := netip.AddrPortFrom(at, 0).String()
	if protocol == "tcp" {
		l, err := net.Listen("tcp", any)
		if err != nil {
			return netip.AddrPort{}, err
		}
		defer l.Close()
		return l.Addr().(*net.TCPAddr).AddrPort(), nil
	}
	c, err := net.ListenPacket("udp", any)
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}
