package errands

import (
	"context"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/outreg"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
)

// registerWait bounds one REGISTER of ours, timer F included.
const registerWait = 33 * time.Second

// SendRegister sends REGISTER for one of our own registrations
// (outreg.Caller), answers a challenge with its outbound_auth and returns the
// final response.
func (e *Runner) SendRegister(ctx context.Context, r *settings.Registration, t *outreg.Thread, expires time.Duration) (*sip.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, registerWait)
	defer cancel()
	w := e.o.Rack.Load()
	var server, client, proxy sip.Uri
	if err := way.ParseURI(r.ServerURI, &server); err != nil {
		return nil, err
	}
	if err := way.ParseURI(r.ClientURI, &client); err != nil {
		return nil, err
	}
	first := &server
	if r.OutboundProxy != "" {
		if err := way.ParseURI(r.OutboundProxy, &proxy); err != nil {
			return nil, err
		}
		first = &proxy
	}
	hs, err := e.o.Ways.Hops(ctx, way.Road{Pin: r.Transport, Plain: w.Plain(r.Legacy)}, first)
	if err != nil {
		return nil, err
	}
	if t.CallID == "" {
		t.CallID, t.Tag = e.o.Token(), e.o.Token()
	}
	creds := way.Credentials{Auths: w.Settings.NamedAuths(r.OutboundAuths)}
	var challenge *sip.Response
	for {
		t.Seq++
		req := e.register(w, r, t, hs[0], server, client, expires)
		if first == &proxy {
			req.AppendHeader(&sip.RouteHeader{Address: proxy})
		}
		if challenge != nil {
			if err := t.Client.Answer(req, challenge, creds.Auths); err != nil {
				return challenge, nil // the status says that we are not let in
			}
		} else if err := t.Client.Reuse(req); err != nil {
			return nil, err
		}
		res, err := e.o.Ways.Ask(ctx, hs[0], req, len(hs) > 1)
		if len(hs) > 1 && e.o.Ways.GaveUp(ctx, hs[0], res, err) {
			hs, challenge = hs[1:], nil
			continue
		}
		if err != nil || res.StatusCode != 401 && res.StatusCode != 407 {
			return res, err
		}
		challenge = res
	}
}

// register builds one REGISTER (RFC 3261 10.2).
func (e *Runner) register(w *transports.World, r *settings.Registration, t *outreg.Thread, h way.Hop, server, client sip.Uri, expires time.Duration) *sip.Request {
	host, port := h.Wire.Speaks(h.To.Addr())
	user := r.ContactUser
	if user == "" {
		user = "s"
	}
	contact := sip.Uri{Scheme: "sip", User: user, Host: host, Port: port}
	if h.Wire.Reliable() {
		contact.UriParams.Add("transport", "TCP")
	}
	callID, hops := sip.CallIDHeader(t.CallID), sip.MaxForwardsHeader(max(w.Settings.Global.MaxForwards, 1))
	req := sip.NewRequest(sip.REGISTER, server)
	req.AppendHeader(&sip.FromHeader{Address: client, Params: sip.HeaderParams{{K: "tag", V: t.Tag}}})
	req.AppendHeader(&sip.ToHeader{Address: client})
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: t.Seq, MethodName: sip.REGISTER})
	req.AppendHeader(&sip.ContactHeader{Address: contact})
	req.AppendHeader(sip.NewHeader("Expires", strconv.Itoa(int(expires/time.Second))))
	req.AppendHeader(&hops)
	agent := r.UserAgent
	if agent == "" {
		agent = e.o.Rack.UserAgent()
	}
	req.AppendHeader(sip.NewHeader("User-Agent", agent))
	req.SetBody(nil)
	return req
}
