package call

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
)

// cdrFunctions give what the call record will say, as far as it is known yet.
func cdrFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "CDR", Synopsis: "A field of the call record", Syntax: "CDR(field[,u|f])",
			Read: form.OnChannel(readRecord), Write: form.SetChannel(writeRecord)},
	}
}

type recordKey struct{}

// RecordFields gives what the dialplan added to the call record: userfield and
// fields of its own. The map belongs to the channel.
func RecordFields(c *channel.Channel) map[string]string {
	m, _ := c.Extra(recordKey{}).(map[string]string)
	return m
}

func setRecord(c *channel.Channel, field, value string) {
	m := RecordFields(c)
	if m == nil {
		m = map[string]string{}
		c.SetExtra(recordKey{}, m)
	}
	m[field] = value
}

// maxRecordFields bounds what a dialplan can add.
const maxRecordFields = 256

func readRecord(c *channel.Channel, args string) (string, error) {
	a := form.Arguments(args, 2)
	field := strings.ToLower(strings.TrimSpace(a[0]))
	raw, fractional := strings.Contains(a[1], "u"), strings.Contains(a[1], "f")
	moment := func(t time.Time) string {
		switch {
		case raw && t.IsZero():
			return "0.000000"
		case raw:
			return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000)
		case t.IsZero():
			return ""
		}
		return t.Format("2006-01-02 15:04:05")
	}
	length := func(since time.Time) string {
		var d time.Duration
		if !since.IsZero() {
			d = time.Since(since)
		}
		if fractional {
			return strconv.FormatFloat(d.Seconds(), 'f', 6, 64)
		}
		return strconv.Itoa(int(d / time.Second))
	}
	switch field {
	case "src":
		return c.Caller.Number, nil
	case "dst":
		return c.Exten, nil
	case "dcontext":
		return c.Context, nil
	case "clid":
		return bothOf(c.Caller.Name, c.Caller.Number), nil
	case "channel":
		return c.Name, nil
	case "dstchannel":
		if p := c.Bridged(); p != nil {
			return p.Name, nil
		}
		return "", nil
	case "lastapp":
		return c.App, nil
	case "lastdata":
		return c.AppData, nil
	case "start":
		return moment(c.Created), nil
	case "answer":
		return moment(c.AnsweredAt), nil
	case "end":
		return moment(time.Time{}), nil
	case "duration":
		return length(c.Created), nil
	case "billsec":
		return length(c.AnsweredAt), nil
	case "disposition":
		return disposition(c, raw), nil
	case "amaflags":
		if raw {
			return "3", nil
		}
		return "DOCUMENTATION", nil
	case "accountcode":
		return c.Account, nil
	case "peeraccount":
		return c.PeerAccount, nil
	case "uniqueid":
		return c.UniqueID, nil
	case "linkedid":
		return c.LinkedID, nil
	case "sequence":
		return strconv.FormatUint(c.Serial, 10), nil
	}
	return RecordFields(c)[field], nil
}

// disposition is how the call stands, as a word or (raw) as Asterisk's number.
func disposition(c *channel.Channel, raw bool) string {
	word, number := "NO ANSWER", "1"
	switch {
	case !c.AnsweredAt.IsZero():
		word, number = "ANSWERED", "8"
	case c.Cause == channel.UserBusy:
		word, number = "BUSY", "4"
	case c.Cause == channel.NormalCircuitCongestion, c.Cause == channel.SwitchCongestion:
		word, number = "CONGESTION", "16"
	}
	if raw {
		return number
	}
	return word
}

func writeRecord(c *channel.Channel, args, value string) error {
	field := form.Item(args)
	switch field {
	case "accountcode":
		c.Account = value
		return nil
	case "peeraccount":
		c.PeerAccount = value
		return nil
	case "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer",
		"end", "duration", "billsec", "disposition", "uniqueid", "linkedid", "sequence":
		return fmt.Errorf("%s cannot be set", field)
	case "amaflags":
		return fmt.Errorf("%s is understood but not honoured", field)
	}
	if _, known := RecordFields(c)[field]; !known && len(RecordFields(c)) >= maxRecordFields {
		return fmt.Errorf("the record has %d fields already", maxRecordFields)
	}
	setRecord(c, field, value)
	return nil
}
