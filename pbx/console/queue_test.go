package console

import (
	"strings"
	"testing"

	"branchline/pbx/console/protocol"
)

func TestQueueLeavesLogLinesOut(t *testing.T) {
	q := newQueue()
	line := strings.Repeat("x", 1023) + "\n"
	for range 300 {
		q.putLog(line)
	}
	if !q.put(protocol.Output, []byte("a")) || !q.put(protocol.Output, []byte("b")) {
		t.Error("output refused behind log lines")
	}
	frames, more := q.take()
	if len(frames) != 257 || !more {
		t.Errorf("%d frames, more %v", len(frames), more)
	}
	if last := frames[len(frames)-1]; string(last.Payload) != "ab" {
		t.Errorf("output pieces not joined: %q", last.Payload)
	}
	q.putLog(line)
	q.close()
	q.putLog(line)
	frames, more = q.take()
	if len(frames) != 2 || more || string(frames[0].Payload) != "[44 messages left out: this console does not keep up]\n" {
		t.Errorf("then %d frames, more %v, first %q", len(frames), more, frames[0].Payload)
	}
}

func TestQueueRefusesEndlessOutput(t *testing.T) {
	q := newQueue()
	chunk := make([]byte, 1<<20)
	for i := range 17 {
		if ok := q.put(protocol.Output, chunk); ok != (i < 16) {
			t.Fatalf("megabyte %d: %v", i+1, ok)
		}
	}
}
