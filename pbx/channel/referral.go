package channel

// SetReplies makes ch learn how a transfer of this channel fares; see
// Event.Replies. A former one is told that it failed.
func (c *Channel) SetReplies(ch chan<- int) {
	c.Reply(603)
	c.replies = ch
}

// Reply reports the progress of a transfer this channel is the subject of, as a
// SIP status code (RFC 3515 2.4.5). A final one ends the reports. A receiver
// that does not keep up misses provisional ones.
func (c *Channel) Reply(status int) {
	if c.replies == nil {
		return
	}
	select {
	case c.replies <- status:
	default:
	}
	if status >= 200 {
		close(c.replies)
		c.replies = nil
	}
}
