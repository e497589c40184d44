// Package prompt lets a channel hear something: recorded prompts, spoken
// numbers, tones and hold music. It starts a programme on the channel's stream
// and waits, obeying whatever else happens to the channel meanwhile.
package prompt

import (
	"context"
	"fmt"

	"branchline/media"
	"branchline/media/tone"
	"branchline/pbx/channel"
)

// Sounds finds recorded prompts by Asterisk's names ("digits/1", "invalid"),
// first in the given language; sound.Library is one.
type Sounds interface {
	// Open makes one source of several prompts played one after the other.
	Open(language string, names ...string) (media.Source, error)
	Has(language, name string) bool
}

// A Booth plays to channels.
type Booth struct {
	Sounds Sounds
	// Tones gives the zones in force; nil: the built-in ones.
	Tones func() *tone.Book
}

// Book is the zones in force.
func (b *Booth) Book() *tone.Book {
	if b == nil || b.Tones == nil {
		return tone.Builtin()
	}
	return b.Tones()
}

// Play plays src to listener and waits on waiter, the channel whose goroutine
// this is (often the same), until it is over. take sees the events meanwhile,
// and stops the programme by returning true. It reports whether the programme
// was played to its end; the error is that of channel.Wait.
func Play(ctx context.Context, waiter, listener *channel.Channel, src media.Source, take func(channel.Event) bool) (whole bool, err error) {
	if waiter.Finished || listener.Ending() {
		return false, channel.ErrHangup
	}
	id := listener.NextProgram()
	stream := listener.Leg.Media()
	stream.Play(&media.Program{ID: id, Source: src})
	err = waiter.Wait(ctx, 0, func(e channel.Event) bool {
		if e.Kind == channel.PlayDone && e.Leg == listener.Leg {
			whole = e.ID == id
			return whole
		}
		return take != nil && take(e)
	})
	if !whole {
		stream.Play(nil)
	}
	return whole, err
}

// Files plays prompts one after the other without a gap, in the channel's
// language. Those that cannot be opened are left out; missing says which.
func (b *Booth) Files(ctx context.Context, waiter, listener *channel.Channel, names []string, take func(channel.Event) bool) (whole bool, missing []string, err error) {
	src, missing := b.Open(listener.Language, names)
	if src == nil {
		return true, missing, waiter.Poll(ctx, take)
	}
	whole, err = Play(ctx, waiter, listener, src, take)
	return whole, missing, err
}

// Open makes one source of several prompts; nil if none was found.
func (b *Booth) Open(language string, names []string) (src media.Source, missing []string) {
	var found []string
	for _, n := range names {
		if b.Sounds.Has(language, n) {
			found = append(found, n)
		} else {
			missing = append(missing, n)
		}
	}
	if len(found) == 0 {
		return nil, missing
	}
	src, err := b.Sounds.Open(language, found...)
	if err != nil {
		return nil, names
	}
	return src, missing
}

// Tone makes a tone by the name it has in the listener's zone ("busy", "dial"), or
// of a definition ("440+480/2000,0/4000"). It goes on for ever unless the
// definition says otherwise.
func Tone(listener *channel.Channel, name string) (media.Source, error) {
	book := listener.Tones
	if book == nil {
		book = tone.Builtin()
	}
	text, ok := book.Find(listener.ToneZone, name)
	if !ok {
		text = name
	}
	list, err := tone.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("tone %q: %w", name, err)
	}
	return list.Source(), nil
}

// Start begins a tone that goes on until Stop or the next programme.
func Start(listener *channel.Channel, name string) error {
	src, err := Tone(listener, name)
	if err != nil {
		return err
	}
	Begin(listener, src)
	return nil
}

// StartMusic begins what a waiting party hears: a soft beep every ten seconds.
// Music files are not supported yet.
func StartMusic(listener *channel.Channel) {
	if src, err := Tone(listener, holdTone); err == nil {
		Begin(listener, src)
	}
}

// holdTone says "the line is alive" without hurting the ear.
const holdTone = "0/4000,425/200,0/5800"

// Begin plays src and does not wait for its end.
func Begin(listener *channel.Channel, src media.Source) {
	listener.Leg.Media().Play(&media.Program{ID: listener.NextProgram(), Source: src})
}

// Stop ends whatever plays to listener.
func Stop(listener *channel.Channel) { listener.Leg.Media().Play(nil) }
