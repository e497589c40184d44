package distant

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// What follows is Noise_NNpsk0_25519_AESGCM_SHA256 (The Noise Protocol Framework,
// revision 34, sections 5, 7.4 and 9): two messages, after which both sides have keys
// that nobody gets at later, not even with the secret. To who does not have it nothing is
// said. The caller knows with the second message that the other has it; the called knows
// with the first record, for the first message may be a copy of somebody else's.
//
// AES takes a time that depends on its key where there are no instructions for it, as on
// a Raspberry Pi. Who measured that well enough would have the key of one message, and of
// one meeting at the most: neither leads back to the secret.

// protocolName has just the length of a hash, so it begins the transcript as it is.
const protocolName = "Noise_NNpsk0_25519_AESGCM_SHA256"

// errStranger is who does not know the secret.
var errStranger = errors.New("the other side has another secret")

// A box is a key with a counter (CipherState). The counter cannot come to its end: at a
// million records a second that takes half a million years.
type box struct {
	aead  cipher.AEAD
	count uint64
}

func newBox(key []byte) (*box, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &box{aead: aead}, err
}

func (b *box) nonce() []byte {
	n := binary.BigEndian.AppendUint64(make([]byte, 4, 12), b.count)
	b.count++
	return n
}

func (b *box) seal(to, plain, with []byte) []byte { return b.aead.Seal(to, b.nonce(), plain, with) }

func (b *box) open(sealed, with []byte) ([]byte, error) {
	plain, err := b.aead.Open(nil, b.nonce(), sealed, with)
	if err != nil {
		return nil, errStranger
	}
	return plain, nil
}

// A transcript is all that was said so far, and what follows from it (SymmetricState).
type transcript struct {
	chain, hash []byte
	box         *box
	own         *ecdh.PrivateKey
}

func begin(psk []byte, own *ecdh.PrivateKey) (*transcript, error) {
	t := &transcript{chain: []byte(protocolName), hash: []byte(protocolName), own: own}
	t.note(nil) // there is no prologue
	out, err := t.derive(psk, 3)
	if err != nil {
		return nil, err
	}
	t.note(out[32:64])
	t.box, err = newBox(out[64:])
	return t, err
}

// derive mixes a secret into the chain and is so many hashes.
func (t *transcript) derive(secret []byte, n int) ([]byte, error) {
	out, err := hkdf.Key(sha256.New, secret, t.chain, "", n*sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("console key: %w", err)
	}
	t.chain = out[:32]
	return out, nil
}

func (t *transcript) note(b []byte) {
	sum := sha256.Sum256(append(t.hash[:len(t.hash):len(t.hash)], b...))
	t.hash = sum[:]
}

// mix is a secret that becomes the next key.
func (t *transcript) mix(secret []byte) error {
	out, err := t.derive(secret, 2)
	if err == nil {
		t.box, err = newBox(out[32:])
	}
	return err
}

// keyed notes a public key that was said.
func (t *transcript) keyed(public []byte) error {
	t.note(public)
	return t.mix(public)
}

// share mixes what only the owners of the two keys know.
func (t *transcript) share(public []byte) error {
	other, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return err
	}
	secret, err := t.own.ECDH(other)
	if err != nil {
		return err
	}
	return t.mix(secret)
}

// message is the next message with our key; with other, which was heard before, the
// second of the two.
func (t *transcript) message(other []byte) ([]byte, error) {
	public := t.own.PublicKey().Bytes()
	err := t.keyed(public)
	if err == nil && other != nil {
		err = t.share(other)
	}
	if err != nil {
		return nil, err
	}
	sealed := t.box.seal(nil, nil, t.hash)
	t.note(sealed)
	return append(public, sealed...), nil
}

// messageSize is a key and the seal of nothing.
const messageSize = 32 + 16

// heard takes the other's message and is its key; an answer is the second of the two.
func (t *transcript) heard(m []byte, answer bool) (public []byte, err error) {
	public = m[:32]
	if err = t.keyed(public); err == nil && answer {
		err = t.share(public)
	}
	if err != nil {
		return nil, err
	}
	if _, err = t.box.open(m[32:], t.hash); err != nil {
		return nil, err
	}
	t.note(m[32:])
	return public, nil
}

// split gives the keys of the two directions: the caller's, and the other's.
func (t *transcript) split() (caller, called *box, err error) {
	out, err := t.derive(nil, 2)
	if err != nil {
		return nil, nil, err
	}
	caller, err = newBox(out[:32])
	if err == nil {
		called, err = newBox(out[32:])
	}
	return caller, called, err
}

func ephemeral() (*ecdh.PrivateKey, error) { return ecdh.X25519().GenerateKey(rand.Reader) }
