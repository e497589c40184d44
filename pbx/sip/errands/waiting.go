package errands

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/mailbox"
	"branchline/pbx/settings"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/wire"
)

// summary is the event package of waiting messages (RFC 3842).
const summary = "message-summary"

// TellWaiting tells every contact of an endpoint of pjsip.conf what waits for it, in
// a NOTIFY that nobody subscribed to. That it has no contact is no error.
func (e *Runner) TellWaiting(ctx context.Context, ep *settings.Endpoint, c mailbox.Count) error {
	w := e.o.Rack.Load()
	exten := ep.VoicemailExtension
	if exten == "" {
		exten = w.Settings.Global.VoicemailExtension
	}
	n := notice{
		user: ep.MWIFromUser,
		headers: []sip.Header{
			sip.NewHeader("Subscription-State", "terminated"), sip.NewHeader("Event", summary),
			sip.NewHeader("Allow-Events", "message-summary, presence, dialog, refer"), sip.NewHeader("Content-Type", mailbox.SummaryType),
		},
		body: func(req *sip.Request) string {
			if ep.FromDomain != "" {
				return c.Summary(account(exten, ep.FromDomain, 0))
			}
			return c.Summary(account(exten, req.From().Address.Host, req.Contact().Address.Port))
		},
	}
	ctx, cancel := context.WithTimeout(ctx, notifyWait)
	defer cancel()
	var errs []error
	for _, t := range e.contacts(ep) {
		errs = append(errs, e.notify(ctx, w, t, n))
	}
	return errors.Join(errs...)
}

// TellDeviceWaiting is TellWaiting for a device of sip.conf.
func (e *Runner) TellDeviceWaiting(ctx context.Context, dev *settings.Device, c mailbox.Count) error {
	if len(e.o.Registrar.Usable(dev.ID)) == 0 {
		return nil
	}
	n := notice{
		name: dev.MWIFrom, user: dev.Endpoint.FromUser,
		headers: []sip.Header{sip.NewHeader("Event", summary), sip.NewHeader("Content-Type", mailbox.SummaryType)},
		body: func(req *sip.Request) string {
			port := req.Contact().Address.Port
			if port == sip.DefaultUdpPort {
				port = 0
			}
			return c.Summary(account(dev.VMExten, req.From().Address.Host, port))
		},
	}
	if n.user == "" {
		n.user = dev.MWIFrom
	}
	return e.notifyDevice(ctx, dev, n)
}

// account is where messages are heard: an extension at our own address; port 0 is not
// written.
func account(exten, host string, port int) string {
	if exten == "" {
		return ""
	}
	if port != 0 {
		host = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))
	}
	return "sip:" + exten + "@" + host
}

// LearnWaiting takes what a server keeps for us, in a NOTIFY that we did not subscribe
// to, for the mailbox its endpoint names. Answers are Asterisk's, as measured.
func (e *Runner) LearnWaiting(in *wire.Inbound, ep *settings.Endpoint) {
	req := in.Request
	if !eventIs(req, summary) || !mediaIs(req, mailbox.SummaryType) {
		e.o.Door.Other(in)
		return
	}
	if ep.IncomingMailbox == "" || !e.learn(req, ep.ID, ep.IncomingMailbox) {
		e.o.Door.Respond(in, sip.StatusNotFound)
		return
	}
	e.o.Door.Respond(in, sip.StatusOK)
}

// LearnDeviceWaiting is LearnWaiting for what a device of sip.conf sends; nil is one
// that nobody knows.
func (e *Runner) LearnDeviceWaiting(in *wire.Inbound, dev *settings.Device) {
	if dev == nil || dev.UnsolicitedMailbox == "" || !eventIs(in.Request, summary) ||
		!e.learn(in.Request, dev.ID, dev.UnsolicitedMailbox+"@SIP_Remote") {
		e.o.Door.Respond(in, door.StatusBadEvent)
		return
	}
	e.o.Door.Respond(in, sip.StatusOK)
}

// learn notes what a body tells; false if it tells nothing.
func (e *Runner) learn(req *sip.Request, from, box string) bool {
	c, ok := mailbox.ParseSummary(req.Body())
	if !ok {
		return false
	}
	if !e.o.Mailboxes.Set(box, c) {
		e.o.Log.Warn("the state of a mailbox is not kept: there are too many", "mailbox", box, "told by", from)
		return false
	}
	return true
}

// eventIs reports whether a request is about an event package.
func eventIs(req *sip.Request, event string) bool {
	value := header.First(req, "event")
	if value == "" {
		value = header.First(req, "o")
	}
	value, _, _ = strings.Cut(value, ";")
	return strings.EqualFold(strings.TrimSpace(value), event)
}

// mediaIs reports whether a body is of a media type.
func mediaIs(req *sip.Request, kind string) bool {
	value, _, _ := strings.Cut(header.First(req, "content-type"), ";")
	return strings.EqualFold(strings.TrimSpace(value), kind)
}
