package call

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
)

// channelFunctions read and write facts of the channel itself.
func channelFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "CHANNEL", Synopsis: "Facts and settings of the channel", Syntax: "CHANNEL(item)",
			Read: form.OnChannel(readChannel), Write: form.SetChannel(writeChannel)},
		{Name: "TIMEOUT", Synopsis: "Time limits of the channel in seconds", Syntax: "TIMEOUT(digit|response|absolute)",
			Read: form.OnChannel(readTimeout), Write: form.SetChannel(writeTimeout)},
		{Name: "HANGUPCAUSE", Synopsis: "Why a dialled leg ended", Syntax: "HANGUPCAUSE(channel,tech|ast)", Read: form.OnChannel(hangupCause)},
		{Name: "HANGUPCAUSE_KEYS", Synopsis: "The legs HANGUPCAUSE knows", Syntax: "HANGUPCAUSE_KEYS()",
			Read: form.OnChannel(func(c *channel.Channel, _ string) (string, error) {
				var names []string
				for _, e := range c.LegEnds() {
					names = append(names, e.Name)
				}
				return strings.Join(names, ","), nil
			})},
	}
}

func readChannel(c *channel.Channel, args string) (string, error) {
	switch form.Item(args) {
	case "name":
		return c.Name, nil
	case "state":
		return c.State.String(), nil
	case "channeltype":
		tech, _, _ := strings.Cut(c.Name, "/")
		return tech, nil
	case "language":
		return c.Language, nil
	case "musicclass":
		return c.MusicClass, nil
	case "tonezone":
		return c.ToneZone, nil
	case "accountcode":
		return c.Account, nil
	case "peeraccount":
		return c.PeerAccount, nil
	case "exten":
		return c.Exten, nil
	case "context":
		return c.Context, nil
	case "uniqueid":
		return c.UniqueID, nil
	case "linkedid":
		return c.LinkedID, nil
	case "userfield":
		v, _ := c.Extra(userFieldKey{}).(string)
		return v, nil
	case "callgroup":
		return groupText(c.CallGroup), nil
	case "pickupgroup":
		return groupText(c.PickupGroup), nil
	case "max_forwards":
		return strconv.Itoa(c.MaxForwards), nil
	case "amaflags":
		return "3", nil // DOCUMENTATION
	case "audioreadformat", "audiowriteformat":
		return codecs(c, false), nil
	case "audionativeformat":
		return "(" + codecs(c, true) + ")", nil
	case "videonativeformat":
		return "(nothing)", nil
	case "peer":
		if p := c.Bridged(); p != nil {
			return p.Name, nil
		}
		return "", nil
	case "parkinglot", "dtmf_features", "hangupsource", "onhold", "after_bridge_goto", "trace",
		"namedcallgroup", "namedpickupgroup", "secure_bridge_signaling", "secure_bridge_media":
		return "", nil
	}
	// What the technology knows: endpoint, contact, pjsip,call-id, rtp,dest ...
	if f, ok := c.Leg.(channel.Facts); ok {
		if v, ok := f.Fact(strings.TrimSpace(args)); ok {
			return v, nil
		}
	}
	return "", fmt.Errorf("%q is not an item of this channel", args)
}

// codecs names what the channel speaks: the first codec, or all.
func codecs(c *channel.Channel, all bool) string {
	var names []string
	for _, k := range c.Codecs {
		names = append(names, k.Name)
		if !all {
			break
		}
	}
	return strings.Join(names, "|")
}

// groupText lists the groups 0 to 63 of a set.
func groupText(set uint64) string {
	var out []string
	for ; set != 0; set &= set - 1 {
		out = append(out, strconv.Itoa(bits.TrailingZeros64(set)))
	}
	return strings.Join(out, ", ")
}

// parseGroups reads "1,3-5".
func parseGroups(s string) (uint64, error) {
	var set uint64
	for _, part := range strings.Split(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		first, last, isRange := strings.Cut(part, "-")
		from, err := strconv.Atoi(first)
		to := from
		if isRange && err == nil {
			to, err = strconv.Atoi(last)
		}
		if err != nil || from < 0 || to > 63 {
			return 0, fmt.Errorf("%q is not a group from 0 to 63", part)
		}
		for i := from; i <= to; i++ {
			set |= 1 << i
		}
	}
	return set, nil
}

func writeChannel(c *channel.Channel, args, value string) error {
	var err error
	switch form.Item(args) {
	case "language":
		c.Language = value
	case "musicclass":
		c.MusicClass = value
	case "tonezone":
		c.ToneZone = value
	case "accountcode":
		c.Account = value
	case "peeraccount":
		c.PeerAccount = value
	case "userfield":
		c.SetExtra(userFieldKey{}, value)
	case "callgroup":
		c.CallGroup, err = parseGroups(value)
	case "pickupgroup":
		c.PickupGroup, err = parseGroups(value)
	case "max_forwards":
		n, convErr := strconv.Atoi(strings.TrimSpace(value))
		if convErr != nil || n < 1 || n > 255 {
			return fmt.Errorf("%q is not a number of hops from 1 to 255", value)
		}
		c.MaxForwards = n
	case "hangup_handler_push", "hangup_handler_pop", "hangup_handler_wipe":
		return writeHangupRoutine(c, form.Item(args), value)
	case "amaflags", "parkinglot", "rxgain", "txgain", "dtmf_features", "namedcallgroup", "namedpickupgroup",
		"secure_bridge_signaling", "secure_bridge_media", "hangupsource", "after_bridge_goto", "trace":
		return fmt.Errorf("%s is understood but not honoured", form.Item(args))
	default:
		return fmt.Errorf("%q is not an item that can be set", args)
	}
	return err
}

// userFieldKey is where CHANNEL(userfield) is kept; the record's own userfield
// is another.
type userFieldKey struct{}

type hangupRoutinesKey struct{}

// HangupRoutines gives the Gosub targets set by CHANNEL(hangup_handler_push),
// last one first: the order in which they run after h.
func HangupRoutines(c *channel.Channel) []string {
	list, _ := c.Extra(hangupRoutinesKey{}).([]string)
	return list
}

// maxHangupRoutines bounds the list.
const maxHangupRoutines = 64

func writeHangupRoutine(c *channel.Channel, what, value string) error {
	list := HangupRoutines(c)
	switch what {
	case "hangup_handler_wipe":
		list = nil
	case "hangup_handler_pop":
		if len(list) > 0 {
			list = list[1:]
		}
	}
	if value != "" {
		if len(list) >= maxHangupRoutines {
			return fmt.Errorf("the channel has %d hang-up routines already", maxHangupRoutines)
		}
		list = append([]string{value}, list...)
	}
	if len(list) == 0 {
		c.SetExtra(hangupRoutinesKey{}, nil)
	} else {
		c.SetExtra(hangupRoutinesKey{}, list)
	}
	return nil
}

func readTimeout(c *channel.Channel, args string) (string, error) {
	seconds := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
	switch form.Item(args) {
	case "digit":
		return seconds(c.DigitTimeout), nil
	case "response":
		return seconds(c.ResponseTimeout), nil
	case "absolute":
		if c.AbsoluteEnd.IsZero() {
			return "0", nil
		}
		return seconds(max(time.Until(c.AbsoluteEnd), 0)), nil
	}
	return "", fmt.Errorf("%q is none of digit, response, absolute", args)
}

func writeTimeout(c *channel.Channel, args, value string) error {
	n, _, err := form.Number(form.LeadingNumber(strings.TrimSpace(value)))
	if err != nil || n < 0 {
		n = 0 // as in Asterisk
	}
	length := time.Duration(min(n, 1e7) * float64(time.Second))
	switch form.Item(args) {
	case "digit":
		c.DigitTimeout = length
	case "response":
		c.ResponseTimeout = length
	case "absolute":
		c.AbsoluteEnd = time.Time{}
		if length > 0 {
			c.AbsoluteEnd = time.Now().Add(length)
		}
	default:
		return fmt.Errorf("%q is none of digit, response, absolute", args)
	}
	return nil
}

func hangupCause(c *channel.Channel, args string) (string, error) {
	a := form.Arguments(args, 2)
	for _, e := range c.LegEnds() {
		if e.Name != a[0] {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(a[1])) {
		case "tech":
			return e.Detail, nil
		case "ast":
			return e.Cause.String(), nil
		}
		return "", errors.New("wants tech or ast as its second argument")
	}
	return "", fmt.Errorf("no leg %q was dialled", a[0])
}
