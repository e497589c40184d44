package configuration

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
)

// An appliance has started with errors in network.conf: the phones of its self-test can be
// configured all the same, and it says that it is ready.
func TestBorrowedBesideAWrongNetwork(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"network.conf":    "[lan]\ndevcie=eth0\ndhcp=yes\n",
		"extensions.conf": "[phones]\nexten => 600,1,Answer()\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	process := settings.Process{}
	process.Directories.Etc = dir
	j := Judge{Process: process}
	c, diags := j.Read()
	if !astconf.Failed(diags) || len(c.NetworkFaults) != 1 {
		t.Fatalf("network.conf is right: %v", diags)
	}
	during, diags := c.With(fstest.MapFS{"extensions.conf": {Data: []byte("[selftest]\nexten => 1,1,Echo()\n")}}, j)
	if astconf.Failed(diags) {
		t.Errorf("refused: %v", diags)
	}
	if len(during.NetworkFaults) != 1 {
		t.Errorf("the errors are forgotten: %v", during.NetworkFaults)
	}
	if _, diags := c.With(fstest.MapFS{"pjsip.conf": {Data: []byte("[x]\ntype=transport\nprotocol=udp\nbind=nowhere at all\n")}}, j); !astconf.Failed(diags) {
		t.Error("what is borrowed may be wrong")
	}
}
