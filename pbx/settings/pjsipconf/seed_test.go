package pjsipconf

import (
	"slices"
	"testing"

	"branchline/media"
	"branchline/pbx/astconf"
	"branchline/pbx/settings"
)

// Every option of the how-to's sip.conf and pjsip.conf, by the id it has in the
// table of coverage, with what it must come to in the one model. Those it has
// commented out are tried as if they were not.

// Seed: S-041.
func TestSeedPJSIPConf(t *testing.T) {
	const (
		transports = "[transport-udp]\ntype=transport\nprotocol=udp\nbind=192.168.50.52\n[transport-tcp]\ntype=transport\nprotocol=tcp\nbind=192.168.50.52\n"
		endpoint   = "[3001]\ntype=endpoint\naors=3001\ncontext=default\nallow=ulaw\n[3001]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n"
		trunk      = "[SIP1]\ntype=endpoint\naors=SIP1\nallow=ulaw\n[SIP1]\ntype=aor\ncontact=sip:192.168.50.9\n"
	)
	ep := func(s *settings.Snapshot) *settings.Endpoint { return s.Endpoints["3001"] }
	for _, c := range []struct {
		id, text string
		holds    func(s *settings.Snapshot) bool
	}{
		{"S-074", "[global]\ntype=global\nendpoint_identifier_order=anonymous,username,ip\n", func(s *settings.Snapshot) bool {
			return slices.Equal(s.Global.EndpointIdentifierOrder, []string{"anonymous", "username", "ip"})
		}},
		{"S-075 S-076", "", func(s *settings.Snapshot) bool { return s.Transport("transport-udp").Protocol == "udp" }},
		{"S-077", "", func(s *settings.Snapshot) bool { return s.Transport("transport-tcp").Protocol == "tcp" }},
		{"S-078", "[any]\ntype=transport\nbind=0.0.0.0\n", func(s *settings.Snapshot) bool {
			return s.Transport("any").Bind.String() == "0.0.0.0:5060" && s.Transport("transport-udp").Bind.Port() == 5060
		}},
		{"S-079", "", func(s *settings.Snapshot) bool {
			return s.Transport("transport-udp").Bind == s.Transport("transport-tcp").Bind
		}},
		{"S-080 S-082 S-084", "", func(s *settings.Snapshot) bool {
			return slices.Equal(ep(s).AORs, []string{"3001"}) && ep(s).Context == "default"
		}},
		{"S-081", "[9]\ntype=endpoint\nallow=ulaw\noutbound_auth=9\n[9]\ntype=auth\nusername=9\npassword=1\n", func(s *settings.Snapshot) bool {
			return slices.Equal(s.Endpoints["9"].OutboundAuths, []string{"9"}) && len(s.Endpoints["9"].Auths) == 0
		}},
		{"S-083", "[9]\ntype=endpoint\nallow=ulaw\ntransport=transport-tcp\n", func(s *settings.Snapshot) bool { return s.Endpoints["9"].Transport == "transport-tcp" }},
		{"S-085", "[9]\ntype=endpoint\ndisallow=all\nallow=ulaw\n", func(s *settings.Snapshot) bool {
			return slices.Equal(s.Endpoints["9"].Codecs, []*media.Codec{media.PCMU})
		}},
		{"S-086", "[9]\ntype=endpoint\nallow=ulaw\ndtmf_mode=inband\n", func(s *settings.Snapshot) bool { return s.Endpoints["9"].DTMF == settings.DTMFInband }},
		{"S-087", "[9]\ntype=endpoint\nallow=ulaw\nforce_rport=no\n", func(s *settings.Snapshot) bool { return !s.Endpoints["9"].ForceRport && ep(s).ForceRport }},
		{"S-088", "[9]\ntype=endpoint\nallow=ulaw\nice_support=yes\n", func(s *settings.Snapshot) bool { return s.Endpoints["9"] != nil }}, // said to be left out
		{"S-089", "[9]\ntype=endpoint\nallow=ulaw\ndirect_media=no\n", func(s *settings.Snapshot) bool { return !s.Endpoints["9"].DirectMedia && ep(s).DirectMedia }},
		{"S-090", "[9]\ntype=endpoint\nallow=ulaw\nrtp_symmetric=yes\n", func(s *settings.Snapshot) bool { return s.Endpoints["9"].RTPSymmetric && !ep(s).RTPSymmetric }},
		{"S-091", "[9]\ntype=endpoint\nallow=ulaw\nrewrite_contact=yes\n", func(s *settings.Snapshot) bool { return s.Endpoints["9"].RewriteContact && !ep(s).RewriteContact }},
		{"S-092", "[9_auth]\ntype=auth\nauth_type=userpass\nusername=9\npassword=1234567890\n", func(s *settings.Snapshot) bool {
			a := s.Auths["9_auth"]
			return a.Type == "userpass" && a.Username == "9" && a.Password == "1234567890"
		}},
		{"S-093", "[1001_auth]\ntype=auth\nusername=3001\npassword=1\n", func(s *settings.Snapshot) bool { return s.Auths["1001_auth"].Username == "3001" }},
		{"S-094", "", func(s *settings.Snapshot) bool {
			return s.AORs["3001"].MaxContacts == 1 && s.AORs["3001"].RemoveExisting
		}},
		{"S-095", "[x]\ntype=aor\ncontact=sip:192.168.50.9:5060\n", func(s *settings.Snapshot) bool {
			return slices.Equal(s.AORs["SIP1"].Contacts, []string{"sip:192.168.50.9"}) && slices.Equal(s.AORs["x"].Contacts, []string{"sip:192.168.50.9:5060"})
		}},
		{"S-096 S-097", "[SIP1]\ntype=identify\nendpoint=SIP1\nmatch=192.168.50.9\n", func(s *settings.Snapshot) bool {
			return s.Identifies[0].Endpoint == "SIP1" && s.Identifies[0].Matches[0].Text == "192.168.50.9/32"
		}},
		{"S-050 S-098", "[SIP1]\ntype=identify\nendpoint=SIP1\nmatch=192.168.50.206, 192.168.50.55\n", func(s *settings.Snapshot) bool {
			return len(s.Identifies[0].Matches) == 2 && s.Identifies[0].Matches[1].Text == "192.168.50.55/32"
		}},
		{"S-099", "[SIP1]\ntype=identify\nendpoint=SIP1\nmatch=192.168.50.0/24\n", func(s *settings.Snapshot) bool {
			return s.Identifies[0].Matches[0].Prefix.String() == "192.168.50.0/24"
		}},
		{"S-100", "[SIP1]\ntype=identify\nendpoint=SIP1\nmatch_header=To: <sip:3002@192.168.50.52>\n", func(s *settings.Snapshot) bool {
			return s.Identifies[0].Header == "To" && s.Identifies[0].HeaderValue == "<sip:3002@192.168.50.52>"
		}},
		{"S-101 S-296", "[SIP1]\ntype=identify\nendpoint=SIP1\nmatch_header=User-Agent: LinphoneiOS/5.0.2 (iPhone) LinphoneSDK/5.2.32\n", func(s *settings.Snapshot) bool {
			return s.Identifies[0].HeaderValue == "LinphoneiOS/5.0.2 (iPhone) LinphoneSDK/5.2.32" && s.Identifies[0].HeaderRegex == ""
		}},
		{"S-102", "[SIP1]\ntype=identify\nendpoint=SIP1\nmatch=192.168.50.9\n", func(s *settings.Snapshot) bool {
			return s.Endpoints["SIP1"] != nil && s.AORs["SIP1"] != nil && s.Identifies[0].ID == "SIP1"
		}},
	} {
		t.Run(c.id, func(t *testing.T) {
			s, ds := Read(load(t, transports+endpoint+trunk+c.text))
			if astconf.Failed(ds) {
				t.Fatal(ds)
			}
			if !c.holds(s) {
				t.Error("does not hold")
			}
		})
	}
}
