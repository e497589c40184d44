package judge

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Where Debian puts real speech (asterisk-core-sounds-en-wav) and music
// (asterisk-moh-opsound-wav).
const (
	SpeechDir = "/usr/share/asterisk/sounds"
	MusicDir  = "/usr/share/asterisk/moh"
)

// Recordings are all recordings below dir, by name and in order. It is an error if
// there are none.
func Recordings(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && strings.HasSuffix(name, ".wav") {
			names = append(names, name)
		}
		return err
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s: no recordings", dir)
	}
	slices.Sort(names)
	return names, err
}

// ReadWAV reads a recording of 16 bits, 8 kHz and one channel.
func ReadWAV(name string) ([]int16, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, fmt.Errorf("%s: not a recording", name)
	}
	for b = b[12:]; len(b) >= 8; {
		kind, size := string(b[:4]), int(le.Uint32(b[4:]))
		body := b[8:min(len(b), 8+max(0, size))]
		switch kind {
		case "fmt ":
			if len(body) < 16 || le.Uint16(body[2:]) != 1 || le.Uint32(body[4:]) != Rate || le.Uint16(body[14:]) != 16 {
				return nil, fmt.Errorf("%s: not 16 bits, 8 kHz, one channel", name)
			}
		case "data":
			s := make([]int16, len(body)/2)
			for i := range s {
				s[i] = int16(le.Uint16(body[2*i:]))
			}
			return s, nil
		}
		b = b[8+len(body):]
		if size%2 == 1 && len(b) > 0 {
			b = b[1:]
		}
	}
	return nil, fmt.Errorf("%s: no sound in it", name)
}
