package channel

// A LegEnd is how a leg that was dialled from a channel ended, as HANGUPCAUSE()
// tells it.
type LegEnd struct {
	Name   string // channel name of the leg
	Cause  Cause
	Detail string // in the technology's words: "SIP 486 Busy Here"
}

type legEndsKey struct{}

// maxLegEnds bounds how many are remembered; a call that dials in a loop
// forgets its oldest attempts.
const maxLegEnds = 64

// NoteLegEnd remembers how a dialled leg ended. Dial calls ForgetLegEnds first.
func (c *Channel) NoteLegEnd(e LegEnd) {
	ends := c.LegEnds()
	if len(ends) >= maxLegEnds {
		ends = ends[1:]
	}
	c.SetExtra(legEndsKey{}, append(ends[:len(ends):len(ends)], e))
}

// LegEnds gives what NoteLegEnd remembered, oldest first.
func (c *Channel) LegEnds() []LegEnd {
	ends, _ := c.extras[legEndsKey{}].([]LegEnd)
	return ends
}

// ForgetLegEnds begins a new attempt.
func (c *Channel) ForgetLegEnds() { c.SetExtra(legEndsKey{}, nil) }
