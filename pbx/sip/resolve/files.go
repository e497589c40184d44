package resolve

import (
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxFile    = 1 << 20         // octets read of either file
	maxServers = 3               // as resolv.conf(5)
	maxSearch  = 6               // the same
	lookAgain  = 2 * time.Second // between two looks whether a file has changed
)

// files are /etc/resolv.conf and /etc/hosts, read again when they change.
type files struct {
	resolvConf, hosts string

	mu      sync.Mutex
	looked  time.Time
	seen    [2]version
	config  conf
	entries map[string][]netip.Addr
}

// A version tells whether a file is still the one that was read.
type version struct {
	time time.Time
	size int64
}

// conf is what resolv.conf says.
type conf struct {
	servers []netip.AddrPort
	search  []string
	dots    int // names with fewer dots are looked for in the search list first
}

func (f *files) conf() conf {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh()
	return f.config
}

// host is what /etc/hosts says of a name. RFC 6761 6.3: localhost is always
// this machine.
func (f *files) host(name string) []netip.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh()
	if addrs := f.entries[name]; len(addrs) > 0 {
		return addrs
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	return nil
}

func (f *files) refresh() {
	now := time.Now()
	if !f.looked.IsZero() && now.Sub(f.looked) < lookAgain {
		return
	}
	first := f.looked.IsZero()
	f.looked = now
	if v := stat(f.resolvConf); first || v != f.seen[0] {
		f.seen[0], f.config = v, parseConf(contents(f.resolvConf))
	}
	if v := stat(f.hosts); first || v != f.seen[1] {
		f.seen[1], f.entries = v, parseHosts(contents(f.hosts))
	}
}

func stat(path string) version {
	info, err := os.Stat(path)
	if err != nil {
		return version{}
	}
	return version{info.ModTime(), info.Size()}
}

// contents is a file's text, "" if it cannot be read: a machine without these
// files asks the name server on itself, as resolv.conf(5) has it.
func contents(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return ""
	}
	return string(b)
}

func parseConf(text string) conf {
	c := conf{dots: 1}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		line, _, _ = strings.Cut(line, ";")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(words[1]); err == nil && len(c.servers) < maxServers {
				c.servers = append(c.servers, netip.AddrPortFrom(a.Unmap(), 53))
			}
		case "domain", "search": // the last one counts
			c.search = nil
			for _, w := range words[1:] {
				if name, err := hostName(strings.TrimSuffix(w, ".")); err == nil && len(c.search) < maxSearch {
					c.search = append(c.search, name)
				}
			}
		case "options":
			for _, w := range words[1:] {
				if v, ok := strings.CutPrefix(w, "ndots:"); ok {
					if n, err := strconv.Atoi(v); err == nil && n >= 0 {
						c.dots = min(n, 15)
					}
				}
			}
		}
	}
	if len(c.servers) == 0 {
		c.servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53)}
	}
	return c
}

func parseHosts(text string) map[string][]netip.Addr {
	out := map[string][]netip.Addr{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(words[0])
		if err != nil {
			continue
		}
		for _, w := range words[1:] {
			if name, err := hostName(strings.TrimSuffix(w, ".")); err == nil {
				out[name] = append(out[name], addr.Unmap())
			}
		}
	}
	return out
}
