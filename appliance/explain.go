package appliance

import (
	"branchline/appliance/configuration"
	"branchline/appliance/inspect"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/explain"
	"branchline/pbx/fn/office"
	"branchline/pbx/sip/registrar"
)

// live is the world as it is now.
func (d *daemon) live() explain.World {
	world := inspect.World(d.agent.Snapshot(), d.system.Plan())
	world.Globals = map[string]string{}
	for _, name := range d.system.Globals.Names() {
		world.Globals[name], _ = d.system.Globals.Get(name)
	}
	world.Catalog = func(system *live.System) dialplan.Catalog {
		return configuration.Catalog(system, office.Deps{
			System: system, Store: d.db, State: d.devices.Of, Custom: func(string, string) bool { return false },
			Settings: d.agent.Snapshot, Contacts: d.contacts,
			Channels: func() []*channel.Snapshot { return d.exchange.Channels() }, Version: Version,
		})
	}
	world.Contacts = func(aor string) []explain.Contact {
		var out []explain.Contact
		for _, c := range d.registrar.Contacts(aor) {
			out = append(out, explain.Contact{
				URI: c.URI, Transport: c.Source.Transport, Source: c.Source.Addr, Reachable: c.Status() != registrar.Unavail,
			})
		}
		return out
	}
	return world
}
