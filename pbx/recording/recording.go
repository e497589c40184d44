// Package recording is what calls are recorded with: a Studio knows the recordings
// of every channel, names their files and ends them. MixMonitor and the keys of
// one-touch recording work with it.
package recording

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"branchline/media"
	"branchline/media/record"
	"branchline/pbx/channel"
)

// Errors of Start.
var (
	ErrDeaf  = errors.New("this kind of channel cannot be recorded, the telephones' own can")
	ErrCodec = errors.New("only G.711 is recorded")
)

// A Studio records calls. The zero value is not usable; see New.
type Studio struct {
	dir atomic.Pointer[string]
	log *slog.Logger

	mu    sync.Mutex
	last  uint64
	takes map[*channel.Channel][]*take
	wait  sync.WaitGroup
}

// A take is one recording of one channel.
type take struct {
	id     string
	key    string // of a feature, "" for MixMonitor
	order  Order
	stream media.Recordable
	tape   *record.Tape
}

// An Order says what to record; paths that are not absolute are below the studio's
// directory. At least one is needed.
type Order struct {
	Mixed, Said, Heard  string // both; what the party says; what it hears
	Append              bool
	SaidGain, HeardGain float64 // factors, 0: 1
	Key                 string  // names the feature that asks, so that it finds the recording again
}

// New makes a studio that writes below dir.
func New(dir string, log *slog.Logger) *Studio {
	s := &Studio{log: log, takes: map[*channel.Channel][]*take{}}
	s.dir.Store(&dir)
	return s
}

// Path is where a recording of that name goes.
func (s *Studio) Path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(*s.dir.Load(), name)
}

// Start begins to record c, until Stop or until its leg is gone. The id names the
// recording.
func (s *Studio) Start(c *channel.Channel, o Order) (id string, err error) {
	stream, ok := c.Leg.Media().(media.Recordable)
	if !ok {
		return "", fmt.Errorf("record %s: %w", c.Name, ErrDeaf)
	}
	if codec := c.Leg.Media().Codec(); codec != nil && codec != media.PCMU && codec != media.PCMA {
		return "", fmt.Errorf("record %s: %w, and this is %s", c.Name, ErrCodec, codec.Name)
	}
	s.mu.Lock()
	s.last++
	k := &take{id: "0x" + strconv.FormatUint(s.last, 16), key: o.Key, order: o, stream: stream}
	s.mu.Unlock()
	s.wait.Add(1)
	k.tape, err = record.Start(record.Options{
		Mixed: s.Path(o.Mixed), Said: s.Path(o.Said), Heard: s.Path(o.Heard), Append: o.Append,
		SaidGain: o.SaidGain, HeardGain: o.HeardGain,
		Ended: func(err error) { s.ended(c, k, err) },
	})
	if err != nil {
		s.wait.Done()
		return "", fmt.Errorf("record %s: %w", c.Name, err)
	}
	s.mu.Lock()
	s.takes[c] = append(s.takes[c], k)
	s.mu.Unlock()
	stream.Record(k.tape)
	return k.id, nil
}

// ended is called when the files are whole.
func (s *Studio) ended(c *channel.Channel, k *take, err error) {
	defer s.wait.Done()
	s.mu.Lock()
	left := slices.DeleteFunc(s.takes[c], func(t *take) bool { return t == k })
	if len(left) == 0 {
		delete(s.takes, c)
	} else {
		s.takes[c] = left
	}
	s.mu.Unlock()
	if err != nil {
		s.log.Error("a recording is not whole", "channel", c.Name, "error", err)
	}
	if n := k.tape.Lost(); n > 0 {
		s.log.Warn("packets are missing in a recording", "channel", c.Name, "packets", n)
	}
}

// Stop ends recordings of c: the one with that id, or all that no key began if id
// is "". It returns how many, when their files are whole.
func (s *Studio) Stop(c *channel.Channel, id string) int {
	return s.stop(c, func(k *take) bool { return k.key == "" && (id == "" || k.id == id) })
}

// StopKey ends what a key began.
func (s *Studio) StopKey(c *channel.Channel, key string) int {
	return s.stop(c, func(k *take) bool { return k.key == key })
}

func (s *Studio) stop(c *channel.Channel, which func(*take) bool) int {
	s.mu.Lock()
	var found []*take
	for _, k := range s.takes[c] {
		if which(k) {
			found = append(found, k)
		}
	}
	s.mu.Unlock()
	for _, k := range found {
		k.stream.Forget(k.tape)
		// The error goes to the log, from ended.
		_ = k.tape.Stop()
	}
	return len(found)
}

// Recorded says whether c is being recorded: its speech must come past the
// exchange.
func (s *Studio) Recorded(c *channel.Channel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.takes[c]) > 0
}

// Close ends everything and returns when all files are whole.
func (s *Studio) Close() {
	s.mu.Lock()
	var all []*take
	for _, list := range s.takes {
		all = append(all, list...)
	}
	s.mu.Unlock()
	for _, k := range all {
		k.stream.Forget(k.tape)
		_ = k.tape.Stop() // ended logs what went wrong
	}
	s.wait.Wait()
}
