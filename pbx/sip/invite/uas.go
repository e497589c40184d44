package invite

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	tones "branchline/media/tone"
	"branchline/pbx/channel"
	"branchline/pbx/sip/compose"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/negotiation"
	"branchline/pbx/sip/q850"
	"branchline/pbx/sip/reliable"
	"branchline/pbx/sip/sessiontimer"
)

// uas is what an inbound session keeps until its INVITE is answered.
type uas struct {
	req   *sip.Request
	tx    link.ServerTx
	tag   string
	early bool // 183 with our answer was sent
	rang  bool // 180 was sent
	// verdict is the final response the dialplan chose, 0: that of the cause.
	verdict int
	rel     reliable.Provisionals
	unheard bool          // a PRACK never came
	wanted  func()        // what waits for a PRACK: the 2xx
	blame   channel.Cause // why the call failed, where its end does not say it
}

// Incoming answers a new INVITE (RFC 3261 13.3.1): 100 at once, then the checks
// that need no dialplan. If one of them fails the final response has been sent
// and the error says why; otherwise the session waits for its owner to Ring,
// Progress, Answer or Hangup.
func Incoming(c Config, req *sip.Request, tx link.ServerTx) (*Session, error) {
	s, err := newSession(c, true)
	if err != nil {
		trying := dialog.Respond(req, 100, "", "")
		trying.SetBody(nil)
		if err := tx.Respond(trying); err != nil && c.Log != nil {
			c.Log.Debug("response not sent", "status", 100, "err", err)
		}
		refuse(c, req, tx, 488) // as measured: without a port there is no media to agree on
		return nil, fmt.Errorf("media port: %w", err)
	}
	s.uas.req, s.uas.tx = req, tx
	s.noted("Rx: ", req)
	if to := req.To(); to != nil {
		s.uas.tag, _ = to.Params.Get("tag")
	}
	if s.uas.tag == "" {
		s.uas.tag = s.Network.Token()
	}
	s.codecs = s.Endpoint.Codecs
	s.peer.learn(req)
	s.extra.Read(req)
	if !tx.OnCancel(func(*sip.Request) { s.do(s.cancelled) }) {
		s.port.Close()
		return nil, fmt.Errorf("%s: already cancelled", c.Name)
	}
	s.respond(s.answerTo(req, 100))
	if res, err := s.admit(req); err != nil {
		s.respond(res)
		s.port.Close()
		if s.video != nil {
			s.video.Close()
		}
		return nil, err
	}
	s.publish()
	s.Dialogs.Add(s.dialog.ID(), s)
	go s.loop()
	return s, nil
}

// refuse answers an INVITE no session could be made for.
func refuse(c Config, req *sip.Request, tx link.ServerTx, status int) {
	res := dialog.Respond(req, status, "", c.Network.Token())
	res.AppendHeader(sip.NewHeader("Server", c.UserAgent))
	res.SetBody(nil)
	if err := tx.Respond(res); err != nil && c.Log != nil {
		c.Log.Debug("response not sent", "status", status, "err", err)
	}
}

// admit makes the checks of RFC 3261 8.2 and 13.3.1 on a new INVITE and builds
// its dialog and our answer. On error it returns the response to send.
func (s *Session) admit(req *sip.Request) (*sip.Response, error) {
	reject := func(status int, why error, extra ...sip.Header) (*sip.Response, error) {
		res := s.answerTo(req, status)
		for _, h := range extra {
			res.AppendHeader(h)
		}
		res.SetBody(nil)
		return res, fmt.Errorf("%d %s: %w", status, res.Reason, why)
	}
	// 8.2.2.3 Require
	if tags := s.voice().Unsupported(req); len(tags) > 0 {
		list := strings.Join(tags, ", ")
		return reject(420, fmt.Errorf("requires %s", list), sip.NewHeader("Unsupported", list))
	}
	if s.Endpoint.Rel100 == "required" && !s.peer.supported["100rel"] && !header.Requires(req, "100rel") {
		return reject(421, fmt.Errorf("no 100rel"), sip.NewHeader("Require", "100rel"))
	}
	if s.Endpoint.Timers == "required" && !s.knowsTimer(req) {
		return reject(421, fmt.Errorf("no session timer"), sip.NewHeader("Require", "timer"))
	}
	// RFC 4028 9
	if s.timing.Take(s.Endpoint, req, s.knowsTimer(req)) {
		return reject(422, fmt.Errorf("session timer below %v", sessiontimer.MinSE(s.Endpoint)),
			sip.NewHeader("Min-SE", sessiontimer.Seconds(sessiontimer.MinSE(s.Endpoint))))
	}
	// 12.1.1
	d, err := dialog.Accepted(req, s.uas.tag, s.voice().Contact(""))
	if err != nil {
		return reject(400, err)
	}
	s.rewrite(d, req)
	// 13.2.1: the INVITE's body is an offer, or ours comes in the first reliable response.
	offer, err := negotiation.Read(req)
	switch {
	case err != nil:
		status := 400
		var extra []sip.Header
		if errors.Is(err, negotiation.ErrBody) {
			status = 415
			extra = append(extra, sip.NewHeader("Accept", negotiation.Type))
		}
		return reject(status, err, extra...)
	case offer != nil:
		s.talk.Prepared, s.talk.Result, err = s.makeAnswer(offer)
		if err != nil {
			return reject(488, err)
		}
		s.agreed = negotiation.Agreed(s.talk.Result)
	default:
		if err := s.openVideo(); err != nil {
			return reject(503, err)
		}
	}
	s.dialog = d
	return nil, nil
}

// respond sends a response to the INVITE under way.
func (s *Session) respond(res *sip.Response) {
	if err := s.uas.tx.Respond(res); err != nil {
		s.log.Debug("response not sent", "status", res.StatusCode, "err", err)
	}
}

// provisional answers the INVITE with a 18x (13.3.1.1), reliably if the caller
// asked for it (RFC 3262 3).
func (s *Session) provisional(status int, withSDP bool) {
	res := s.answerTo(s.uas.req, status)
	s.describe(res)
	s.present(res)
	body := []byte(nil)
	if withSDP {
		body = s.sayAnswer()
	}
	if s.reliably() {
		if body == nil && withSDP {
			body = s.makeOffer() // offerless INVITE: the first reliable response has our offer
		}
		s.uas.rel.Say(res, negotiation.Type, body, s.number)
		return
	}
	header.Carry(res, negotiation.Type, body)
	s.respond(res)
}

// sayAnswer is our answer to the INVITE's offer, now said and in force; nil if
// there was no offer.
func (s *Session) sayAnswer() []byte {
	t := &s.talk
	if t.Prepared == nil {
		return nil
	}
	t.Ours = t.Prepared
	if !t.InForce {
		s.apply(t.Result)
	}
	return t.Prepared.Bytes()
}

func (s *Session) ring() {
	if s.state != Offered || s.uas.early && !s.LateRinging {
		return // a 180 after 183 would make phones ring over the early media
	}
	if s.Endpoint.InbandProgress {
		s.progress()
		book := tones.Builtin()
		if s.Tones != nil {
			book = s.Tones()
		}
		if err := s.ringing.Start(s.port, book, s.Endpoint.ToneZone); err != nil {
			s.log.Warn("no ring tone", "err", err)
		}
		return
	}
	s.uas.rang = true
	s.provisional(180, s.uas.early)
}

func (s *Session) progress() {
	if s.state != Offered || s.uas.early {
		return
	}
	s.uas.early = true
	s.provisional(183, true)
}

// answer accepts the call (13.3.1.4).
func (s *Session) answer() {
	if s.state != Offered || s.uas.wanted != nil {
		return
	}
	if s.uas.rel.Outstanding() {
		s.uas.wanted = s.accept // RFC 3262 3: not before the PRACK
		return
	}
	s.accept()
}

func (s *Session) accept() {
	if s.state != Offered {
		return
	}
	res := s.answerTo(s.uas.req, 200)
	s.describe(res)
	s.present(res)
	for _, h := range s.timing.Answer() {
		res.AppendHeader(h)
	}
	body := s.sayAnswer()
	if body == nil && s.talk.Ours == nil {
		body = s.makeOffer()
	}
	header.Carry(res, negotiation.Type, body)
	s.state = Accepted
	s.insist(s.uas.req, s.uas.tx, res, s.talk.Open != nil)
	s.startTimer()
	s.publish()
	if s.gone { // hung up while the answer waited for a PRACK
		s.bye(s.ending.cause)
	}
}

// insist sends a 2xx and keeps sending it until its ACK comes (13.3.1.4).
func (s *Session) insist(req *sip.Request, tx link.ServerTx, res *sip.Response, offer bool) {
	s.answers.Insist(req, offer, func() {
		if err := tx.Respond(res); err != nil {
			s.log.Debug("response not sent", "status", res.StatusCode, "err", err)
		}
	})
}

// noAck ends a call whose ACK never came: the dialog is confirmed, but the
// session should be terminated (13.3.1.4).
func (s *Session) noAck() {
	s.log.Info("no ACK, ending the call")
	if s.state == Accepted {
		s.state = Confirmed
	}
	if s.state == Ending {
		s.sayBye()
		return
	}
	s.fail(channel.NoUserResponse, 408, "no ACK")
}

// acked takes an ACK (13.3.1.4); one that nothing waits for is a repetition.
func (s *Session) acked(req *sip.Request) {
	offer, ok := s.answers.Acked(req)
	if !ok {
		return
	}
	if s.state == Accepted {
		s.state = Confirmed
		s.publish()
	}
	if s.state == Ending {
		s.sayBye()
		return
	}
	if offer {
		s.answerInAck(req)
	}
	s.pending()
}

// answerInAck takes the answer to an offer made in a 2xx (13.2.2.4).
func (s *Session) answerInAck(req *sip.Request) {
	if s.talk.Open == nil {
		return
	}
	answer, err := negotiation.Read(req)
	if err == nil && answer == nil {
		err = negotiation.ErrBody
	}
	if err == nil {
		err = s.takeAnswer(answer)
	}
	s.talk.Open = nil
	if err != nil && s.talk.InForce {
		s.log.Info("no usable answer in ACK, media stay as they were", "err", err)
		return
	}
	if err != nil {
		s.log.Info("no usable answer in ACK", "err", err)
		s.fail(channel.BearerCapabilityNotAvail, 488, err.Error())
	}
}

// cancelled: the caller gave up (9.2). The transaction layer has answered the
// CANCEL and the INVITE.
func (s *Session) cancelled() {
	if s.state != Offered {
		return
	}
	s.release(channel.Interworking, 487, "Request Terminated")
	s.state = Over
}

// reject answers the INVITE with the final response for a cause.
func (s *Session) reject(c channel.Cause) {
	status := q850.Status(c)
	if s.uas.verdict != 0 {
		status = s.uas.verdict
	}
	res := s.answerTo(s.uas.req, status)
	if s.uas.unheard {
		res = s.answerTo(s.uas.req, 504)
	}
	res.AppendHeader(sip.NewHeader("Allow", compose.Allow))
	if s.Endpoint.Legacy && s.uas.blame != channel.NoCause {
		c = s.uas.blame
	}
	for _, h := range s.reasons(c) {
		res.AppendHeader(h)
	}
	header.Carry(res, "", nil)
	s.respond(res)
	s.state = Over
}

// Blame notes why a call failed that ends with an indication: chan_sip's callers
// read the first cause in the answer's headers.
func (s *Session) Blame(c channel.Cause) { s.do(func() { s.uas.blame = c }) }

// Redirect sends the other party elsewhere: 302 before an inbound call is
// answered, REFER once a call stands. target is a SIP URI, or a user at the caller's own address.
func (s *Session) Redirect(target string) {
	s.do(func() {
		if s.state == Confirmed && !s.gone {
			s.sendElsewhere(target)
			return
		}
		if s.state == Accepted {
			s.elsewhere.target = target
		}
		if s.gone || s.state != Offered {
			return
		}
		s.release(channel.RedirectedToNew, 302, "")
		res := s.answerTo(s.uas.req, 302)
		res.AppendHeader(sip.NewHeader("Contact", "<"+s.targetURI(target)+">"))
		for _, h := range s.reasons(channel.NoCause) {
			res.AppendHeader(h)
		}
		header.Carry(res, "", nil)
		s.respond(res)
		s.state = Over
	})
}
