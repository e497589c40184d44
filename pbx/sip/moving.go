package sip

// AddressesChanged follows what has happened to the machine's interfaces. Transports
// bound to an interface that has another address now are bound to that one; others
// are left alone. Calls whose address of ours is still there do not notice; the
// parties of the others are told the new one.
func (a *Agent) AddressesChanged() {
	if w := a.rack.Load(); w.Settings == nil || a.rack.Life().Err() != nil {
		return
	}
	a.rack.Follow()
	a.calls.Move(a.rack.Load(), a.o.Addresses(""))
}
