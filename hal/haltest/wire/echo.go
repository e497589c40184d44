package wire

import (
	"io"
	"sync"
)

// EchoOptions of an Echo.
type EchoOptions struct {
	Deaf bool // reads nothing
}

// An Echo is a device that sends back what it gets.
type Echo struct {
	o       EchoOptions
	wire    io.ReadWriteCloser
	running sync.WaitGroup
}

// NewEcho makes one that is not plugged in.
func NewEcho(o EchoOptions) *Echo { return &Echo{o: o} }

// Unplug disconnects it.
func (e *Echo) Unplug() {
	e.wire.Close()
	e.running.Wait()
}

// Names is the one port it has.
func (e *Echo) Names() []string { return []string{"ttyUSB0"} }

// Connect plugs it in.
func (e *Echo) Connect(ports []io.ReadWriteCloser) {
	e.wire = ports[0]
	if !e.o.Deaf {
		e.running.Go(func() { _, _ = io.Copy(e.wire, e.wire) }) // until it is unplugged
	}
}
