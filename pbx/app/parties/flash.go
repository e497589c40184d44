package parties

import (
	"context"

	"branchline/pbx/channel"
)

// flash is Flash(): the exchange at the other end of a line is asked for attention,
// to transfer the call or to take up one that waits.
func (a *calls) flash(ctx context.Context, c *channel.Channel, _ string) error {
	f, ok := c.Leg.(channel.Flasher)
	if !ok {
		a.System.Warn(c, "Flash: the channel is not a telephone line")
		return c.Poll(ctx, nil)
	}
	if err := f.Flash(0); err != nil {
		a.System.Warn(c, "Flash", "error", err)
	}
	return c.Poll(ctx, nil)
}
