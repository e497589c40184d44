package channel

// A Place is a position in the dialplan.
type Place struct {
	Context, Exten string
	Priority       int
}

// Place is where the channel stands now.
func (c *Channel) Place() Place { return Place{c.Context, c.Exten, c.Priority} }

// SetPlace moves the channel; the walk goes on there.
func (c *Channel) SetPlace(p Place) { c.Context, c.Exten, c.Priority = p.Context, p.Exten, p.Priority }
