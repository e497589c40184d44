package dahdikernel

import "branchline/hal/dahdi/abi"

// Lift takes the telephone at a port off the hook.
func (ch *Channel) Lift() { ch.far(func(w *wires) { w.telephone = true }) }

// Replace puts it back.
func (ch *Channel) Replace() { ch.far(func(w *wires) { w.telephone = false }) }

// Ring makes the exchange at a line begin or end a burst of ringing.
func (ch *Channel) Ring(on bool) { ch.far(func(w *wires) { w.rings = on }) }

// Battery makes it feed the line or not.
func (ch *Channel) Battery(on bool) { ch.far(func(w *wires) { w.noBattery = !on }) }

// Say makes the far end send samples, after those that it is sending.
func (ch *Channel) Say(samples []int16) {
	ch.far(func(w *wires) { w.say = append(w.say, samples...) })
}

func (ch *Channel) far(change func(*wires)) {
	ch.k.mu.Lock()
	defer ch.k.mu.Unlock()
	change(&ch.wire)
}

// Said is what went out to the wire of late: the last samples, ten seconds at most.
func (ch *Channel) Said(samples int) []int16 {
	ch.k.mu.Lock()
	defer ch.k.mu.Unlock()
	return append([]int16(nil), ch.said[max(0, len(ch.said)-samples):]...)
}

// Alarm raises or ends a red alarm.
func (ch *Channel) Alarm(on bool) {
	ch.k.mu.Lock()
	defer ch.k.mu.Unlock()
	ch.alarms = 0
	event := abi.NoAlarm
	if on {
		ch.alarms, event = abi.Red, abi.Alarm
	}
	ch.queue(event)
}

// Event queues an event that the hardware makes by itself.
func (ch *Channel) Event(events ...abi.Event) {
	ch.k.mu.Lock()
	defer ch.k.mu.Unlock()
	for _, e := range events {
		ch.queue(e)
	}
}

// Remove pulls the card out. Whoever has the channel open is told by an event that he
// may not come to read, and by errors.
func (ch *Channel) Remove() {
	ch.k.mu.Lock()
	defer ch.k.mu.Unlock()
	ch.queue(abi.Removed)
	ch.removed = true
	ch.k.notify()
}

// Restore puts it back.
func (ch *Channel) Restore() {
	ch.k.mu.Lock()
	defer ch.k.mu.Unlock()
	ch.removed = false
}

// Signalling and Canceller are what the channel was configured with.
func (ch *Channel) Signalling() abi.Signalling {
	ch.k.mu.Lock()
	defer ch.k.mu.Unlock()
	return ch.sig
}

func (ch *Channel) Canceller() string {
	ch.k.mu.Lock()
	defer ch.k.mu.Unlock()
	return ch.canceller
}
