package wire

import (
	"fmt"
	"io"
	"path/filepath"
)

// A Device is what can be plugged in.
type Device interface {
	// Names are those of its ports: the one for commands, and perhaps one for samples.
	Names() []string
	// Connect plugs it in, as after power on; Unplug disconnects it.
	Connect(ports []io.ReadWriteCloser)
	Unplug()
}

// A Socket is where a device is plugged in: pseudo terminals by names that stay the
// same. Data is for commands, Audio for samples.
type Socket struct {
	Device
	Data, Audio string
}

// Plug plugs a device in. The names are in dir.
func Plug(dir string, d Device) (*Socket, error) {
	s := &Socket{Device: d}
	names := d.Names()
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
	s.Connect(ports)
	return nil
}
