package show

import (
	"context"
	"fmt"
	"io"
	"strings"

	"branchline/pbx/cli"
)

// notify is `pjsip send notify`: each peer is told about before it is asked, as
// the answer may take seconds.
func (d *Deps) notify(ctx context.Context, w io.Writer, args []string) error {
	if len(args) < 3 {
		return cli.ErrUsage
	}
	kind, to, peers := args[0], strings.ToLower(args[1]), args[2:]
	switch to {
	case "endpoint", "uri":
	case "channel":
		fmt.Fprintln(w, "NOTIFY within a call is not supported")
		return cli.ErrFailed
	default:
		return cli.ErrUsage
	}
	known, err := d.Notify(ctx, "", kind)
	if err != nil {
		return err
	}
	if !known {
		fmt.Fprintf(w, "Unable to find notify type '%s'\n", kind)
		return cli.ErrFailed
	}
	failed := false
	for _, peer := range peers {
		fmt.Fprintf(w, "Sending NOTIFY of type '%s' to '%s'\n", kind, peer)
		switch {
		case to == "endpoint" && d.Snapshot().Endpoints[peer] == nil:
			fmt.Fprintf(w, "Unable to retrieve endpoint %s\n", peer)
			failed = true
			continue
		case to == "uri" && !strings.HasPrefix(peer, "sip:") && !strings.HasPrefix(peer, "sips:"):
			fmt.Fprintf(w, "No SIP address: %s\n", peer)
			failed = true
			continue
		}
		if _, err := d.Notify(ctx, peer, kind); err != nil {
			fmt.Fprintln(w, err)
			failed = true
		}
	}
	if failed {
		return cli.ErrFailed
	}
	return nil
}

func (d *Deps) notifyWords(args []string) []string {
	switch {
	case len(args) <= 1:
		return d.Notices()
	case len(args) == 2:
		return []string{"endpoint", "uri"}
	case strings.EqualFold(args[1], "endpoint"):
		return sorted(d.Snapshot().Endpoints)
	}
	return nil
}
