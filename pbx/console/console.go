// Package console lets people at the exchange: a server on a unix socket that
// any number of consoles can be connected to, the console itself, and the
// daemon's log and verbose output on its way to them.
//
// Output is where the daemon speaks. Server owns the socket and makes a session
// of each connection: requests in, frames out (frame.go has the protocol), with
// a bounded queue between daemon and console so that a console that is not read
// costs lines, never time. Attach is the other end: one command for a script,
// or an interactive line with history and completion. Commands are those about
// the daemon as such; the packages that own calls, phones and files bring theirs.
package console
