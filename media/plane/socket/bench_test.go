package socket

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/rtp"
)

// A relay is what the benchmark measures: ours, or the floor in C.
type relay struct {
	ports []uint16                 // where it receives
	start func(answerTo []uint16)  // what comes to port i goes to answerTo[i^1]
	cpu   func() time.Duration     // spent so far
	stop  func() (packets float64) // relayed in all
}

// BenchmarkRelay and BenchmarkTranscode give the processor time per packet of the
// media thread beside that of a loop in C which does nothing but receive and send,
// both fed in the same way, one after the other. b.N is the number of packets; the
// wall clock only says how fast they were sent.
func BenchmarkRelay(b *testing.B)     { benchmark(b, media.PCMU, media.PCMU) }
func BenchmarkTranscode(b *testing.B) { benchmark(b, media.PCMU, media.PCMA) }

func benchmark(b *testing.B, one, other *media.Codec) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 1))
	floor := buildFloor(b)
	for _, n := range []int{100, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			least := 0.0
			if floor != "" {
				least = feed(b, startFloor(b, floor, n))
			}
			ours := feed(b, startPlane(b, n, one, other))
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ours, "us/packet")
			if least > 0 {
				b.ReportMetric(least, "floor-us/packet")
				b.ReportMetric(ours/least, "x-floor")
			}
		})
	}
}

// feed sends b.N packets, 50 a second to each port, spread evenly, and gives the
// microseconds of processor time the relay took for each.
func feed(b *testing.B, r relay) float64 {
	n := len(r.ports)
	phones := make([]*wire, n)
	answers := make([]uint16, n)
	for i := range phones {
		w := &wire{rtp: end{fd: -1}, rtcp: end{fd: -1}}
		if err := w.rtp.open(netip.AddrPortFrom(loopback, 0), 0); err != nil {
			b.Fatal(err)
		}
		defer w.closeSockets()
		// Nobody reads the answers: let them not pile up.
		_ = unix.SetsockoptInt(w.rtp.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
		a, err := unix.Getsockname(w.rtp.fd)
		if err != nil {
			b.Fatal(err)
		}
		answers[i] = uint16(a.(*unix.SockaddrInet4).Port)
		w.rtp.to.set(netip.AddrPortFrom(loopback, r.ports[i]))
		phones[i] = w
	}
	r.start(answers)
	// Phones do not speak in chorus: the packets are spread over the 20 ms, as far as
	// the kernel's timers allow.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	packet := make([]byte, rtp.HeaderLen+160)
	before, begin := r.cpu(), time.Now()
	for sent := 0; sent < b.N; {
		due := min(b.N, int(time.Since(begin)*time.Duration(n)*50/time.Second)+1)
		for ; sent < due; sent++ {
			h := rtp.Header{Seq: uint16(sent / n), Stamp: uint32(sent / n * 160), SSRC: 1}
			h.Put(packet)
			phones[sent%n].rtp.send(packet)
		}
		pause := unix.NsecToTimespec(int64(time.Second) / int64(n) / 50)
		_ = unix.Nanosleep(&pause, nil)
	}
	time.Sleep(100 * time.Millisecond) // the last ones may still be in the sockets
	spent := r.cpu() - before
	packets := r.stop()
	if packets < 0.9*float64(b.N) && b.N > n {
		b.Errorf("%v of %d packets were relayed", packets, b.N)
	}
	return float64(spent.Nanoseconds()) / 1e3 / max(1, packets)
}

func startPlane(b *testing.B, n int, one, other *media.Codec) relay {
	p, err := New(plane.Config{Strict: true})
	if err != nil {
		b.Fatal(err)
	}
	streams := make([]plane.Port, n)
	ports := make([]uint16, n)
	for i := range streams {
		if streams[i], err = p.Open(plane.Options{Local: loopback}); err != nil {
			b.Fatal(err)
		}
		ports[i] = streams[i].Local().Port()
	}
	var thread int
	return relay{
		ports: ports,
		start: func(answers []uint16) {
			for i, s := range streams {
				// Everybody sends PT 0 and is sent what the second codec is.
				s.Apply(media.Flow{
					Remote:  netip.AddrPortFrom(loopback, answers[i]),
					Formats: []media.Format{{PT: uint8(other.Static), Codec: other}, {PT: uint8(one.Static), Codec: one}},
					Send:    true, Recv: true,
				})
				if i%2 == 1 {
					s.Join(streams[i-1])
				}
			}
			p.do(func(int64) { thread = unix.Gettid() })
			settle(p)
		},
		cpu: func() time.Duration { return schedstat(b, fmt.Sprintf("/proc/self/task/%d/schedstat", thread)) },
		stop: func() (packets float64) {
			for _, s := range streams {
				s.Close()
			}
			settle(p)
			for _, s := range streams {
				packets += float64(s.Stats().TxPackets)
			}
			if err := p.Close(); err != nil {
				b.Error(err)
			}
			return packets
		},
	}
}

// buildFloor compiles the loop in C; empty if there is no compiler.
func buildFloor(b *testing.B) string {
	cc, err := exec.LookPath("cc")
	if err != nil {
		b.Log("no C compiler: no floor to compare with")
		return ""
	}
	program := filepath.Join(b.TempDir(), "floor")
	if out, err := exec.Command(cc, "-O2", "-o", program, "testdata/floor.c").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}

func startFloor(b *testing.B, program string, n int) relay {
	c := exec.Command(program, strconv.Itoa(n))
	in, err := c.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewReader(out)
	ports := make([]uint16, n)
	for i := range ports {
		if _, err := fmt.Fscanln(lines, &ports[i]); err != nil {
			b.Fatal(err)
		}
	}
	return relay{
		ports: ports,
		start: func(answers []uint16) {
			for _, a := range answers {
				fmt.Fprintln(in, a)
			}
		},
		cpu: func() time.Duration { return schedstat(b, fmt.Sprintf("/proc/%d/schedstat", c.Process.Pid)) },
		stop: func() (packets float64) {
			_ = in.Close()
			if _, err := fmt.Fscanln(lines, &packets); err != nil && err != io.EOF {
				b.Error(err)
			}
			if err := c.Wait(); err != nil {
				b.Error(err)
			}
			return packets
		},
	}
}

// schedstat is the processor time in one of the kernel's files.
func schedstat(b *testing.B, file string) time.Duration {
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), " ")
	ns, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(ns)
}
