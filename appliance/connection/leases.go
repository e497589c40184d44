package connection

import (
	"encoding/json"
	"log/slog"
	"time"

	"branchline/netcfg/dhcp"
	"branchline/netcfg/steward"
	"branchline/pbx/astdb"
)

// A leaseBook keeps leases in the database.
type leaseBook struct {
	db  *astdb.DB
	log *slog.Logger
}

const leaseFamily = "network/lease"

func (b leaseBook) Lease(link string) *dhcp.Lease {
	text, ok := b.db.Get(leaseFamily, link)
	if !ok {
		return nil
	}
	var l dhcp.Lease
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		b.log.Warn("lease in the database", "interface", link, "error", err)
		return nil
	}
	return &l
}

// leaseDelay is how long a lease may wait to be written with something else.
const leaseDelay = 30 * time.Second

func (b leaseBook) Keep(link string, l *dhcp.Lease) {
	if l == nil {
		b.db.DelSoon(leaseFamily, link, leaseDelay)
		return
	}
	text, err := json.Marshal(l)
	if err != nil {
		b.log.Warn("lease not kept", "interface", link, "error", err)
		return
	}
	b.db.PutSoon(leaseFamily, link, string(text), leaseDelay)
}

// Where in the database it is written what has proven itself, and how it was.
const (
	networkFamily = "network"
	provenKey     = "proven"
)

// Proven is the network that has proven itself last.
func (b leaseBook) Proven() *steward.Config {
	text, ok := b.db.Get(networkFamily, provenKey)
	if !ok {
		return nil
	}
	var c steward.Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		b.log.Warn("network in the database", "error", err)
		return nil
	}
	return &c
}

// Prove writes down a network that has proven itself. It changes rarely; a power cut
// within the delay only means that it has to prove itself again.
func (b leaseBook) Prove(c *steward.Config) {
	if c == nil {
		b.db.DelSoon(networkFamily, provenKey, time.Second)
		return
	}
	text, err := json.Marshal(c)
	if err != nil {
		b.log.Warn("network not kept", "error", err)
		return
	}
	if old, ok := b.db.Get(networkFamily, provenKey); !ok || old != string(text) {
		b.db.PutSoon(networkFamily, provenKey, string(text), time.Second)
	}
}
