package channel

import "context"

// A Text is a text message (RFC 3428), within a call or without one.
type Text struct {
	To, From    string // addresses as the technology writes them
	Body        string
	ContentType string   // "": text/plain
	Headers     []Header // as received
	Extra       []Header // to be sent along
	// FromName and ToName are display names within a call, "" for those the call has.
	FromName, ToName string
}

type (
	// A Texter is a leg whose party can be sent text while the call stands. It
	// reports false if the party cannot take it.
	Texter interface{ SendText(Text) bool }
	// A Messenger is a technology that can send text without a call. dest is what
	// follows the technology's name. It waits for the answer, or for ctx.
	Messenger interface {
		SendMessage(ctx context.Context, dest string, t Text) error
	}
	// A TextAcceptor takes text that belongs to no call into the dialplan.
	TextAcceptor interface {
		AcceptText(ctx context.Context, in IncomingText) error
	}
)

// IncomingText is text without a call, as a technology presents it.
type IncomingText struct {
	Text           Text
	Context, Exten string
	Caller         Party
	Endpoint       string
}
