// Package console lets people at the exchange: a server on a unix socket that any number
// of consoles can be connected to.
//
// Server owns the socket and makes a session of each connection: requests in, frames out
// (package protocol), with a bounded queue between daemon and console so that a console
// that is not read costs lines, never time. Package client is the other end, output what
// the daemon says, and system the commands about the daemon as such; the packages that own
// calls, phones and files bring theirs.
package console
