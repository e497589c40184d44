package modemtest

import (
	"fmt"
	"io"
	"path/filepath"
)

// A Device is an emulated modem or module.
type Device interface {
	// Unplug disconnects it.
	Unplug()
	names() []string
	connect(ports []io.ReadWriteCloser)
}

func (v *Voice) names() []string                    { return []string{"ttyACM0"} }
func (v *Voice) connect(ports []io.ReadWriteCloser) { v.Plug(ports[0]) }

func (c *Cell) names() []string                    { return []string{"ttyUSB2", "ttyUSB1"} }
func (c *Cell) connect(ports []io.ReadWriteCloser) { c.Plug(ports[0], ports[1]) }

// A Socket is where a device is plugged in: pseudo terminals by names that stay the
// same. Data is for commands, Audio for samples.
type Socket struct {
	Device
	Data, Audio string
}

// Plug plugs a device in. The names are in dir.
func Plug(dir string, d Device) (*Socket, error) {
	s := &Socket{Device: d}
	names := d.names()
	s.Data = filepath.Join(dir, names[0])
	if len(names) > 1 {
		s.Audio = filepath.Join(dir, names[1])
	}
	return s, s.Replug()
}

// Replug plugs it in again.
func (s *Socket) Replug() error {
	var ports []io.ReadWriteCloser
	for _, name := range []string{s.Data, s.Audio} {
		if name == "" {
			continue
		}
		p, err := openPair(name)
		if err != nil {
			for _, p := range ports {
				p.Close()
			}
			return fmt.Errorf("%s: %w", name, err)
		}
		ports = append(ports, p)
	}
	s.connect(ports)
	return nil
}
