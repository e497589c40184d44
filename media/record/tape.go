// Package record writes what a party of a call says and hears into a sound file,
// both mixed or each in a file of its own. A Tape takes packets on the media thread
// without waiting, in a ring that nobody locks; a goroutine empties it ten times a
// second and does what may take its time: decoding, mixing, writing.
package record

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"branchline/media"
	"branchline/media/g711"
)

// rate is that of all recordings, samples per second.
const rate = 8000

const (
	slots  = 128 // packets that may wait, 1.2 s of both directions at 20 ms
	chunk  = 240 // octets of one, 30 ms of G.711
	period = 100 * time.Millisecond
	// behind is how long after the newest packet speech is mixed: what comes later
	// than that is late.
	behind = 200 * rate / 1000
	// drift is how far a party's clock may be from ours before its speech is moved.
	drift = 60 * rate / 1000
	// longest is a silence that is not written out: nobody was there.
	longest = 3600 * rate
)

// Options say where a recording goes. At least one path is needed; the ending of
// each decides the format: wav (16 bits), sln or raw (linear without a header),
// ulaw or ul, alaw or al.
type Options struct {
	Mixed      string // both
	Said       string // what the party says
	Heard      string // what is sent to it
	Append     bool
	SaidGain   float64 // factor, 0: 1
	HeardGain  float64
	Ended      func(error)
	Permission os.FileMode // of new files, 0: 0o640
}

// A Tape is a recording under way.
type Tape struct {
	ring [slots]slot
	head atomic.Uint32 // next to be read
	tail atomic.Uint32 // next to be written; the media thread's
	end  atomic.Bool
	lost atomic.Uint64
	stop chan struct{}
	once sync.Once
	done chan struct{}

	// The goroutine's.
	files [3]*file // mixed, said, heard
	gain  [2]float64
	mixer mixer
	err   error
}

type slot struct {
	now     int64
	toParty bool
	law     *g711.Law
	n       int
	data    [chunk]byte
}

// ErrFormat reports an ending that is no format of ours.
var ErrFormat = errors.New("no such format: wav, sln, raw, ulaw and alaw can be written")

// Start opens the files and begins. The recording lasts until End, which the media
// plane calls when the stream is over, or Stop.
func Start(o Options) (*Tape, error) {
	t := &Tape{stop: make(chan struct{}), done: make(chan struct{}), gain: [2]float64{or(o.SaidGain), or(o.HeardGain)}}
	for i, path := range [...]string{o.Mixed, o.Said, o.Heard} {
		if path == "" {
			continue
		}
		f, err := create(path, o.Append, o.Permission)
		if err != nil {
			for _, g := range t.files {
				if g != nil {
					err = errors.Join(err, g.close())
				}
			}
			return nil, err
		}
		t.files[i] = f
	}
	t.mixer.begin(t.files[1] != nil || t.files[2] != nil)
	go t.run(o.Ended)
	return t, nil
}

func or(gain float64) float64 {
	if gain == 0 {
		return 1
	}
	return gain
}

// Take is media.Recorder's: one packet, on the media thread.
func (t *Tape) Take(now int64, toParty bool, c *media.Codec, payload []byte) {
	var law *g711.Law
	switch c {
	case media.PCMU:
		law = g711.ULaw()
	case media.PCMA:
		law = g711.ALaw()
	default:
		t.lost.Add(1)
		return
	}
	// A packet comes when its last sample has been spoken.
	begin := now - int64(len(payload))*int64(time.Second)/rate
	for len(payload) > 0 {
		tail := t.tail.Load()
		if tail-t.head.Load() == slots {
			t.lost.Add(1)
			return
		}
		s := &t.ring[tail%slots]
		s.n = copy(s.data[:], payload)
		s.now, s.toParty, s.law = begin, toParty, law
		payload = payload[s.n:]
		begin += int64(s.n) * int64(time.Second) / rate
		t.tail.Store(tail + 1)
	}
}

// End is media.Recorder's: nothing more will come.
func (t *Tape) End() { t.end.Store(true) }

// Lost is how many packets were not written: the disk was too slow, or they are in
// a codec that cannot be mixed.
func (t *Tape) Lost() uint64 { return t.lost.Load() }

// Stop ends the recording, and returns when the files are whole.
func (t *Tape) Stop() error {
	t.once.Do(func() { close(t.stop) })
	<-t.done
	return t.err
}

func (t *Tape) run(ended func(error)) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-tick.C:
		case <-t.stop:
			over = true
		}
		over = t.end.Load() || over
		t.drain()
		if over {
			t.write(t.mixer.rest())
		}
	}
	for _, f := range t.files {
		if f != nil {
			t.err = errors.Join(t.err, f.close())
		}
	}
	close(t.done)
	if ended != nil {
		ended(t.err)
	}
}

// drain empties the ring.
func (t *Tape) drain() {
	var linear [chunk]int16
	for head := t.head.Load(); head != t.tail.Load(); head++ {
		s := &t.ring[head%slots]
		side := 0
		if s.toParty {
			side = 1
		}
		n := s.law.Decode(linear[:], s.data[:s.n])
		if g := t.gain[side]; g != 1 {
			for i, v := range linear[:n] {
				linear[i] = clamp(int32(float64(v) * g))
			}
		}
		t.write(t.mixer.put(side, s.now*rate/int64(time.Second), linear[:n]))
		t.head.Store(head + 1)
	}
}

// write hands finished speech to the files. After an error nothing is written.
func (t *Tape) write(p piece) {
	for i, samples := range [...][]int16{p.both, p.said, p.heard} {
		if f := t.files[i]; f != nil && t.err == nil && len(samples) > 0 {
			t.err = f.write(samples)
		}
	}
}

func clamp(v int32) int16 { return int16(max(-32768, min(32767, v))) }
