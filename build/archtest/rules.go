package archtest

import (
	"slices"
	"strings"
)

// within reports whether dir is top or below it.
func within(dir string, tops ...string) bool {
	return slices.ContainsFunc(tops, func(top string) bool {
		return dir == top || strings.HasPrefix(dir, top+"/")
	})
}

// reach says which trees the packages of a tree may import. The first entry
// that holds a package decides, so exceptions stand before the rule.
var reach = []struct {
	tree    string
	targets []string
}{
	// Tools and whole-system tests look at anything; nobody looks at them.
	{"build", []string{"appliance", "pbx", "media", "hal", "netcfg", "configs", "rootfs", "build"}},
	{"appliance/e2e", []string{"appliance", "pbx", "media", "hal", "netcfg", "configs", "rootfs"}},
	{"appliance/task", nil},
	{"appliance/systemd", []string{"appliance/task"}},
	{"cmd", []string{"appliance", "pbx/console", "pbx/settings", "pbx/astconf", "configs", "rootfs", "cmd"}},
	{"appliance", []string{"appliance", "pbx", "media", "hal", "netcfg", "configs", "rootfs"}},
	{"netcfg", []string{"netcfg"}},
	{"hal", []string{"hal"}},
	{"rootfs", []string{"rootfs"}},
	{"configs", nil},
	// Leaves.
	{"media/sdp", []string{"media"}},
	{"media", []string{"media"}},
	{"pbx/astconf", nil},
	{"pbx/cli", nil},
	{"pbx/sip/dialog", nil},
	// The hub knows shapes of speech and nothing else.
	{"pbx/channel", []string{"media"}},
	{"pbx/line", []string{"pbx", "media", "hal"}},
	{"pbx", []string{"pbx", "media"}},
}

// never are single arrows that are forbidden although their trees may meet.
var never = []struct {
	from, to []string
	why      string
}{
	{[]string{"pbx/app", "pbx/fn"}, techs, "the dialplan asks for a Tech by name"},
	{techs, []string{"pbx/dialplan", "pbx/app", "pbx/fn"}, "a Tech knows no dialplan"},
	{techs, []string{"pbx/exchange"}, "a Tech reaches the exchange through channel.Acceptor"},
	{[]string{"pbx/dialplan", "pbx/settings"}, []string{"pbx/exchange", "pbx/app", "pbx/bridge", "pbx/console"}, "arrows point down"},
	{[]string{"pbx/bridge"}, append([]string{"pbx/app", "pbx/exchange"}, techs...), "arrows point down"},
	{[]string{"pbx/settings"}, append([]string{"pbx/dialplan"}, techs...), "arrows point down"},
	{[]string{"pbx/sip/invite", "pbx/sip/compose", "pbx/sip/facts", "pbx/sip/negotiation", "pbx/sip/party", "pbx/sip/refer", "pbx/sip/reliable", "pbx/sip/sessiontimer"},
		[]string{"pbx/sip/wire", "pbx/sip/sockets", "pbx/sip/transaction", "pbx/sip/transports", "pbx/sip/way", "pbx/sip/calls", "pbx/sip/registrar"}, "a leg knows no socket: what is below it is link"},
	{[]string{"pbx/sip/sockets", "pbx/sip/octets", "pbx/sip/transaction"}, []string{"pbx/sip/wire", "pbx/sip/transports", "pbx/sip/way"}, "arrows point down"},
	{[]string{"pbx/sip/wire", "pbx/sip/transports", "pbx/sip/way", "pbx/sip/errands", "pbx/sip/devices"}, []string{"pbx/sip/invite", "pbx/sip/legacy"}, "the way of a request does not depend on calls"},
	{[]string{"pbx/console"}, append([]string{"pbx/exchange", "pbx/app", "pbx/dialplan", "pbx/astdb", "pbx/settings"}, techs...), "the console knows no commands but its own"},
}

var techs = []string{"pbx/sip", "pbx/line", "pbx/local"}

// mayNot tells why a package may not import another of the module, "" if it may.
func mayNot(from, to string) string {
	if within(to, "build") && !within(from, "build") {
		return "nothing depends on build tools"
	}
	if within(to, "appliance/e2e") && !within(from, "appliance/e2e", "build") {
		return "nothing depends on tests"
	}
	if within(to, "pbx/pbxtest", "pbx/fn/fntest", "pbx/dialplan/plantest", "pbx/sip/siptest", "pbx/settings/option/optiontest", "hal/haltest", "netcfg/netcfgtest", "media/plane/planetest", "media/echo/echotest") && !within(from, "build", "appliance/e2e", "pbx/pbxtest", "pbx/sip/siptest", "hal/haltest") {
		return "only tests use test packages"
	}
	for _, n := range never {
		if within(from, n.from...) && within(to, n.to...) {
			return n.why
		}
	}
	for _, r := range reach {
		if within(from, r.tree) {
			if within(to, r.targets...) {
				return ""
			}
			return "the wrong direction"
		}
	}
	return "no rule knows this place"
}

// homes are the only places where an import of somebody else's package is at home.
var homes = []struct {
	prefix string
	homes  []string
}{
	{"github.com/emiago/sipgo/sip", []string{"pbx/sip"}},
	{"github.com/emiago/sipgo", nil}, // its dialog and client layers are not used
	{"github.com/vishvananda/netlink", []string{"netcfg/nl"}},
	{"github.com/vishvananda/netns", []string{"netcfg/nl"}},
	{"github.com/google/nftables", []string{"netcfg/nft"}},
	{"go.bug.st/serial", []string{"hal/modem"}},
	{"github.com/coreos/go-systemd", []string{"appliance/systemd"}},
	{"go.etcd.io/bbolt", []string{"pbx/astdb"}},
	{"golang.org/x/term", []string{"pbx/console", "cmd/branchline"}},
	// The daemon starts no programs; its first act, going to the background, is
	// before it is one.
	{"os/exec", []string{"cmd/branchline", "build", "appliance/e2e"}},
	{"plugin", nil},
	{"C", nil},
}

// foreign tells why a package may not import one from outside the module.
func foreign(from, what string) string {
	for _, h := range homes {
		if within(what, h.prefix) {
			if within(from, h.homes...) {
				return ""
			}
			if h.homes == nil {
				return "not used here"
			}
			return "belongs in " + strings.Join(h.homes, ", ")
		}
	}
	return ""
}
