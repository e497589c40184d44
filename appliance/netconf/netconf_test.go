package netconf

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"branchline/netcfg/steward"
	"branchline/pbx/astconf"
	"branchline/pbx/console/distant"
)

var ports = Ports{SIP: []Port{{"udp", 5060}, {"tcp", 5060}}, RTPFirst: 10000, RTPLast: 20000}

// readText is Read of a text.
func readText(text string) (steward.Config, []astconf.Diag) {
	f, diags := astconf.Load(fstest.MapFS{FileName: {Data: []byte(text)}}, FileName)
	c, more := Read(f, ports)
	return c, append(diags, more...)
}

// show is a configuration in short.
func show(c steward.Config) string {
	var b strings.Builder
	for _, i := range c.Interfaces {
		fmt.Fprintf(&b, "%s%s", i.Name, i.MAC)
		for _, f := range []struct {
			is   bool
			text string
		}{
			{i.Kind != "", " " + i.Kind}, {i.Parent != "", fmt.Sprint(" on ", i.Parent, " id ", i.VLAN)}, {len(i.Ports) > 0, fmt.Sprint(" ports ", i.Ports)},
			{!i.Up, " off"}, {i.DHCP, " dhcp"}, {i.MTU > 0, fmt.Sprint(" mtu ", i.MTU)}, {i.Metric > 0, fmt.Sprint(" metric ", i.Metric)}, {len(i.Addresses) > 0, fmt.Sprint(" ", i.Addresses)},
		} {
			if f.is {
				b.WriteString(f.text)
			}
		}
		b.WriteString("\n")
	}
	for _, r := range c.Routes {
		fmt.Fprintln(&b, r)
	}
	if len(c.DNS)+len(c.Search)+len(c.NTP) > 0 {
		fmt.Fprintln(&b, "names", c.DNS, c.Search, c.NTP)
	}
	if p := c.Proof; !p.Gateway || !p.Phone || len(p.Hosts) > 0 || c.Manual {
		fmt.Fprintln(&b, "proof", p.Gateway, p.Phone, p.Hosts, c.Manual)
	}
	if c.Confirm != DefaultConfirm {
		fmt.Fprintln(&b, "confirm", c.Confirm)
	}
	return b.String()
}

func TestRead(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"DHCP", "[eth0]\ndhcp=yes\n", "eth0 dhcp\n"},
		{"by MAC", "[lan]\nmac=52:54:00:12:34:AB\naddress=192.168.1.9/24\ngateway=192.168.1.1\nroute=10.0.0.0/8 via 192.168.1.2\n",
			"52:54:00:12:34:ab [192.168.1.9/24]\ndefault via 192.168.1.1 dev 52:54:00:12:34:ab\n10.0.0.0/8 via 192.168.1.2 dev 52:54:00:12:34:ab\n"},
		{"two addresses, both families", "[eth0]\naddress=192.168.1.9/24, 2001:db8::9/64\naddress=192.168.2.9/24\ngateway=192.168.1.1\ngateway=2001:db8::1\nmtu=1400\n",
			"eth0 mtu 1400 [192.168.1.9/24 2001:db8::9/64 192.168.2.9/24]\ndefault via 192.168.1.1 dev eth0\ndefault via 2001:db8::1 dev eth0\n"},
		{"a bridge and a VLAN by their sections' names", "[a]\ndevice=enp1s0\n[b]\ndevice=enp2s0\n[lan]\ndevice=br0\nports=a, b\ndhcp=yes\nmetric=50\n[voice]\nparent=lan\nid=40\naddress=10.40.0.1/24\n",
			"enp1s0\nenp2s0\nbr0 bridge ports [enp1s0 enp2s0] dhcp metric 50\nvoice vlan on br0 id 40 [10.40.0.1/24]\n"},
		{"a template", "[office](!)\nmtu=1450\ndhcp=yes\n[eth0](office)\n[eth1](office)\n", "eth0 dhcp mtu 1450\neth1 dhcp mtu 1450\n"},
		{"off", "[eth0]\nenabled=no\n", "eth0 off\n"},
		{"general", "[general]\ndns=192.168.1.1, 2001:db8::53\nsearch=Example.NET\nntp=pool.example,192.168.1.1\nconfirm-timeout=30\nconfirm=manual\nprove=gateway\nprove=192.168.1.7, sip.example:5061\n[eth0]\ndhcp=yes\n",
			"eth0 dhcp\nnames [192.168.1.1 2001:db8::53] [example.net] [pool.example 192.168.1.1]\nproof true false [192.168.1.7:5060 sip.example:5061] true\nconfirm 30s\n"},
		{"a network that is directly connected", "[eth0]\naddress=192.168.1.9/32\nroute=203.0.113.1/32\nroute=0.0.0.0/0 via 203.0.113.1 metric 7\n",
			"eth0 [192.168.1.9/32]\n203.0.113.1/32 dev eth0\ndefault via 203.0.113.1 dev eth0 metric 7\n"},
	} {
		c, diags := readText(tt.text)
		if got := show(c); got != tt.want || len(diags) != 0 {
			t.Errorf("%s: %v\n%swant\n%s", tt.name, diags, got, tt.want)
		}
	}
	if c, diags := readText("; nothing\n"); !c.Same(steward.Config{}) || len(diags) != 0 {
		t.Errorf("an empty file: %+v %v", c, diags)
	}
}

func TestDiagnostics(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"[eth0]\nadress=192.168.1.9/24\n", `network.conf:2: error: [eth0] has no option adress (there are address, device, dhcp, enabled, gateway, id, mac, metric, mtu, parent, ports, route, type)`},
		{"[eth0]\naddress=192.168.1.9\n", "network.conf:2: error: [eth0]: address=192.168.1.9: want an address with the length of its network"},
		{"[eth0]\naddress=192.168.1.0/24\n", "that is the network's own address"},
		{"[eth0]\naddress=192.168.1.255/24\n", "that is the network's broadcast address"},
		{"[eth0]\naddress=127.0.0.2/8\n", "not an address that an interface can have"},
		{"[eth0]\naddress=fe80::1/64\n", "come by themselves"},
		{"[eth0]\naddress=192.168.1.9/24\ngateway=192.168.2.1\n", "network.conf:3: error: [eth0]: 192.168.2.1 is in none of the interface's networks"},
		{"[eth0]\naddress=192.168.1.9/24\ngateway=192.168.1.9\n", "is the interface's own address"},
		{"[eth0]\naddress=192.168.1.9/24\nroute=10.0.0.1/8 via 192.168.1.1\n", "has host bits, the network is 10.0.0.0/8"},
		{"[eth0]\naddress=192.168.1.9/24\nroute=10.0.0.0/8 over 192.168.1.1\n", "want network, [via router], [metric number]"},
		{"[eth0]\naddress=192.168.1.9/24\ngateway=192.168.1.1\n[eth1]\naddress=192.168.2.9/24\ngateway=192.168.2.1\n", "network.conf:6: error: [eth1]: there is another route to 0.0.0.0/0 with the same metric (metric=200 for the one that is to wait)"},
		{"[eth0]\naddress=192.168.1.9/24\n[eth1]\naddress=192.168.1.9/24\n", "[eth0] and [eth1] both have 192.168.1.9"},
		{"[eth0]\naddress=192.168.1.9/24\n[eth1]\naddress=192.168.1.10/24\n", "network.conf:3: warning: [eth0] and [eth1] are both in 192.168.1.0/24"},
		{"[lan]\ndevice=eth0\ndhcp=yes\n[wan]\ndevice=eth0\ndhcp=yes\n", "[lan] and [wan] are the same interface"},
		{"[voice]\ntype=vlan\nparent=eth0\ndhcp=yes\n", "a VLAN needs parent= and id="},
		{"[voice]\nparent=eth0\nid=4095\n", "want a number from 1 to 4094"},
		{"[eth0]\nmac=52:54:00:12:34:56\ndevice=eth0\ndhcp=yes\n", "has both device= and mac="},
		{"[br0]\nports=eth0\nmac=52:54:00:12:34:56\ndhcp=yes\n", "a bridge is made here and cannot be found by mac="},
		{"[br0]\nports=eth0,eth1\ndhcp=yes\n[eth0]\ndhcp=yes\n", "[eth0] is a port of the bridge [br0] and cannot have an address of its own"},
		{"[br0]\nports=eth0\ndhcp=yes\n[br1]\nports=eth0\ndhcp=yes\n", "eth0 is a port of [br0] and of [br1]"},
		{"[a name that is long]\ndhcp=yes\n", "not the name of an interface"},
		{"[eth0]\n", "warning: [eth0] has no address: nothing can reach the exchange there (dhcp=yes, or address=)"},
		{"[eth0]\ndhcp=maybe\n", "want yes or no"},
		{"[general]\ndns=one\n[eth0]\ndhcp=yes\n", "want addresses of name servers"},
		{"[general]\nprove=gateway, a b\n[eth0]\ndhcp=yes\n", ""},
		{"[general]\nprove=host:sip\n[eth0]\ndhcp=yes\n", "want gateway, phone, or a host"},
		{"[general]\nconfirm-timeout=5\n[eth0]\ndhcp=yes\n", "want a number from 10 to 3600"},
		{"[firewall]\nsip=192.168.1.0/99\n", "is no network"},
		{"[firewall]\nallow=22\n", "want tcp/port or udp/port"},
		{"[firewall]\nconsole=192.168.1.0/24\n", "the section [console] with secret= and from= opens it"},
		{"[console]\nsecret=0123456789abcdef\n", "[console] needs secret= and from= (from=192.168.1.0/24)"},
		{"[console]\nsecret=hush\nfrom=192.168.1.0/24\n", "network.conf:2: error: [console]: a secret has at least 16 characters, 6 of them different (head -c 18 /dev/urandom | base64)"},
		{"[console]\nsecret=hushhushhushhush\nfrom=192.168.1.0/24\n", "network.conf:2: error: [console]: a secret"},
		{"[console]\nsecret=0123456789abcdef\nfrom=lan\n", "want networks, like 192.168.1.0/24"},
		{"[console]\nsecret=0123456789abcdef\nfrom=0.0.0.0/0\n", "warning: [console]: from=0.0.0.0/0 is everybody"},
	} {
		_, diags := readText(tt.text)
		var all []string
		for _, d := range diags {
			all = append(all, d.String())
		}
		got := strings.Join(all, "\n")
		if strings.Contains(got, "0123456789abcdef") || strings.Contains(got, "hush") {
			t.Errorf("%q: the secret is repeated:\n%s", tt.text, got)
		}
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) || len(diags) > 3 {
			t.Errorf("%q:\n%s\nwant\n%s", tt.text, got, tt.want)
		}
	}
}

func TestConsole(t *testing.T) {
	text := "[console]\nsecret=0123456789abcdef\nfrom=192.168.1.0/24,192.168.2.7\nport=4000\n"
	f, diags := astconf.Load(fstest.MapFS{FileName: {Data: []byte(text)}}, FileName)
	if c := Console(f); len(diags) != 0 || fmt.Sprint(c) != "{0123456789abcdef 4000 [192.168.1.0/24 192.168.2.7/32]}" {
		t.Errorf("%v %v", c, diags)
	}
	for _, wrong := range []string{
		"[console]\nsecret=0123456789abcdef\nfrom=192.168.1.0/24\nport=70000\n", "[console]\nsecret=short\nfrom=192.168.1.0/24\n",
		"[console]\nsecret=0123456789abcdef\nfrom=192.168.1.0/24\nform=192.168.2.0/24\n", "[console]\nsecret=0123456789abcdef\nfrom=192.168.1.0/24,lan\n",
	} {
		f, _ := astconf.Load(fstest.MapFS{FileName: {Data: []byte(wrong)}}, FileName)
		if c := Console(f); fmt.Sprint(c) != "{ 0 []}" {
			t.Errorf("a start in spite of errors opens %+v of\n%s", c, wrong)
		}
	}
	if c, diags := readText(text); !c.Same(steward.Config{}) || len(diags) != 0 {
		t.Errorf("a console alone is no network: %+v %v", c, diags)
	}
	if c, diags := readText(text + "[firewall]\nsip=any\n"); len(diags) != 0 || !strings.Contains(c.Firewall.Text(), "ip saddr 192.168.2.7/32 tcp dport 4000 accept comment \"console\"") {
		t.Errorf("%v\n%s", diags, c.Firewall.Text())
	}
	if c, _ := readText("[firewall]\nsip=any\n"); strings.Contains(c.Firewall.Text(), "console") {
		t.Error("a console that nobody asked for")
	}
}

func TestFirewall(t *testing.T) {
	c, diags := readText("[lan]\ndevice=eth0\ndhcp=yes\n[firewall]\nsip=192.168.1.0/24, 2001:db8::/32, lan\nallow=tcp/22 from 192.168.1.7\nallow=udp/161-162\nmark=yes\n")
	const want = `table inet branchline {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iifname lo accept
		meta l4proto { icmp, ipv6-icmp } accept
		udp dport 68 accept
		ip saddr 192.168.1.0/24 udp dport 5060 accept comment "sip"
		ip6 saddr 2001:db8::/32 udp dport 5060 accept comment "sip"
		iifname eth0 udp dport 5060 accept comment "sip"
		ip saddr 192.168.1.0/24 tcp dport 5060 accept comment "sip"
		ip6 saddr 2001:db8::/32 tcp dport 5060 accept comment "sip"
		iifname eth0 tcp dport 5060 accept comment "sip"
		udp dport 10000-20000 accept comment "rtp"
		ip saddr 192.168.1.7/32 tcp dport 22 accept comment "allow"
		udp dport 161-162 accept comment "allow"
		counter drop
	}
	chain output {
		type route hook output priority mangle; policy accept;
		udp sport 5060 ip dscp 0 ip dscp set 24 comment "sip"
		udp sport 5060 ip6 dscp 0 ip6 dscp set 24 comment "sip"
		tcp sport 5060 ip dscp 0 ip dscp set 24 comment "sip"
		tcp sport 5060 ip6 dscp 0 ip6 dscp set 24 comment "sip"
		tcp dport 5060-5061 ip dscp 0 ip dscp set 24 comment "sip"
		tcp dport 5060-5061 ip6 dscp 0 ip6 dscp set 24 comment "sip"
		udp sport 10000-20000 ip dscp 0 ip dscp set 46 comment "rtp"
		udp sport 10000-20000 ip6 dscp 0 ip6 dscp set 46 comment "rtp"
	}
}
`
	if got := c.Firewall.Text(); got != want || len(diags) != 0 {
		t.Errorf("%v\n%s", diags, got)
	}
	if c, _ := readText("[eth0]\ndhcp=yes\n[firewall]\nenabled=no\nsip=lan\n"); c.Firewall.Guard || len(c.Firewall.Openings) > 0 {
		t.Errorf("%+v", c.Firewall)
	}
}

// FuzzRead: whatever is in the file, what comes out can be planned.
func FuzzRead(f *testing.F) {
	f.Add("[general]\ndns=192.168.1.1\nprove=gateway,h:1\n[eth0]\naddress=192.168.1.9/24\ngateway=192.168.1.1\nroute=10.0.0.0/8 via 192.168.1.2 metric 4\n")
	f.Add("[br0]\nports=eth0,eth1\ndhcp=yes\n[voice]\nparent=br0\nid=40\nmtu=1400\n[firewall]\nsip=10.0.0.0/8,voice\nallow=tcp/1-2 from any\nmark=yes\n")
	f.Add("[lan](!)\nmac=52:54:00:12:34:56\n[x](lan)\nenabled=no\n")
	f.Add("[console]\nsecret=0123456789abcdef\nfrom=192.168.1.0/24,2001:db8::1\nport=4000\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, _ := astconf.Load(fstest.MapFS{FileName: {Data: []byte(text)}}, FileName)
		if c := Console(file); (c.Secret != "" || c.Port != 0 || c.From != nil) && (distant.Judge(c.Secret) != nil || c.Port == 0 || len(c.From) == 0) {
			t.Errorf("a console that anybody may have: %+v", c)
		}
		c, diags := readText(text)
		if astconf.Failed(diags) {
			return
		}
		for _, i := range c.Interfaces {
			if (i.Name == "") == (i.MAC == "") || len(i.Name) > 15 || i.Kind == "vlan" && (i.VLAN < 1 || i.VLAN > 4094 || i.Parent == "") {
				t.Errorf("%+v", i)
			}
			for _, a := range i.Addresses {
				if !a.IsValid() {
					t.Errorf("%+v", i)
				}
			}
		}
		for _, r := range c.Routes {
			if !r.To.IsValid() || r.Link == "" {
				t.Errorf("%+v", r)
			}
		}
		c.Firewall.Text()
		// What has proven itself is written down, and must be the same when it is read.
		written, err := json.Marshal(c)
		var back steward.Config
		if err != nil || json.Unmarshal(written, &back) != nil {
			t.Fatalf("%v %s", err, written)
		}
		if again, err := json.Marshal(back); err != nil || string(again) != string(written) {
			t.Errorf("%s\nis, when it is read back,\n%s", written, again)
		}
	})
}

// The sample in the guide is one that works, and its console is one when it has a secret.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile("../../docs/network.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sample, _ := strings.Cut(string(text), "```ini\n")
	sample, _, _ = strings.Cut(sample, "```")
	c, diags := readText(sample)
	if len(diags) > 0 || len(c.Interfaces) != 4 || len(c.Routes) != 2 || !c.Firewall.Guard {
		t.Errorf("%v\n%s", diags, show(c))
	}
	sample = strings.Replace(strings.ReplaceAll(sample, "\n;", "\n"), "secret=", "secret=0123456789abcdef", 1)
	f, diags := astconf.Load(fstest.MapFS{FileName: {Data: []byte(sample)}}, FileName)
	if c := Console(f); len(diags) > 0 || fmt.Sprint(c) != "{0123456789abcdef 5039 [192.168.1.7/32 10.9.0.0/16]}" {
		t.Errorf("%v %+v", diags, c)
	}
}
