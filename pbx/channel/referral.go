package channel

// SetReplies makes ch, which may be nil, learn how a transfer of this channel
// fares (see Event.Replies), and calls done, which may be nil, after the last
// word on it. A transfer still under way is reported as failed.
func (c *Channel) SetReplies(ch chan<- int, done func()) {
	c.Reply(603)
	c.replies, c.replied = ch, done
}

// Reply reports the progress of a transfer this channel is the subject of, as a
// SIP status code (RFC 3515 2.4.5). A final one ends the reports. A receiver
// that leaves no room in ch misses it.
func (c *Channel) Reply(status int) {
	if c.replies != nil {
		select {
		case c.replies <- status:
		default:
		}
	}
	if status < 200 {
		return
	}
	if c.replies != nil {
		close(c.replies)
		c.replies = nil
	}
	if c.replied != nil {
		c.replied()
		c.replied = nil
	}
}
