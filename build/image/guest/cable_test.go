//go:build image

package guest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"branchline/appliance/e2e/lan"
)

// cableMAC is the Ethernet address of the guest's second interface.
const cableMAC = "52:54:00:00:00:41"

// A cable leads from the guest's second interface to a switch with VLANs: hosts hang on
// its access ports, which know nothing of tags; what goes to the guest is tagged with
// the VLAN of the port that it came in at, and what comes from there leaves at the port
// of its VLAN only (IEEE 802.1Q).
type cable struct {
	*office
	c     *net.UDPConn // to QEMU: a frame is a datagram
	guest *net.UDPAddr

	mu    sync.Mutex
	ports map[int]*os.File // by VLAN, 0: untagged
	heard []frame
}

// A frame is what counts of an IPv4 datagram of UDP that the guest has sent.
type frame struct {
	vlan int // 0: untagged
	dscp byte
	port uint16 // that it comes from
}

// plug plugs the cable in at the guest to be started with o.
func plug(f *office, o *Options) *cable {
	f.Helper()
	k := &cable{office: f, ports: map[int]*os.File{}}
	loopback := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	var free *net.UDPConn
	f.must(f.box.Do(func() (err error) {
		if k.c, err = net.ListenUDP("udp4", loopback); err == nil {
			free, err = net.ListenUDP("udp4", loopback)
		}
		return err
	}))
	f.Cleanup(func() { k.c.Close() })
	k.guest = free.LocalAddr().(*net.UDPAddr)
	f.must(free.Close()) // QEMU takes it
	o.Extra = append(o.Extra,
		"-netdev", fmt.Sprintf("socket,id=n1,udp=%s,localaddr=%s", k.c.LocalAddr(), k.guest),
		"-device", "virtio-net-pci,netdev=n1,mac="+cableMAC)
	go k.fromGuest()
	return k
}

const tagged = 0x8100

func (k *cable) fromGuest() {
	buf := make([]byte, 9000)
	for {
		n, err := k.c.Read(buf)
		if err != nil {
			return
		}
		f := frame{}
		b := buf[:n]
		if binary.BigEndian.Uint16(b[12:]) == tagged {
			f.vlan = int(binary.BigEndian.Uint16(b[14:]) & 0xfff)
			copy(b[4:], b[:12])
			b = b[4:]
		}
		ip := b[14:]
		known := binary.BigEndian.Uint16(b[12:]) == unix.ETH_P_IP && ip[9] == unix.IPPROTO_UDP
		if known {
			f.dscp, f.port = ip[1]>>2, binary.BigEndian.Uint16(ip[int(ip[0]&15)*4:])
		}
		k.mu.Lock()
		if known {
			k.heard = append(k.heard, f)
		}
		port := k.ports[f.vlan]
		k.mu.Unlock()
		if port != nil {
			_, _ = port.Write(b)
		}
	}
}

// sent are the datagrams that the guest has sent so far.
func (k *cable) sent() []frame {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]frame(nil), k.heard...)
}

// access has the host that ends in octet hang on the access port of a VLAN, with an
// address such as 10.0.0.2/24. The result is the host as it is reached there.
func (k *cable) access(vlan, octet int, address string) *lan.Host {
	k.Helper()
	at := *k.host(octet)
	at.Addr, _, _ = strings.Cut(address, "/")
	name := fmt.Sprint("access", vlan)
	var port *os.File
	k.must(at.Do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		request, err := unix.NewIfreq(name)
		if err == nil {
			request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
		}
		if err != nil {
			return errors.Join(err, unix.Close(fd))
		}
		port = os.NewFile(uintptr(fd), name) // not before: it cannot be polled until it is a port
		return nil
	}))
	k.Cleanup(func() { port.Close() })
	for _, step := range []string{"addr add " + address + " dev " + name, "link set " + name + " up"} {
		k.ip(&at, step)
	}
	k.mu.Lock()
	k.ports[vlan] = port
	k.mu.Unlock()
	go k.toGuest(vlan, port)
	return &at
}

func (k *cable) toGuest(vlan int, port *os.File) {
	buf := make([]byte, 9000)
	for {
		n, err := port.Read(buf[4:])
		if err != nil {
			return
		}
		b := buf[4 : 4+n]
		if vlan != 0 {
			b = buf[:4+n]
			copy(b, b[4:16])
			binary.BigEndian.PutUint16(b[12:], tagged)
			binary.BigEndian.PutUint16(b[14:], uint16(vlan))
		}
		_, _ = k.c.WriteToUDP(b, k.guest)
	}
}

// ip is what a command of ip says on a host.
func (k *cable) ip(h *lan.Host, command string) string {
	k.Helper()
	out, err := exec.Command("ip", append([]string{"-n", h.Namespace()}, strings.Fields(command)...)...).CombinedOutput()
	if err != nil {
		k.Fatalf("ip %s: %v: %s", command, err, out)
	}
	return string(out)
}

// finds reports whether a host finds who has an address on its network (RFC 826).
func (k *cable) finds(h *lan.Host, address string) (found bool) {
	k.Helper()
	k.ip(h, "neigh flush "+address)
	k.must(h.Do(func() error {
		c, err := net.Dial("udp4", net.JoinHostPort(address, "9"))
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte("anybody?"))
		return err
	}))
	k.until("whether somebody has "+address, func() bool {
		out := k.ip(h, "neigh show "+address)
		found = strings.Contains(out, " lladdr ")
		return found || strings.Contains(out, "FAILED")
	})
	return found
}
