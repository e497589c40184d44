// Package memory keeps what the program takes of the machine's memory in bounds: the
// program itself is there from the start, and what a flood took goes back.
package memory

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// A flood of requests leaves heap and stacks behind that Go gives back only when
// the next collection happens to run, which on an idle exchange is minutes away.
// The board has other uses for them.
const (
	pace       = 10 * time.Second
	quietBelow = 1 << 20 // bytes allocated between two looks at a quiet exchange
	spare      = 1 << 20 // bytes worth a collection
)

// GiveBack has the program itself in memory from the start, and returns
// what is taken besides to the system once the need for it has passed, until ctx
// ends. It reads three counters every ten seconds; thrift decides.
func GiveBack(ctx context.Context) error {
	// Without it the pages come one by one, as ever.
	_ = bringIn("/proc/self/maps")
	debug.SetMemoryLimit(limit("/proc/meminfo"))
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	counters := func() (allocated, held uint64) {
		metrics.Read(samples)
		return samples[0].Value.Uint64(), samples[1].Value.Uint64() - samples[2].Value.Uint64()
	}
	look := time.NewTicker(pace)
	defer look.Stop()
	var t thrift
	// What reading the configuration left behind. Twice, because the allocator
	// works with two sets of tables in turn, and both shall stand before the first
	// caller.
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	t.collected(counters())
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		if t.due(counters()) {
			debug.FreeOSMemory()
			t.collected(counters())
		}
	}
}

// thrift decides when a collection is worth its while: on a quiet exchange that
// holds more than after the last one. One that still holds more than it ever
// settled at is collected again every other look, since what a flood left behind
// (transactions, 32 s of them) dies later without anybody noticing; after five
// times without success it is taken to be needed, and looked at every ten minutes.
type thrift struct {
	allocated, settled, floor uint64
	waited, vain              int // looks since the last collection; collections without success
}

func (t *thrift) due(allocated, held uint64) bool {
	quiet := allocated-t.allocated < quietBelow
	t.allocated = allocated
	t.waited++
	if held > t.settled+spare {
		t.vain = 0
		return quiet
	}
	wait := 2
	if t.vain >= 5 {
		wait = 60
	}
	return quiet && t.settled > t.floor+spare && t.waited >= wait
}

// collected notes what is held after a collection, or at the start.
func (t *thrift) collected(allocated, held uint64) {
	if held+spare > t.settled {
		t.vain++
	} else {
		t.vain = 0
	}
	if t.floor == 0 || held < t.floor {
		t.floor = held
	}
	t.allocated, t.settled, t.waited = allocated, held, 0
}

// limit is a quarter of the machine's memory, at least 64 MiB: above it
// the collector works harder rather than taking more.
func limit(meminfo string) int64 {
	const least, fallback = 64 << 20, 512 << 20
	text, err := os.ReadFile(meminfo)
	if err != nil {
		return fallback
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == "MemTotal:" {
			if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				return max(least, kib<<10/4)
			}
		}
	}
	return fallback
}
