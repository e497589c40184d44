package invite

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
)

// purse answers every challenge once.
type purse struct{ answers int }

func (p *purse) Authorize(req *sip.Request, _ *sip.Response) error {
	if p.answers++; p.answers > 1 {
		return errors.New("refused")
	}
	req.AppendHeader(sip.NewHeader("Authorization", "Digest x"))
	return nil
}

func TestText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Credentials = &purse{}
		s, _, _ := r.call(offerText("198.51.100.206", 4000, "0"))
		s.Answer()
		if !s.SendText(channel.Text{Body: "hello", FromName: `B"ob`, ToName: "Ann", ContentType: "text/x"}) {
			t.Error("refused")
		}
		r.quiet() // the call does not stand yet
		r.phone.send(s, sip.ACK, "")
		o := r.take(sip.MESSAGE)
		want(t, "body", string(o.req.Body()), "hello")
		want(t, "type", headerOf(o.req, "Content-Type"), "text/x")
		contains(t, "From", headerOf(o.req, "From"), `"B\"ob" <`)
		contains(t, "To", headerOf(o.req, "To"), `"Ann" <`)
		o.respond(401, "", "", `WWW-Authenticate: Digest realm="x"`)
		o = r.take(sip.MESSAGE)
		want(t, "Authorization", headerOf(o.req, "Authorization"), "Digest x")
		o.respond(401, "", "", `WWW-Authenticate: Digest realm="x"`)
		r.quiet()
		s.SendText(channel.Text{Body: "again", ContentType: "text/plain\r\nX: y"})
		want(t, "type", headerOf(r.take(sip.MESSAGE).req, "Content-Type"), "text/plain")

		want(t, "text", r.phone.send(s, sip.MESSAGE, "hi", "Content-Type: text/plain;charset=UTF-8").codes(), "202")
		r.wait()
		e, _ := r.mb.Next()
		if e.Kind != channel.Texted || e.Text.Body != "hi" || e.Text.ContentType != "text/plain;charset=UTF-8" {
			t.Errorf("%+v", e)
		}
		want(t, "no text", r.phone.send(s, sip.MESSAGE, "hi", "Content-Type: image/png").codes(), "415")
		r.hangup(s)
	})
}
