package show

import (
	"branchline/pbx/settings"
	"branchline/pbx/sip/outreg"
)

// modern is the part of a configuration that comes from pjsip.conf: what is from
// sip.conf has its own commands.
func modern(all func() *settings.Snapshot) func() *settings.Snapshot {
	return func() *settings.Snapshot {
		s := all()
		if s.SIP == nil {
			return s
		}
		own := *s
		own.AORs = make(map[string]*settings.AOR, len(s.AORs))
		for name, a := range s.AORs {
			if !a.Legacy {
				own.AORs[name] = a
			}
		}
		own.Transports, own.Registrations = nil, nil
		for _, t := range s.Transports {
			if !t.Legacy {
				own.Transports = append(own.Transports, t)
			}
		}
		for _, r := range s.Registrations {
			if !r.Legacy {
				own.Registrations = append(own.Registrations, r)
			}
		}
		return &own
	}
}

type keeper interface {
	Statuses() []outreg.Status
	Send(id string, on bool) bool
}

// modernRegistrations are the registrations of pjsip.conf.
type modernRegistrations struct{ keeper }

func (m modernRegistrations) Statuses() (out []outreg.Status) {
	for _, s := range m.keeper.Statuses() {
		if !s.Legacy {
			out = append(out, s)
		}
	}
	return out
}
