package channel

// Swap exchanges the parties of two channels: each leg goes on with what the
// other one was doing, and takes its name, state and identity along. This is how
// an attended transfer and a call pickup replace a party (RFC 3891) without the
// application in progress having to know. The caller owns both channels while it
// runs; the owners learn of it by a Replaced event.
func Swap(a, b *Channel) {
	pa, pb := a.patron, b.patron
	if pa != nil {
		pa.Dismiss(a)
	}
	if pb != nil {
		pb.Dismiss(b)
	}
	la, lb := a.Leg, b.Leg
	a.setLeg(lb)
	b.setLeg(la)
	a.Name, b.Name = b.Name, a.Name
	a.Endpoint, b.Endpoint = b.Endpoint, a.Endpoint
	a.Inbound, b.Inbound = b.Inbound, a.Inbound
	a.State, b.State = b.State, a.State
	a.Held, b.Held = b.Held, a.Held
	a.AnsweredAt, b.AnsweredAt = b.AnsweredAt, a.AnsweredAt
	a.Hearing, b.Hearing = b.Hearing, a.Hearing
	a.Codecs, b.Codecs = b.Codecs, a.Codecs
	a.Caller, b.Caller = b.Caller, a.Caller
	a.ANI, b.ANI = b.ANI, a.ANI
	ma, mb := a.Mailbox(), b.Mailbox()
	la.Bind(mb)
	ma.Move(la, mb)
	lb.Bind(ma)
	mb.Move(lb, ma)
	if pa != nil {
		pa.Accompany(a)
	}
	if pb != nil {
		pb.Accompany(b)
	}
	a.Publish()
	b.Publish()
	a.replaced()
	b.replaced()
}

// replaced tells the owner; a sound being played to the party that left is over.
func (c *Channel) replaced() {
	if c.programs > 0 {
		c.Post(Event{Kind: PlayDone, ID: c.programs})
	}
	c.Post(Event{Kind: Replaced})
}

// setLeg changes the leg. The owner reads it freely; Post may run elsewhere.
func (c *Channel) setLeg(l Leg) {
	c.posting.Lock()
	defer c.posting.Unlock()
	c.Leg = l
}
