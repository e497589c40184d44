package appliance

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"branchline/pbx/cli"
)

// An address that is not up is no reason not to start: the console answers, says
// what is missing, and a reload is accepted.
func TestStartsWithoutItsAddress(t *testing.T) {
	if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_nonlocal_bind"); err == nil && strings.TrimSpace(string(b)) == "1" {
		t.Log("this machine binds everything")
		return
	}
	dir := site(t, map[string]string{
		"pjsip.conf":      strings.Replace(goodSIP, ownHost+":25060", "192.0.2.77:5060", 1), // RFC 5737: nobody has it
		"extensions.conf": "[default]\nexten => 1,1,Answer()\n",
	})
	err := during(t.Context(), Options{Config: dir, Quiet: true}, func(ctx context.Context, d *daemon) error {
		for command, want := range map[string]string{
			"core waitfullybooted":  "fully booted",
			"pbx show warnings":     "the transport waits for it",
			"pjsip show transports": "192.0.2.77:5060",
			"core reload":           "",
		} {
			var said bytes.Buffer
			if got := d.tree.Run(ctx, &said, command); got != cli.Done || !strings.Contains(said.String(), want) {
				t.Errorf("%s: %v\n%s", command, got, said.String())
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
