// Package phones is the telephones as their owner has to set them up: with a name and
// a secret each, and the sheet that says so, to be read and to be printed.
package phones

import (
	"fmt"
	"io"
	"strconv"

	"branchline/rootfs/firstboot/wish"
)

// A Phone is one telephone as its owner has to set it up.
type Phone struct {
	Extension, Name, Secret string
}

// alphabet is what secrets are made of: nothing that is mistaken for another when it
// is typed from paper. 32 characters, so that a random byte gives one without bias.
const alphabet = "abcdefghjkmnpqrstuvwxyz23456789R"

// secretLength gives 5 bits a character: 100 bits.
const secretLength = 20

// newSecret makes a password for a phone.
func newSecret(random io.Reader) (string, error) {
	var b [secretLength]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	for i := range b {
		b[i] = alphabet[b[i]%byte(len(alphabet))]
	}
	return string(b[:]), nil
}

// Of gives every phone of the wish a secret: the one it has, by extension, or a new
// one.
func Of(w wish.Wish, known map[string]string, random io.Reader) ([]Phone, error) {
	var out []Phone
	for e := w.First; e < w.First+w.Phones; e++ {
		p := Phone{Extension: strconv.Itoa(e), Name: w.Names[e]}
		if p.Name == "" {
			p.Name = "Phone " + p.Extension
		}
		p.Secret = known[p.Extension]
		if len(p.Secret) < secretLength {
			var err error
			if p.Secret, err = newSecret(random); err != nil {
				return nil, err
			}
		}
		out = append(out, p)
	}
	return out, nil
}
