// Package nft puts a netcfg.Firewall into the kernel as one nftables table, over
// netlink and without nft(8). A table is replaced whole, in one transaction: there is
// no moment without it, and one the kernel refuses leaves the old one in force.
package nft

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"branchline/netcfg"
)

const tableName = "branchline"

// Filter is the packet filter of this network namespace. It needs CAP_NET_ADMIN.
type Filter struct{}

// Set replaces the table; the zero Firewall removes it.
func (Filter) Set(f netcfg.Firewall) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: tableName}
	// Adding what is there changes nothing, and then it can be deleted in any case.
	c.AddTable(table)
	c.DelTable(table)
	if f.Guard || len(f.Marks) > 0 {
		c.AddTable(table)
		if f.Guard {
			guard(c, table, f.Openings)
		}
		if len(f.Marks) > 0 {
			mark(c, table, f.Marks)
		}
	}
	if err := c.Flush(); err != nil {
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPROTONOSUPPORT) {
			return fmt.Errorf("this kernel has no nftables: %w", err)
		}
		return err
	}
	return nil
}

// Rules are how many rules our table has, -1 if there is none.
func (Filter) Rules() (int, error) {
	c, err := nftables.New()
	if err != nil {
		return 0, err
	}
	chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		return 0, err
	}
	n := -1
	for _, chain := range chains {
		if chain.Table.Name != tableName {
			continue
		}
		rules, err := c.GetRules(chain.Table, chain)
		if err != nil {
			return 0, err
		}
		n = max(n, 0) + len(rules)
	}
	return n, nil
}

// A rule is written as conditions and what happens then.
type rule []expr.Any

func meta(key expr.MetaKey, value []byte) rule {
	return rule{&expr.Meta{Key: key, Register: 1}, equal(value)}
}

func equal(value []byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: value}
}

func all(parts ...rule) (out rule) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

var (
	accept = rule{&expr.Verdict{Kind: expr.VerdictAccept}}
	refuse = rule{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}}
)

// name is an interface's name as the kernel compares it.
func name(s string) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b[:unix.IFNAMSIZ-1], s)
	return b
}

func protocol(p string) rule {
	if p == "tcp" {
		return meta(expr.MetaKeyL4PROTO, []byte{unix.IPPROTO_TCP})
	}
	return meta(expr.MetaKeyL4PROTO, []byte{unix.IPPROTO_UDP})
}

// Offsets in the headers of UDP and TCP.
const (
	sourcePort = 0
	targetPort = 2
)

func ports(offset uint32, first, last uint16) rule {
	return rule{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2},
		&expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: binaryutil.BigEndian.PutUint16(first), ToData: binaryutil.BigEndian.PutUint16(last)},
	}
}

// from holds for packets of a network.
func from(p netip.Prefix) rule {
	family, offset, size := byte(unix.NFPROTO_IPV4), uint32(12), uint32(4)
	if p.Addr().Is6() {
		family, offset, size = unix.NFPROTO_IPV6, 8, 16
	}
	mask := make([]byte, size)
	for i := range p.Bits() {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return append(meta(expr.MetaKeyNFPROTO, []byte{family}),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: size, Mask: mask, Xor: make([]byte, size)},
		equal(p.Masked().Addr().AsSlice()),
	)
}

func guard(c *nftables.Conn, table *nftables.Table, openings []netcfg.Opening) {
	drop := nftables.ChainPolicyDrop
	chain := c.AddChain(&nftables.Chain{
		Name: "input", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter, Policy: &drop,
	})
	add := func(r rule) { c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: r}) }
	states := binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED)
	add(append(rule{
		&expr.Ct{Register: 1, Key: expr.CtKeySTATE},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: states, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}, accept...))
	add(all(meta(expr.MetaKeyIIFNAME, name("lo")), accept))
	add(all(meta(expr.MetaKeyL4PROTO, []byte{unix.IPPROTO_ICMP}), accept))
	add(all(meta(expr.MetaKeyL4PROTO, []byte{unix.IPPROTO_ICMPV6}), accept))
	add(all(protocol("udp"), ports(targetPort, 68, 68), accept))
	for _, o := range openings {
		service := all(protocol(o.Protocol), ports(targetPort, o.First, o.Last), accept)
		for _, p := range o.From {
			add(all(from(p), service))
		}
		for _, l := range o.Links {
			add(all(meta(expr.MetaKeyIIFNAME, name(l)), service))
		}
		if len(o.From)+len(o.Links) == 0 {
			add(service)
		}
	}
	add(refuse)
}

// mark sets the DSCP field of packets that have none: the upper six bits of the second
// octet of IPv4, which are spread over the first two of IPv6.
func mark(c *nftables.Conn, table *nftables.Table, marks []netcfg.Mark) {
	chain := c.AddChain(&nftables.Chain{
		Name: "output", Table: table, Type: nftables.ChainTypeRoute,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityMangle,
	})
	for _, m := range marks {
		port := uint32(sourcePort)
		if m.Remote {
			port = targetPort
		}
		which := all(protocol(m.Protocol), ports(port, m.First, m.Last))
		for _, v := range []struct {
			family     byte
			mask, keep uint16 // of the first two octets
			shift      int
			sum        expr.PayloadCsumType
		}{
			{unix.NFPROTO_IPV4, 0x00fc, 0xff03, 2, expr.CsumTypeInet},
			{unix.NFPROTO_IPV6, 0x0fc0, 0xf03f, 6, expr.CsumTypeNone},
		} {
			load := &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 0, Len: 2}
			set := &expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 0, Len: 2, CsumType: v.sum}
			if v.sum == expr.CsumTypeInet {
				set.CsumOffset = 10
			}
			c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(all(meta(expr.MetaKeyNFPROTO, []byte{v.family}), which),
				load,
				&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 2, Mask: binaryutil.BigEndian.PutUint16(v.mask), Xor: make([]byte, 2)},
				equal(make([]byte, 2)),
				load,
				&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 2, Mask: binaryutil.BigEndian.PutUint16(v.keep), Xor: binaryutil.BigEndian.PutUint16(uint16(m.DSCP) << v.shift)},
				set,
			)})
		}
	}
}
