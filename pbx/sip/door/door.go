// Package door is what requests outside any call meet first, whichever front end
// they are for: it answers those who get no further, in Asterisk's shape and words,
// remembers strangers, and reads which extension is asked for.
package door

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/compose"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/wire"
)

// A Door answers those who get no further, in Asterisk's shape and words.
type Door struct {
	rack    *transports.Rack
	log     *slog.Logger
	strange strangers
	quiet   throttle
}

// New makes a door that nobody has knocked at.
func New(rack *transports.Rack, log *slog.Logger) *Door { return &Door{rack: rack, log: log} }

// Note counts a request that nobody claims.
func (d *Door) Note(in *wire.Inbound) { d.strange.note(in) }

// Strangers is whose requests nobody claims, most active first.
func (d *Door) Strangers() []Stranger { return d.strange.list() }

// Plain answers without a transaction.
func (d *Door) Plain(in *wire.Inbound, status int, hs ...sip.Header) {
	if branch, ok := in.Request.Via().Params.Get("branch"); ok && in.Fresh && branch != "" {
		in.Request.To().Params.Add("tag", branch)
	}
	in.Plain()
	d.Respond(in, status, hs...)
}

// Respond answers with extra headers and no body.
func (d *Door) Respond(in *wire.Inbound, status int, hs ...sip.Header) {
	res := d.Answer(in.Request, status)
	for _, h := range hs {
		res.AppendHeader(h)
	}
	if err := in.Respond(res); err != nil {
		d.log.Debug("respond", "status", status, "source", in.Source, "error", err)
	}
}

// Answer makes a response as Asterisk shapes it; wires use it for their own.
func (d *Door) Answer(req *sip.Request, status int) *sip.Response {
	res := dialog.Respond(req, status, "", "")
	if status != 100 {
		res.AppendHeader(sip.NewHeader("Server", d.rack.UserAgent()))
	}
	if status == sip.StatusRequestTerminated {
		res.AppendHeader(sip.NewHeader("Allow", compose.Allow))
		res.AppendHeader(sip.NewHeader("Reason", "Q.850;cause=0"))
	}
	return res // the wire ends it with Content-Length
}

// known are the option tags that a Require may hold; what they ask of a session
// it checks itself.
var known = map[string]bool{"100rel": true, "timer": true, "replaces": true, "norefersub": true, "path": true}

// Unsupported lists the tags of Require that we do not know (RFC 3261 8.2.2.3).
func Unsupported(req *sip.Request) (tags []string) {
	for _, h := range req.GetHeaders("require") {
		for t := range strings.SplitSeq(h.Value(), ",") {
			if t = strings.TrimSpace(t); t != "" && !known[strings.ToLower(t)] {
				tags = append(tags, t)
			}
		}
	}
	return tags
}

// Other is any further method outside a dialog, as measured on Asterisk where
// the method is one of its own.
func (d *Door) Other(in *wire.Inbound) {
	switch in.Request.Method {
	case sip.PUBLISH:
		d.Respond(in, StatusBadEvent)
	case sip.BYE, sip.UPDATE, sip.PRACK:
		d.Respond(in, sip.StatusCallTransactionDoesNotExists)
	default:
		d.Respond(in, sip.StatusNotImplemented, sip.NewHeader("Allow", compose.Allow))
	}
}

// StatusBadEvent is RFC 6665 8.3.2's 489.
const StatusBadEvent = 489

// Failed is the log line for a request that was turned away, in Asterisk's
// words because fail2ban and the like look for them.
func (d *Door) Failed(in *wire.Inbound, why string) {
	if !d.quiet.allow() {
		return
	}
	req := in.Request
	from := "<>"
	if h := req.From(); h != nil {
		from = "<" + h.Address.String() + ">"
		if h.DisplayName != "" {
			from = `"` + h.DisplayName + `" ` + from
		}
	}
	d.log.Info(fmt.Sprintf("Request '%s' from '%s' failed for '%s' (callid: %s) - %s",
		req.Method, from, in.Source, req.CallID().Value(), why))
}

func Upper(w *wire.Wire) string { return strings.ToUpper(w.Network()) }
