package sipconf

import (
	"slices"
	"testing"

	"branchline/media"
	"branchline/pbx/astconf"
	"branchline/pbx/channel"
	"branchline/pbx/settings"
)

// Seed: S-001.
func TestSeedSIPConf(t *testing.T) {
	const phone = "[1001]\ntype=friend\nhost=dynamic\nsecret=1234567890\n"
	first := func(s *conf) *settings.Endpoint { return s.Devices["1001"].Endpoint }
	for _, c := range []struct {
		id, general string
		device      string // more lines of [1001]
		holds       func(s *conf) bool
	}{
		{"S-054", "context=default", "", func(s *conf) bool { return first(s).Context == "default" }},
		{"S-055", "allowoverlap=no", "", func(s *conf) bool { return !first(s).AllowOverlap }},
		{"S-055", "", "", func(s *conf) bool { return first(s).AllowOverlap }},
		{"S-056", "udpbindaddr=0.0.0.0", "", func(s *conf) bool { return s.UDP.Addr().String() == "0.0.0.0" }},
		{"S-057", "tcpenable=yes", "", func(s *conf) bool { return s.TCPEnable }},
		{"S-057", "", "", func(s *conf) bool { return !s.TCPEnable }},
		{"S-058", "tcpenable=yes\ntcpbindaddr=0.0.0.0", "", func(s *conf) bool { return s.TCP.Addr().String() == "0.0.0.0" }},
		{"S-059", "tcpenable=yes\ntransport=udp,tcp", "", func(s *conf) bool { return slices.Equal(s.Devices["1001"].Networks, []string{"udp", "tcp"}) }},
		{"S-060", "srvlookup=yes", "", func(s *conf) bool { return s.SRVLookup }},
		{"S-061", "localnet=192.168.50.0/255.255.255.0", "", func(s *conf) bool { return len(s.LocalNets) == 1 && s.LocalNets[0].String() == "192.168.50.0/24" }},
		{"S-062", "externaddr=8.8.8.8", "", func(s *conf) bool { return s.ExternalAddr == "8.8.8.8" }},
		{"S-063", "nat=yes", "", func(s *conf) bool { return first(s).ForceRport && first(s).RTPSymmetric }},
		{"S-064", "allow=all", "", func(s *conf) bool {
			return !slices.ContainsFunc(media.Codecs, func(c *media.Codec) bool { return !c.Video && !slices.Contains(first(s).Codecs, c) })
		}},
		{"S-065", "videosupport=yes\nallow=all\ndisallow=h263", "", func(s *conf) bool {
			return !slices.Contains(first(s).Codecs, media.H263) && slices.Contains(first(s).Codecs, media.H264)
		}},
		{"S-066", "allow=all\nvideosupport=always", "", func(s *conf) bool {
			return s.Devices["1001"].Video == "always" && slices.Contains(first(s).Codecs, media.H264)
		}},
		{"S-067", "directmedia=yes", "", func(s *conf) bool { return first(s).DirectMedia }},
		{"S-067", "directmedia=outgoing", "", func(s *conf) bool { return s.Devices["1001"].DirectMedia == "outgoing" }},
		{"S-068", "directrtpsetup=yes", "", func(*conf) bool { return true }}, // understood, not honoured
		{"S-070", "", "", func(s *conf) bool { return s.Devices["1001"].Kind == "friend" }},
		{"S-071", "", "", func(s *conf) bool { return s.Devices["1001"].Dynamic && s.Devices["1001"].AOR.MaxContacts == 1 }},
		{"S-072", "", "", func(s *conf) bool { return s.Auths[first(s).Auths[0]].Password == "1234567890" }},
		{"S-073", "", "setvar=DEST_IP=192.168.50.52", func(s *conf) bool {
			return slices.Equal(first(s).SetVars, []channel.Header{{Name: "DEST_IP", Value: "192.168.50.52"}})
		}},
	} {
		t.Run(c.id+" "+c.general+c.device, func(t *testing.T) {
			s, ds := fromSIP(t, "[general]\n"+c.general+"\n"+phone+c.device+"\n")
			if astconf.Failed(ds) || s == nil {
				t.Fatal(ds)
			}
			for _, d := range ds {
				if d.Rule == "unknown-option" {
					t.Error(d)
				}
			}
			if !c.holds(s) {
				t.Error("does not hold")
			}
		})
	}
	// S-069: all devices of both servers.
	var text string
	for _, series := range []string{"100", "200"} {
		for n := range 9 {
			text += "[" + series + string(rune('1'+n)) + "]\ntype=friend\nhost=dynamic\nsecret=1234567890\n"
		}
	}
	if s, _ := fromSIP(t, text); len(s.Devices) != 18 || s.Devices["2009"] == nil {
		t.Errorf("%d devices", len(s.Devices))
	}
}
