package wire

import (
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/transaction"
)

// An Inbound is a request that has arrived, and the transaction that answers
// it. Its methods may be called from any goroutine and do not wait.
type Inbound struct {
	Request *sip.Request
	Source  netip.AddrPort // where it really came from
	Local   netip.Addr     // address it was sent to; invalid if the system did not say
	Wire    *Wire
	*transaction.Server
	Fresh bool // the To tag on Request is ours: it came without one
	rport bool // the sender asked for symmetric answers (RFC 3581)
}

// AsVia sends responses to the address the Via header names instead of the
// source: force_rport=no, for requests without rport (RFC 3261 18.2.2).
func (in *Inbound) AsVia() {
	via := in.Request.Via()
	if in.Wire.Reliable() || via == nil || in.rport {
		return
	}
	port := via.Port
	if port == 0 {
		port = sip.DefaultUdpPort
	}
	in.AnswerAt(netip.AddrPortFrom(in.Source.Addr(), uint16(port)))
}

// receive hands on what the transactions have found to be new.
func (w *Wire) receive(n transaction.New) {
	w.c.Receive(&Inbound{
		Request: n.Request, Source: n.Origin.From, Local: n.Origin.Local, Wire: w, Server: n.Server, Fresh: n.Tagged, rport: n.Symmetric,
	})
}
