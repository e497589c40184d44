package demo

import (
	"time"

	"branchline/appliance"
	"branchline/appliance/selftest"
	"branchline/hal"
	"branchline/hal/sim"
	"branchline/media/callerid"
)

// backCaller is the number in the simulated public network that calls back.
const backCaller = "0800000001"

// simulate gives o two telephone lines that exist in this process only, as the
// demonstration's chan_dahdi.conf describes them: line 1 leads to a public exchange,
// line 2 to a telephone. The plant is to be closed when the exchange has ended.
func simulate(o *appliance.Options) *sim.Plant {
	plant := sim.NewPlant("simulated")
	x := plant.Exchange("1", sim.Loop{Noise: -65, Companded: true})
	x.InterDigit = 10 * time.Second // as long as real ones have patience
	x.Directory = func(digits string) (sim.Party, sim.Verdict) {
		p := sim.Party{Answer: 3 * time.Second, Parrot: 500 * time.Millisecond}
		switch {
		case len(digits) < len(backCaller):
			return p, sim.More
		case digits == backCaller:
			form, _ := callerid.FormFor("tw")
			p.Answer, p.Talk = time.Second, 3*time.Second
			p.CallsBack = &sim.Call{
				Caller: hal.Caller{Number: backCaller}, Rings: 10, Party: sim.Party{Parrot: 500 * time.Millisecond},
				Spill: form.Samples(callerid.Message{Number: backCaller, Stamp: callerid.StampOf(time.Now())}),
			}
		}
		return p, sim.Found
	}
	t := plant.Telephone("2", sim.Loop{Noise: -65, Companded: true})
	o.Drivers = map[string]hal.Driver{"dahdi": plant}
	o.Rehearsal = &selftest.Lines{Exchange: x, Telephone: t, FromExchange: "from-exchange", Prefix: "9"}
	return plant
}
