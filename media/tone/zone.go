package tone

import (
	"maps"
	"slices"
	"strings"
)

// fallback is the zone that has what others lack.
const fallback = "us"

// stutter and recall are three short beats before dial tone.
const (
	beats350 = "!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440"
	beats425 = "!425/100,!0/100,!425/100,!0/100,!425/100,!0/100,425"
	// ITU-T E.180: the special information tone is three steps up.
	special = "!950/330,!1400/330,!1800/330,0"
	// A warning that the call is recorded: one beat of 1400 Hz every 15 s.
	record = "1400/500,0/15000"
)

// zones are the tones of countries, by E.180 and its supplement of national tones.
var zones = map[string]map[string]string{
	"us": {
		"dial": "350+440", "busy": "480+620/500,0/500", "ring": "440+480/2000,0/4000",
		"congestion": "480+620/250,0/250", "callwaiting": "440/300,0/10000",
		"dialrecall": beats350, "stutter": beats350, "record": record, "info": special,
	},
	"uk": {
		"dial": "350+440", "busy": "400/375,0/375", "ring": "400+450/400,0/200,400+450/400,0/2000",
		"congestion": "400/400,0/350,400/225,0/525", "callwaiting": "400/100,0/4000",
		"dialrecall": "350+440", "stutter": "350+440/750,440/750", "record": "1400/500,0/60000",
		"info":        "950/330,0/15,1400/330,0/15,1800/330,0/1000",
		"specialdial": "350+440/750,440/750", "specialcongestion": "400/200,1004/300",
	},
	"de": {
		"dial": "425", "busy": "425/480,0/480", "ring": "425/1000,0/4000", "congestion": "425/240,0/240",
		"callwaiting": "!425/200,!0/200,!425/200,!0/5000,!425/200,!0/200,!425/200,!0/5000,!425/200,!0/200,!425/200,!0/5000,0",
		"dialrecall":  beats425, "stutter": "425+400", "record": "1400/80,0/15000",
		"info": "950/330,1400/330,1800/330,0/1000",
	},
	"fr": {
		"dial": "440", "busy": "440/500,0/500", "ring": "440/1500,0/3500", "congestion": "440/250,0/250",
		"callwaiting": "440/300,0/10000", "dialrecall": "!440/100,!0/100,!440/100,!0/100,!440/100,!0/100,440",
		"stutter": "!440/100,!0/100,!440/100,!0/100,!440/100,!0/100,440", "record": record, "info": special,
	},
	"tw": {
		"dial": "350+440", "busy": "480+620/500,0/500", "ring": "440+480/1000,0/2000",
		"congestion": "480+620/250,0/250", "callwaiting": "350+440/250,0/250,350+440/250,0/3250",
		"dialrecall": "300/1500,0/500", "stutter": beats350, "record": record, "info": special,
	},
	"cn": {
		"dial": "450", "busy": "450/350,0/350", "ring": "450/1000,0/4000", "congestion": "450/700,0/700",
		"callwaiting": "450/400,0/4000", "dialrecall": "450", "stutter": "450+425", "record": "950/400,0/10000",
		"info": "450/100,0/100,450/100,0/100,450/100,0/100,450/400,0/400",
	},
	"jp": {
		"dial": "400", "busy": "400/500,0/500", "ring": "400*16/1000,0/2000", "congestion": "400/500,0/500",
		"callwaiting": "400*16/500,0/8000", "dialrecall": "!400/200,!0/200,!400/200,!0/200,!400/200,!0/200,400",
		"stutter": "!400/100,!0/100,!400/100,!0/100,!400/100,!0/100,400", "record": record, "info": special,
	},
	"sg": {
		"dial": "425", "busy": "425/750,0/750", "ring": "425*24/400,0/200,425*24/400,0/2000",
		"congestion": "425/250,0/250", "callwaiting": "425*24/300,0/200,425*24/300,0/3200",
		"dialrecall": "425*24/500,0/500,425/500,0/2500",
		"stutter":    "!425/200,!0/200,!425/600,!0/200,!425/200,!0/200,!425/600,!0/200,425",
		"record":     record, "info": "950/330,1400/330,1800/330,0/1000",
	},
	"au": {
		"dial": "413+438", "busy": "425/375,0/375", "ring": "413+438/400,0/200,413+438/400,0/2000",
		"congestion": "425/375,0/375,420/375,0/375", "callwaiting": "425/200,0/200,425/200,0/4400",
		"dialrecall": "413+438", "stutter": "413+438/100,0/40",
		"record": "!425/1000,!0/15000,425/360,0/15000", "info": "425/2500,0/500",
	},
}

// Find is the list that zone ("us", "tw" ...) has under name ("busy" ...). A zone
// that is unknown, or has no such tone, gives that of the United States.
func Find(zone, name string) (list string, ok bool) {
	name = strings.ToLower(name)
	if list, ok = zones[strings.ToLower(zone)][name]; !ok {
		list, ok = zones[fallback][name]
	}
	return list, ok
}

// Known reports whether zone is one we have.
func Known(zone string) bool { return zones[strings.ToLower(zone)] != nil }

// Zones lists the zones there are, sorted.
func Zones() []string { return slices.Sorted(maps.Keys(zones)) }

// Lists gives the tones of a zone by name, nil if there is no such zone. The map
// is a copy.
func Lists(zone string) map[string]string { return maps.Clone(zones[strings.ToLower(zone)]) }
