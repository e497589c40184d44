// Package dahdizone tells the DAHDI kernel modules the tones and ring cadences of
// countries, as indications.conf has them. The exchange makes its own tones; the kernel
// needs a zone to ring telephones and to dial.
package dahdizone

import (
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/sysconf"
	"branchline/media/tone"
)

// names are the kernel's numbers of the lists in indications.conf.
var names = map[string]int{
	"dial": abi.ToneDial, "busy": abi.ToneBusy, "ring": abi.ToneRing, "congestion": abi.ToneCongestion,
	"callwaiting": abi.ToneCallWaiting, "dialrecall": abi.ToneDialRecall, "record": abi.ToneRecord, "info": abi.ToneInfo,
	"stutter": abi.ToneStutter,
}

// In is sysconf.Means.Zone for the zones of a book.
func In(book *tone.Book) func(name string) (sysconf.Zone, bool) {
	return func(name string) (sysconf.Zone, bool) {
		z, ok := book.Zone(name)
		if !ok {
			return sysconf.Zone{}, false
		}
		zone := sysconf.Zone{Ring: z.Cadence, Tones: map[int]sysconf.Tone{}}
		for name, number := range names {
			if list, err := tone.Parse(z.Lists[name]); err == nil {
				zone.Tones[number] = translate(list)
			}
		}
		return zone, true
	}
}

func translate(list *tone.List) (t sysconf.Tone) {
	steps, loop := list.Steps()
	for _, s := range steps {
		p := sysconf.Piece{Length: s.Length, Modulate: s.Modulated}
		if len(s.Hz) > 0 {
			p.A = s.Hz[0]
		}
		if len(s.Hz) > 1 { // the kernel has two oscillators, so a third is left out
			p.B = s.Hz[1]
		}
		t.Pieces = append(t.Pieces, p)
	}
	if t.Again = loop; loop == len(steps) { // nothing repeats: then it is silent
		t.Pieces = append(t.Pieces, sysconf.Piece{})
	}
	return t
}
