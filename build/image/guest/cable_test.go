//go:build image

package guest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// Ethernet addresses of the guest's second interface, and of what hangs on it.
const (
	cableMAC = "52:54:00:00:00:41"
	phoneMAC = "52:54:00:00:00:42"
)

// A cable is the guest's second interface: its Ethernet frames come here.
type cable struct {
	c         *net.UDPConn
	guest     *net.UDPAddr
	mac, mine net.HardwareAddr
	heard     []frame
}

// A frame is what counts of one that the guest has sent.
type frame struct {
	vlan    int // 0: untagged
	dscp    byte
	port    uint16 // that it comes from, 0 if it is not UDP
	payload []byte
	arp     []byte
}

func plug(t *testing.T) *cable {
	t.Helper()
	k := &cable{}
	for _, m := range []struct {
		to   *net.HardwareAddr
		text string
	}{{&k.mac, cableMAC}, {&k.mine, phoneMAC}} {
		a, err := net.ParseMAC(m.text)
		if err != nil {
			t.Fatal(err)
		}
		*m.to = a
	}
	loopback := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	c, err := net.ListenUDP("udp4", loopback)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	free, err := net.ListenUDP("udp4", loopback)
	if err != nil {
		t.Fatal(err)
	}
	k.c, k.guest = c, free.LocalAddr().(*net.UDPAddr)
	if err := free.Close(); err != nil { // QEMU takes it
		t.Fatal(err)
	}
	return k
}

func (k *cable) arguments() []string {
	return []string{
		"-netdev", fmt.Sprintf("socket,id=n1,udp=%s,localaddr=%s", k.c.LocalAddr(), k.guest),
		"-device", "virtio-net-pci,netdev=n1,mac=" + cableMAC,
	}
}

// send puts a frame on the cable, tagged if vlan is not 0 (IEEE 802.1Q).
func (k *cable) send(vlan int, to net.HardwareAddr, kind uint16, body []byte) error {
	b := append(append([]byte{}, to...), k.mine...)
	if vlan != 0 {
		b = binary.BigEndian.AppendUint16(b, 0x8100)
		b = binary.BigEndian.AppendUint16(b, uint16(vlan))
	}
	b = append(binary.BigEndian.AppendUint16(b, kind), body...)
	for len(b) < 60 {
		b = append(b, 0)
	}
	_, err := k.c.WriteToUDP(b, k.guest)
	return err
}

// arp is a message of RFC 826 for Ethernet and IPv4.
func (k *cable) arp(op uint16, from netip.Addr, to net.HardwareAddr, target netip.Addr) []byte {
	b := []byte{0, 1, 8, 0, 6, 4, byte(op >> 8), byte(op)}
	b = append(append(b, k.mine...), from.AsSlice()...)
	return append(append(b, to...), target.AsSlice()...)
}

const (
	kindIP  = 0x0800
	kindARP = 0x0806
)

// hear reads one frame.
func (k *cable) hear() (frame, error) {
	buf := make([]byte, 9000)
	n, err := k.c.Read(buf)
	if err != nil {
		return frame{}, err
	}
	var f frame
	b := buf[12:n]
	kind := binary.BigEndian.Uint16(b)
	if kind == 0x8100 {
		f.vlan, b = int(binary.BigEndian.Uint16(b[2:])&0xfff), b[4:]
		kind = binary.BigEndian.Uint16(b)
	}
	b = b[2:]
	switch {
	case kind == kindARP && len(b) >= 28:
		f.arp = b[:28]
	case kind == kindIP && len(b) >= 28 && b[9] == 17:
		head := int(b[0]&15) * 4
		f.dscp, f.port = b[1]>>2, binary.BigEndian.Uint16(b[head:])
		f.payload = b[head+8 : binary.BigEndian.Uint16(b[2:])]
	}
	k.heard = append(k.heard, f)
	return f, nil
}

// phone is a telephone in a VLAN of the cable.
func (k *cable) phone(vlan int, address, server string) *phone {
	return &phone{c: &tagged{cable: k, vlan: vlan, at: netip.MustParseAddr(address)}, to: &net.UDPAddr{IP: net.ParseIP(server), Port: 5060}}
}

// A tagged is a telephone's network in a VLAN: it answers for its address.
type tagged struct {
	*cable
	vlan int
	at   netip.Addr
}

func (v *tagged) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(netip.AddrPortFrom(v.at, 5060)) }

func (v *tagged) SetReadDeadline(t time.Time) error { return v.c.SetReadDeadline(t) }

func (v *tagged) WriteToUDP(b []byte, to *net.UDPAddr) (int, error) {
	p := make([]byte, 28, 28+len(b))
	p[0], p[8], p[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(p[2:], uint16(28+len(b)))
	copy(p[12:], v.at.AsSlice())
	copy(p[16:], to.IP.To4())
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum+sum>>16))
	binary.BigEndian.PutUint16(p[20:], 5060)
	binary.BigEndian.PutUint16(p[22:], uint16(to.Port))
	binary.BigEndian.PutUint16(p[24:], uint16(8+len(b))) // without a check sum (RFC 768)
	return len(b), v.send(v.vlan, v.mac, kindIP, append(p, b...))
}

func (v *tagged) Read(b []byte) (int, error) {
	for {
		f, err := v.hear()
		switch {
		case err != nil:
			return 0, err
		case f.vlan != v.vlan:
		case f.arp != nil && f.arp[7] == 1 && bytes.Equal(f.arp[24:28], v.at.AsSlice()):
			if err := v.send(v.vlan, v.mac, kindARP, v.arp(2, v.at, f.arp[8:14], netip.AddrFrom4([4]byte(f.arp[14:18])))); err != nil {
				return 0, err
			}
		case f.port == 5060:
			return copy(b, f.payload), nil
		}
	}
}

// answers asks in a VLAN who has an address, and counts the answers that come there.
func (k *cable) answers(t *testing.T, vlan int, from, target string) (n int) {
	t.Helper()
	everybody := net.HardwareAddr{255, 255, 255, 255, 255, 255}
	who := netip.MustParseAddr(target)
	for range 5 {
		if err := k.send(vlan, everybody, kindARP, k.arp(1, netip.MustParseAddr(from), make(net.HardwareAddr, 6), who)); err != nil {
			t.Fatal(err)
		}
		if err := k.c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			t.Fatal(err)
		}
		for {
			f, err := k.hear()
			if err != nil {
				break
			}
			if f.vlan == vlan && f.arp != nil && f.arp[7] == 2 && bytes.Equal(f.arp[14:18], who.AsSlice()) {
				return n + 1
			}
		}
	}
	return n
}
