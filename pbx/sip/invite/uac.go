package invite

import (
	"errors"
	"fmt"
	"slices"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/sip/compose"
	"branchline/pbx/sip/desk"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/negotiation"
	"branchline/pbx/sip/party"
	"branchline/pbx/sip/q850"
)

// uac is what an outbound session keeps about its INVITE and its forks.
type uac struct {
	call   Call
	target sip.Uri
	req    *sip.Request // the INVITE now under way
	tx     link.ClientTx
	callID string
	tag    string
	seq    uint32
	early  map[string]*dialog.Dialog // by their tag
	acks   map[string]*sip.Request   // ACKs sent, by their tag, to repeat
	rseq   map[string]uint32         // last RSeq, by their tag
	fork   string                    // whose early media is heard
	tries  int                       // challenges, 422s and redirections followed
	cause  channel.Cause
	asked  bool // CANCEL was sent
	giveUp desk.Alarm
}

// maxTries bounds how often one call sends its INVITE anew.
const maxTries = 8

// Outgoing prepares an outbound leg; its INVITE goes out with Dial.
func Outgoing(c Config, call Call) (*Session, error) {
	s, err := newSession(c, false)
	if err != nil {
		return nil, fmt.Errorf("media port: %w", err)
	}
	s.uac = uac{
		call: call, target: call.Target, callID: s.Network.Token(), tag: s.Network.Token(),
		early: map[string]*dialog.Dialog{}, acks: map[string]*sip.Request{}, rseq: map[string]uint32{},
	}
	s.parties.connected, s.parties.told = call.Caller, call.Caller
	wantsVideo := slices.ContainsFunc(call.Codecs, func(c *media.Codec) bool { return c.Video })
	s.codecs = negotiation.Preferred(s.Endpoint.Codecs, call.Codecs)
	if wantsVideo {
		if err := s.openVideo(); err != nil {
			s.port.Close()
			return nil, fmt.Errorf("video port: %w", err)
		}
	}
	for _, h := range call.Headers {
		s.extra.Set(h.Name, h.Value, true)
	}
	s.publish()
	go s.loop()
	return s, nil
}

// dial sends the INVITE (13.2.1).
func (s *Session) dial() {
	if s.state != Idle {
		return
	}
	s.state = Calling
	s.talk.Open = nil
	if s.Find == nil {
		s.invite(s.makeOffer(), nil)
		return
	}
	s.Find(func(l link.Local, err error) { s.do(func() { s.found(l, err) }) })
}

// found goes on with dial when the address is known.
func (s *Session) found(l link.Local, err error) {
	switch {
	case s.state != Calling: // hung up meanwhile
		s.state = Over
	case err != nil:
		cause := channel.NoRoute
		var why *channel.Refusal
		if errors.As(err, &why) {
			cause = why.Cause
		}
		s.release(cause, 0, err.Error())
		s.state = Over
	default:
		s.Local = l
		s.invite(s.makeOffer(), nil)
	}
}

// invite sends an INVITE that founds the dialog; challenge is the response that
// made a new one necessary.
func (s *Session) invite(body []byte, challenge *sip.Response) error {
	u := &s.uac
	u.seq++
	req := s.voice().Invite(compose.First{
		Target: u.target, CallID: u.callID, Tag: u.tag, Seq: u.seq, Routes: u.call.Routes, Redirecting: u.call.Redirecting,
		Timer: func(req *sip.Request) { s.timing.Ask(s.Endpoint, req) }, Extra: s.extra.All(),
	})
	s.finish(req, s.hops(), negotiation.Type, body)
	if challenge != nil {
		if s.Credentials == nil {
			return errNoCredentials
		}
		if err := s.Credentials.Authorize(req, challenge); err != nil {
			return err
		}
	}
	u.req = req
	s.publish()
	u.tx = s.send(req, func(r link.Reply) { s.invited(req, r) })
	return nil
}

var errNoCredentials = errors.New("no credentials for the challenge")

func (s *Session) hops() int {
	if s.uac.call.MaxForwards > 0 {
		return s.uac.call.MaxForwards
	}
	return 70
}

// ownContact is the Contact an INVITE of ours had.
func (s *Session) ownContact(req *sip.Request) sip.Uri {
	if c := req.Contact(); c != nil {
		return *c.Address.Clone()
	}
	v := s.voice()
	return v.Contact(v.User())
}

// invited takes every response to the INVITE (13.2.2).
func (s *Session) invited(req *sip.Request, r link.Reply) {
	if r.Err != nil {
		s.undelivered(r.Err)
		return
	}
	res := r.Response
	switch {
	case res.StatusCode < 200:
		if req == s.uac.req {
			s.proceed(req, res)
		}
	case res.StatusCode < 300:
		s.accepted(req, res)
	default:
		if req == s.uac.req {
			s.refused(res)
		}
	}
}

// undelivered: no response will come (8.1.3.1).
func (s *Session) undelivered(err error) {
	switch s.state {
	case Calling, Proceeding:
		cause, status := channel.NormalCircuitCongestion, 503
		if errors.Is(err, link.ErrTimeout) {
			cause, status = channel.NoUserResponse, 408
		}
		s.release(cause, status, err.Error())
		s.state = Over
	case Cancelling:
		s.state = Over
	case Idle, Offered, Accepted, Confirmed, Ending, Over:
	}
}

// proceed takes a provisional response (13.2.2.1).
func (s *Session) proceed(req *sip.Request, res *sip.Response) {
	switch s.state {
	case Calling:
		s.state = Proceeding
	case Proceeding:
	case Cancelling:
		s.sayCancel() // 9.1: not before a provisional response
	default:
		return
	}
	if res.StatusCode == 100 {
		return
	}
	var d *dialog.Dialog
	if to := res.To(); to != nil && to.Params.Has("tag") {
		if d = s.earlyDialog(req, res); d != nil && !s.confirm(d, req, res) {
			return
		}
	}
	if s.gone {
		return
	}
	s.peer.learn(res)
	s.meet(res)
	media := s.earlyMedia(res)
	cause, _ := q850.Told(res)
	e := channel.Event{Status: res.StatusCode, Reason: res.Reason, Cause: cause}
	switch res.StatusCode {
	case 180, 182:
		e.Kind = channel.Ringing
		s.emit(e)
	case 181:
		by, to := party.Forwarders(res)
		s.emit(channel.Event{Kind: channel.Diverted, Status: 181, Party: by, Target: to.Number})
	case 183:
		if !media && s.Endpoint.Ignore183WithoutSDP {
			return
		}
		media = true
	}
	if media {
		e.Kind = channel.Progressed
		s.emit(e)
	}
}

// earlyDialog finds or founds the dialog of a provisional response (12.1.2); a
// forked INVITE has one for each tag.
func (s *Session) earlyDialog(req *sip.Request, res *sip.Response) *dialog.Dialog {
	tag, _ := res.To().Params.Get("tag")
	if d := s.uac.early[tag]; d != nil {
		d.Refresh(res.Contact())
		s.rewrite(d, res)
		return d
	}
	d, err := dialog.Made(req, res, s.ownContact(req))
	if err != nil || len(s.uac.early) >= 32 {
		return nil
	}
	s.rewrite(d, res)
	s.uac.early[tag] = d
	s.Dialogs.Add(d.ID(), s)
	return d
}

// earlyMedia takes a description in a provisional response and reports whether
// something can be heard.
func (s *Session) earlyMedia(res *sip.Response) bool {
	answer, err := negotiation.Read(res)
	if err != nil || answer == nil || s.talk.Open == nil {
		return false
	}
	tag, _ := res.To().Params.Get("tag")
	if s.uac.fork != "" && s.uac.fork != tag && !s.Endpoint.FollowEarlyMediaFork {
		return false
	}
	if err := s.takeAnswer(answer); err != nil {
		s.log.Info("early media not usable", "err", err)
		return false
	}
	s.uac.fork = tag
	return true
}

// accepted takes a 2xx (13.2.2.4): the first one wins, those of other forks are
// acknowledged and ended, repetitions acknowledged again.
func (s *Session) accepted(req *sip.Request, res *sip.Response) {
	u := &s.uac
	tag := ""
	if to := res.To(); to != nil {
		tag, _ = to.Params.Get("tag")
	}
	if ack := u.acks[tag]; ack != nil {
		s.Network.Send(ack.Clone())
		return
	}
	d, err := dialog.Made(req, res, s.ownContact(req))
	if err != nil {
		s.log.Info("2xx without a dialog", "err", err)
		return
	}
	if e := u.early[tag]; e != nil {
		// The route set is the 2xx's, the counters are the early dialog's.
		d.LocalSeq, d.RemoteSeq, d.HeardSeq = e.LocalSeq, e.RemoteSeq, e.HeardSeq
	}
	s.rewrite(d, res)
	if s.state == Calling || s.state == Proceeding || s.state == Cancelling {
		s.adopt(d) // before the ACK: who has it may ask for something at once
	}
	u.acks[tag] = s.ack(d, req)
	switch s.state {
	case Calling, Proceeding:
		s.won(res)
	case Cancelling: // 9.1: the CANCEL came too late
		s.state = Ending
		s.clock.Stop(&u.giveUp)
		s.ending.cause = u.cause
		s.sayBye()
	case Confirmed, Ending:
		s.dismiss(d)
	case Idle, Offered, Accepted, Over:
	}
}

// ack acknowledges a 2xx and returns the ACK for repetition.
func (s *Session) ack(d *dialog.Dialog, invite *sip.Request) *sip.Request {
	seq := uint32(0)
	if c := invite.CSeq(); c != nil {
		seq = c.SeqNo
	}
	ack := d.Ack(seq)
	for _, name := range []string{"Authorization", "Proxy-Authorization"} { // 13.2.2.4
		for _, h := range invite.GetHeaders(name) {
			ack.AppendHeader(sip.NewHeader(h.Name(), h.Value()))
		}
	}
	s.finish(ack, s.MaxForwards, "", nil)
	s.noted("Tx: ", ack)
	s.Network.Send(ack.Clone())
	return ack
}

// adopt makes d the session's dialog; the early ones of other forks are dropped.
func (s *Session) adopt(d *dialog.Dialog) {
	for _, e := range s.uac.early {
		if e.ID() != d.ID() {
			s.Dialogs.Remove(e.ID(), s)
		}
	}
	clear(s.uac.early)
	s.dialog = d
	s.Dialogs.Add(d.ID(), s)
}

// won: the called party answered.
func (s *Session) won(res *sip.Response) {
	s.state = Confirmed
	s.peer.learn(res)
	s.meet(res)
	answer, err := negotiation.Read(res)
	switch {
	case err != nil:
	case answer != nil && s.talk.Open != nil:
		err = s.takeAnswer(answer)
	case s.talk.InForce && s.uac.fork == s.dialog.Remote.Tag: // it was in a 18x of this fork
	default:
		err = negotiation.ErrBody
	}
	s.talk.Open = nil
	if err != nil {
		s.log.Info("answered without usable media", "err", err)
		s.fail(channel.BearerCapabilityNotAvail, 488, err.Error())
		return
	}
	s.timing.Hear(s.Endpoint, res)
	s.startTimer()
	s.publish()
	s.pending()
	s.emit(channel.Event{Kind: channel.Answered, Status: res.StatusCode, Reason: res.Reason})
}

// dismiss ends the dialog of a fork that answered too late.
func (s *Session) dismiss(d *dialog.Dialog) {
	req := d.Request(sip.BYE)
	for _, h := range s.reasons(channel.AnsweredElsewhere) {
		req.AppendHeader(h)
	}
	s.finish(req, s.MaxForwards, "", nil)
	s.send(req, func(link.Reply) {})
}

// refused takes a final response that is no 2xx; the transaction has sent its
// ACK (13.2.2.2, 13.2.2.3).
func (s *Session) refused(res *sip.Response) {
	switch s.state {
	case Cancelling:
		s.state = Over
		return
	case Calling, Proceeding:
	default:
		return
	}
	if s.again(res) {
		return
	}
	cause := q850.Cause(res.StatusCode)
	if s.Endpoint.Legacy && (res.StatusCode == 480 || res.StatusCode == 603) {
		cause = channel.UserBusy // what dialplans written for chan_sip expect
	}
	if c, ok := q850.Told(res); ok {
		cause = c
	}
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		if target := s.movedTo(res); target != "" {
			cause = channel.RedirectedToNew
			s.emit(channel.Event{Kind: channel.Forwarded, Status: res.StatusCode, Reason: res.Reason, Target: target, Party: s.forwardedBy(res)})
		}
	}
	s.release(cause, res.StatusCode, res.Reason)
	s.state = Over
}

// again sends the INVITE once more where the response asks for it: credentials
// (22.2), a longer session timer (RFC 4028 7.3), another address (8.1.3.4). The
// To tag of the refusal belongs to no dialog.
func (s *Session) again(res *sip.Response) bool {
	u := &s.uac
	if u.tries >= maxTries {
		return false
	}
	var challenge *sip.Response
	switch res.StatusCode {
	case 401, 407:
		challenge = res
	case 422:
		if !s.timing.Longer(res) || s.Endpoint.Timers == "no" {
			return false
		}
	case 300, 301, 302:
		c := res.Contact()
		if s.Endpoint.RedirectMethod != "uri_pjsip" || c == nil || c.Address.Host == "" {
			return false
		}
		u.target = *c.Address.Clone()
		u.target.Headers = nil
	default:
		return false
	}
	u.tries++
	for _, d := range u.early {
		s.Dialogs.Remove(d.ID(), s)
	}
	clear(u.early)
	clear(u.rseq)
	state := s.state
	s.state = Calling
	if err := s.invite(s.talk.Open.Bytes(), challenge); err != nil {
		s.log.Info("challenge not answered", "err", err)
		s.state = state
		return false
	}
	return true
}

// movedTo is where a 3xx wants the call: a dialplan extension, or for
// redirect_method=uri_core a destination in Dial's form.
func (s *Session) movedTo(res *sip.Response) string {
	c := res.Contact()
	switch {
	case c == nil || c.Address.Wildcard:
		return ""
	case res.StatusCode == 305 || res.StatusCode == 380:
		// 21.3.4: a callee's proxy is not ours to use; 21.3.5: another service is
		// not another address.
		return ""
	}
	if s.Endpoint.RedirectMethod == "uri_core" {
		return "PJSIP/" + s.Endpoint.ID + "/" + c.Address.String()
	}
	return party.Number(&c.Address)
}

// cancel ends an unanswered outbound call (9.1).
func (s *Session) cancel(c channel.Cause) {
	heard := s.state == Proceeding
	s.state = Cancelling
	s.uac.cause = c
	if heard {
		s.sayCancel()
	} else if tx, ok := s.uac.tx.(link.Rover); ok {
		tx.Stay()
	}
}

func (s *Session) sayCancel() {
	u := &s.uac
	if u.asked {
		return
	}
	u.asked = true
	u.tx.Cancel(s.reasons(u.cause)...)
	s.clock.Set(&u.giveUp, s.lifetime(), func() { // 9.1: no answer within 64*T1 counts as cancelled
		if s.state == Cancelling {
			u.tx.Terminate()
			s.state = Over
		}
	})
}
