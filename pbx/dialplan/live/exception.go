package live

import "branchline/pbx/channel"

// An Exception is what sent a channel to extension e, as EXCEPTION() tells it.
type Exception struct {
	Reason         string // INVALID, RESPONSETIMEOUT, ABSOLUTETIMEOUT, ERROR
	Context, Exten string // where the channel was
	Priority       int
}

type exceptionKey struct{}

// SetException records why and where a channel left its way.
func SetException(c *channel.Channel, reason, context, exten string, priority int) {
	c.SetExtra(exceptionKey{}, &Exception{Reason: reason, Context: context, Exten: exten, Priority: priority})
}

// ExceptionOf gives the last exception of a channel, nil if there was none.
func ExceptionOf(c *channel.Channel) *Exception {
	e, _ := c.Extra(exceptionKey{}).(*Exception)
	return e
}
