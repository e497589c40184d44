package exchange

import (
	"context"

	"branchline/pbx/channel"
)

// RecordFields are the fields of a call record, in the order they are shown.
func RecordFields() []string { return recordFields[:] }

var recordFields = [...]string{"clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata",
	"start", "answer", "end", "duration", "billsec", "disposition", "amaflags", "accountcode", "peeraccount",
	"uniqueid", "linkedid", "sequence"}

// Record is what CDR() says of a channel now. Its owner calls it.
func (x *Exchange) Record(ctx context.Context, c *channel.Channel) map[string]string {
	f, ok := x.sys.Catalog.Function("CDR")
	if !ok || f.Read == nil {
		return nil
	}
	out := map[string]string{}
	for _, name := range recordFields {
		if v, err := f.Read(ctx, c, name+",u"); err == nil {
			out[name] = v
		}
	}
	return out
}

// DebugRecords has the record of each call logged when it ends, or ends that; it gives
// how it was before.
func (x *Exchange) DebugRecords(on bool) (was bool) { return x.records.Swap(on) }

// sayRecord logs the record of a call that has ended, if `cdr set debug on` asks
// for it.
func (x *Exchange) sayRecord(ctx context.Context, c *channel.Channel) {
	if !x.records.Load() || !c.Inbound {
		return
	}
	var args []any
	record := x.Record(ctx, c)
	for _, name := range recordFields {
		if v := record[name]; v != "" {
			args = append(args, name, v)
		}
	}
	x.log.Info("call record", args...)
}
