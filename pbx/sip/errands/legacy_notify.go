package errands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
	"branchline/pbx/sip/devices"
	"branchline/pbx/sip/link"
)

// notifyWait bounds the wait for an answer to NOTIFY.
const notifyWait = 5 * time.Second

// NotifyDevice sends a NOTIFY outside any dialog to a device of sip.conf, as
// `sip notify` does: to make it reboot, resynchronise, and so on. what is the
// section of sip_notify.conf with its headers; Content lines make the body.
func (e *Runner) NotifyDevice(ctx context.Context, dev *settings.Device, what *astconf.Section) error {
	n, err := written(what)
	if err != nil {
		return err
	}
	body := n.body
	n.body = func(req *sip.Request) string {
		if text := body(req); text != "" {
			return text + "\r\n"
		}
		return ""
	}
	return e.notifyDevice(ctx, dev, n)
}

// notifyDevice sends one NOTIFY to a device and waits for the answer.
func (e *Runner) notifyDevice(ctx context.Context, dev *settings.Device, n notice) error {
	w := e.o.Rack.Load()
	list := e.o.Registrar.Usable(dev.ID)
	if len(list) == 0 {
		return fmt.Errorf("notify %s: %w", dev.Name, devices.ErrNoPeer)
	}
	way, err := e.o.Devices.Reach(ctx, w, dev, list[0])
	if err != nil {
		return fmt.Errorf("notify %s: %w", dev.Name, err)
	}
	host, port := way.Wire.Speaks(way.To.Addr())
	user := w.Settings.SIP.CallerID
	me := sip.Uri{Scheme: "sip", User: user, Host: host}
	contact := sip.Uri{Scheme: "sip", User: user, Host: host, Port: port}
	if way.Wire.Reliable() {
		contact.UriParams.Add("transport", way.Wire.Network())
	}
	callID, hops := sip.CallIDHeader(e.o.Token()), sip.MaxForwardsHeader(max(w.Settings.SIP.MaxForwards, 1))
	req := sip.NewRequest(sip.NOTIFY, way.URI)
	for i := range way.Routes {
		req.AppendHeader(&sip.RouteHeader{Address: way.Routes[i]})
	}
	req.AppendHeader(&sip.FromHeader{Address: me, Params: sip.HeaderParams{{K: "tag", V: e.o.Token()}}})
	req.AppendHeader(&sip.ToHeader{Address: plainURI(way.URI)})
	req.AppendHeader(&sip.ContactHeader{Address: contact})
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: sip.NOTIFY})
	req.AppendHeader(&hops)
	agent := w.Settings.SIP.UserAgent
	if agent == "" {
		agent = e.o.Rack.UserAgent()
	}
	req.AppendHeader(sip.NewHeader("User-Agent", agent))
	n.sayOn(req)
	ctx, cancel := context.WithTimeout(ctx, notifyWait)
	defer cancel()
	res, err := e.o.Ways.Ask(ctx, way.Hop, req, false)
	switch {
	case errors.Is(err, link.ErrTimeout):
		return fmt.Errorf("notify %s: no answer from %s in %v", dev.Name, way.To, notifyWait)
	case err != nil:
		return fmt.Errorf("notify %s: %w", dev.Name, err)
	case res.StatusCode/100 != 2:
		return fmt.Errorf("notify %s: answered %d %s", dev.Name, res.StatusCode, res.Reason)
	}
	return nil
}
