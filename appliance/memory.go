package appliance

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// A flood of requests leaves a large heap behind that Go gives back only when
// the next collection happens to run, which on an idle exchange is minutes away.
// The board has other uses for it.
const (
	memoryLook  = 10 * time.Second
	memorySpare = 4 << 20 // bytes worth a collection
)

// giveBackMemory returns memory to the system once the need for it has passed,
// until ctx ends. It reads three counters every ten seconds and collects only if
// that pays.
func giveBackMemory(ctx context.Context) error {
	debug.SetMemoryLimit(memoryLimit("/proc/meminfo"))
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
	}
	look := time.NewTicker(memoryLook)
	defer look.Stop()
	var before uint64
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		metrics.Read(samples)
		free, objects, live := samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64()
		// What lies on the heap beyond the last collection's survivors is
		// mostly garbage once it has stopped growing.
		idle := objects <= before+before/8
		before = objects
		if idle && free+objects-min(objects, live) > memorySpare+live/4 {
			debug.FreeOSMemory()
			metrics.Read(samples)
			before = samples[1].Value.Uint64()
		}
	}
}

// memoryLimit is a quarter of the machine's memory, at least 64 MiB: above it
// the collector works harder rather than taking more.
func memoryLimit(meminfo string) int64 {
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
