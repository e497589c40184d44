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

// A flood of requests leaves heap and stacks behind that Go gives back only when
// the next collection happens to run, which on an idle exchange is minutes away.
// The board has other uses for them.
const (
	memoryLook  = 10 * time.Second
	memoryQuiet = 1 << 20 // bytes allocated between two looks at a quiet exchange
	memorySpare = 1 << 20 // bytes worth a collection
)

// giveBackMemory returns memory to the system once the need for it has passed,
// until ctx ends: when little is being allocated and more is held than after the
// last time. It reads three counters every ten seconds.
func giveBackMemory(ctx context.Context) error {
	debug.SetMemoryLimit(memoryLimit("/proc/meminfo"))
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	counters := func() (allocated, held uint64) {
		metrics.Read(samples)
		return samples[0].Value.Uint64(), samples[1].Value.Uint64() - samples[2].Value.Uint64()
	}
	look := time.NewTicker(memoryLook)
	defer look.Stop()
	before, settled := counters()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		allocated, held := counters()
		if allocated-before < memoryQuiet && held > settled+memorySpare {
			debug.FreeOSMemory()
			allocated, settled = counters()
		}
		before = allocated
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
