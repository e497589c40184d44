package settings

import (
	"slices"
	"testing"

	"branchline/media"
	"branchline/pbx/astconf"
	"branchline/pbx/channel"
)

// Every option of the how-to's sip.conf and pjsip.conf, by the id it has in the
// table of coverage, with what it must come to in the one model. Those it has
// commented out are tried as if they were not.

// Seed: S-001.
func TestSeedSIPConf(t *testing.T) {
	const phone = "[1001]\ntype=friend\nhost=dynamic\nsecret=1234567890\n"
	first := func(s *SIP) *Endpoint { return s.Devices["1001"].Endpoint }
	for _, c := range []struct {
		id, general string
		device      string // more lines of [1001]
		holds       func(s *SIP) bool
	}{
		{"S-054", "context=default", "", func(s *SIP) bool { return first(s).Context == "default" }},
		{"S-055", "allowoverlap=no", "", func(s *SIP) bool { return !first(s).AllowOverlap }},
		{"S-055", "", "", func(s *SIP) bool { return first(s).AllowOverlap }},
		{"S-056", "udpbindaddr=0.0.0.0", "", func(s *SIP) bool { return s.UDP.Addr().String() == "0.0.0.0" }},
		{"S-057", "tcpenable=yes", "", func(s *SIP) bool { return s.TCPEnable }},
		{"S-057", "", "", func(s *SIP) bool { return !s.TCPEnable }},
		{"S-058", "tcpenable=yes\ntcpbindaddr=0.0.0.0", "", func(s *SIP) bool { return s.TCP.Addr().String() == "0.0.0.0" }},
		{"S-059", "tcpenable=yes\ntransport=udp,tcp", "", func(s *SIP) bool { return slices.Equal(s.Devices["1001"].Networks, []string{"udp", "tcp"}) }},
		{"S-060", "srvlookup=yes", "", func(s *SIP) bool { return s.SRVLookup }},
		{"S-061", "localnet=192.168.50.0/255.255.255.0", "", func(s *SIP) bool { return len(s.LocalNets) == 1 && s.LocalNets[0].String() == "192.168.50.0/24" }},
		{"S-062", "externaddr=8.8.8.8", "", func(s *SIP) bool { return s.ExternalAddr == "8.8.8.8" }},
		{"S-063", "nat=yes", "", func(s *SIP) bool { return first(s).ForceRport && first(s).RTPSymmetric }},
		{"S-064", "allow=all", "", func(s *SIP) bool {
			return !slices.ContainsFunc(media.Codecs, func(c *media.Codec) bool { return !c.Video && !slices.Contains(first(s).Codecs, c) })
		}},
		{"S-065", "videosupport=yes\nallow=all\ndisallow=h263", "", func(s *SIP) bool {
			return !slices.Contains(first(s).Codecs, media.H263) && slices.Contains(first(s).Codecs, media.H264)
		}},
		{"S-066", "allow=all\nvideosupport=always", "", func(s *SIP) bool {
			return s.Devices["1001"].Video == "always" && slices.Contains(first(s).Codecs, media.H264)
		}},
		{"S-067", "directmedia=yes", "", func(s *SIP) bool { return first(s).DirectMedia }},
		{"S-067", "directmedia=outgoing", "", func(s *SIP) bool { return s.Devices["1001"].DirectMedia == "outgoing" }},
		{"S-068", "directrtpsetup=yes", "", func(*SIP) bool { return true }}, // understood, not honoured
		{"S-070", "", "", func(s *SIP) bool { return s.Devices["1001"].Kind == "friend" }},
		{"S-071", "", "", func(s *SIP) bool { return s.Devices["1001"].Dynamic && s.Devices["1001"].AOR.MaxContacts == 1 }},
		{"S-072", "", "", func(s *SIP) bool { return s.Auths[first(s).Auths[0]].Password == "1234567890" }},
		{"S-073", "", "setvar=DEST_IP=192.168.50.52", func(s *SIP) bool {
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

// Seed: S-041.
func TestSeedPJSIPConf(t *testing.T) {
	const (
		transports = "[transport-udp]\ntype=transport\nprotocol=udp\nbind=192.168.50.52\n[transport-tcp]\ntype=transport\nprotocol=tcp\nbind=192.168.50.52\n"
		endpoint   = "[3001]\ntype=endpoint\naors=3001\ncontext=default\nallow=ulaw\n[3001]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n"
		trunk      = "[SIP1]\ntype=endpoint\naors=SIP1\nallow=ulaw\n[SIP1]\ntype=aor\ncontact=sip:192.168.50.9\n"
	)
	ep := func(s *Snapshot) *Endpoint { return s.Endpoints["3001"] }
	for _, c := range []struct {
		id, text string
		holds    func(s *Snapshot) bool
	}{
		{"S-074", "[global]\ntype=global\nendpoint_identifier_order=anonymous,username,ip\n", func(s *Snapshot) bool {
			return slices.Equal(s.Global.EndpointIdentifierOrder, []string{"anonymous", "username", "ip"})
		}},
		{"S-075 S-076", "", func(s *Snapshot) bool { return s.Transport("transport-udp").Protocol == "udp" }},
		{"S-077", "", func(s *Snapshot) bool { return s.Transport("transport-tcp").Protocol == "tcp" }},
		{"S-078", "[any]\ntype=transport\nbind=0.0.0.0\n", func(s *Snapshot) bool {
			return s.Transport("any").Bind.String() == "0.0.0.0:5060" && s.Transport("transport-udp").Bind.Port() == 5060
		}},
		{"S-079", "", func(s *Snapshot) bool { return s.Transport("transport-udp").Bind == s.Transport("transport-tcp").Bind }},
		{"S-080 S-082 S-084", "", func(s *Snapshot) bool {
			return slices.Equal(ep(s).AORs, []string{"3001"}) && ep(s).Context == "default"
		}},
		{"S-081", "[9]\ntype=endpoint\nallow=ulaw\noutbound_auth=9\n[9]\ntype=auth\nusername=9\npassword=1\n", func(s *Snapshot) bool {
			return slices.Equal(s.Endpoints["9"].OutboundAuths, []string{"9"}) && len(s.Endpoints["9"].Auths) == 0
		}},
		{"S-083", "[9]\ntype=endpoint\nallow=ulaw\ntransport=transport-tcp\n", func(s *Snapshot) bool { return s.Endpoints["9"].Transport == "transport-tcp" }},
		{"S-085", "[9]\ntype=endpoint\ndisallow=all\nallow=ulaw\n", func(s *Snapshot) bool { return slices.Equal(s.Endpoints["9"].Codecs, []*media.Codec{media.PCMU}) }},
		{"S-086", "[9]\ntype=endpoint\nallow=ulaw\ndtmf_mode=inband\n", func(s *Snapshot) bool { return s.Endpoints["9"].DTMF == DTMFInband }},
		{"S-087", "[9]\ntype=endpoint\nallow=ulaw\nforce_rport=no\n", func(s *Snapshot) bool { return !s.Endpoints["9"].ForceRport && ep(s).ForceRport }},
		{"S-088", "[9]\ntype=endpoint\nallow=ulaw\nice_support=yes\n", func(s *Snapshot) bool { return s.Endpoints["9"] != nil }}, // said to be left out
		{"S-089", "[9]\ntype=endpoint\nallow=ulaw\ndirect_media=no\n", func(s *Snapshot) bool { return !s.Endpoints["9"].DirectMedia && ep(s).DirectMedia }},
		{"S-090", "[9]\ntype=endpoint\nallow=ulaw\nrtp_symmetric=yes\n", func(s *Snapshot) bool { return s.Endpoints["9"].RTPSymmetric && !ep(s).RTPSymmetric }},
		{"S-091", "[9]\ntype=endpoint\nallow=ulaw\nrewrite_contact=yes\n", func(s *Snapshot) bool { return s.Endpoints["9"].RewriteContact && !ep(s).RewriteContact }},
		{"S-092", "[9_auth]\ntype=auth\nauth_type=userpass\nusername=9\npassword=1234567890\n", func(s *Snapshot) bool {
			a := s.Auths["9_auth"]
			return a.Type == "userpass" && a.Username == "9" && a.Password == "1234567890"
		}},
		{"S-093", "[1001_auth]\ntype=auth\nusername=3001\npassword=1\n", func(s *Snapshot) bool { return s.Auths["1001_auth"].Username == "3001" }},
		{"S-094", "", func(s *Snapshot) bool { return s.AORs["3001"].MaxContacts == 1 && s.AORs["3001"].RemoveExisting }},
		{"S-095", "[x]\ntype=aor\ncontact=sip:192.168.50.9:5060\n", func(s *Snapshot) bool {
			return slices.Equal(s.AORs["SIP1"].Contacts, []string{"sip:192.168.50.9"}) && slices.Equal(s.AORs["x"].Contacts, []string{"sip:192.168.50.9:5060"})
		}},
		{"S-096 S-097", "[SIP1]\ntype=identify\nendpoint=SIP1\nmatch=192.168.50.9\n", func(s *Snapshot) bool {
			return s.Identifies[0].Endpoint == "SIP1" && s.Identifies[0].Matches[0].Text == "192.168.50.9/32"
		}},
		{"S-050 S-098", "[SIP1]\ntype=identify\nendpoint=SIP1\nmatch=192.168.50.206, 192.168.50.55\n", func(s *Snapshot) bool {
			return len(s.Identifies[0].Matches) == 2 && s.Identifies[0].Matches[1].Text == "192.168.50.55/32"
		}},
		{"S-099", "[SIP1]\ntype=identify\nendpoint=SIP1\nmatch=192.168.50.0/24\n", func(s *Snapshot) bool { return s.Identifies[0].Matches[0].Prefix.String() == "192.168.50.0/24" }},
		{"S-100", "[SIP1]\ntype=identify\nendpoint=SIP1\nmatch_header=To: <sip:3002@192.168.50.52>\n", func(s *Snapshot) bool {
			return s.Identifies[0].Header == "To" && s.Identifies[0].HeaderValue == "<sip:3002@192.168.50.52>"
		}},
		{"S-101 S-296", "[SIP1]\ntype=identify\nendpoint=SIP1\nmatch_header=User-Agent: LinphoneiOS/5.0.2 (iPhone) LinphoneSDK/5.2.32\n", func(s *Snapshot) bool {
			return s.Identifies[0].HeaderValue == "LinphoneiOS/5.0.2 (iPhone) LinphoneSDK/5.2.32" && s.Identifies[0].HeaderRegex == ""
		}},
		{"S-102", "[SIP1]\ntype=identify\nendpoint=SIP1\nmatch=192.168.50.9\n", func(s *Snapshot) bool {
			return s.Endpoints["SIP1"] != nil && s.AORs["SIP1"] != nil && s.Identifies[0].ID == "SIP1"
		}},
	} {
		t.Run(c.id, func(t *testing.T) {
			s, ds := FromPJSIP(load(t, transports+endpoint+trunk+c.text))
			if astconf.Failed(ds) {
				t.Fatal(ds)
			}
			if !c.holds(s) {
				t.Error("does not hold")
			}
		})
	}
}
