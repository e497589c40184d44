package showsip

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"branchline/pbx/cli"
	"branchline/pbx/settings"
)

func (d *Deps) settings(_ context.Context, w io.Writer, _ []string) error {
	s := d.Snapshot().SIP
	cli.Put(w, "enabled", s != nil)
	if s == nil {
		fmt.Fprintln(w, "There is no sip.conf, or it is empty: SIP/ devices are off.")
		return nil
	}
	g := &s.Device
	e := g.Endpoint
	if e == nil { // what [general] says of devices, as the engine sees it
		e = s.Direct
	}
	agent := s.UserAgent
	if agent == "" {
		agent = d.UserAgent
	}
	tcp, tls := "Disabled", "Disabled"
	if s.TCPEnable {
		tcp = listening(s.TCP)
	}
	remap := "Disabled, no localnet list"
	if len(s.LocalNets) > 0 {
		remap = "Disabled"
		if s.ExternalAddr != "" {
			remap = "Enabled using externaddr"
			if s.ExternalHost != "" {
				remap = "Enabled using externhost"
			}
		}
	}
	external := "(null)"
	if s.ExternalAddr != "" {
		external = s.ExternalAddr
		if s.ExternalPort != 0 {
			external = fmt.Sprintf("%s:%d", external, s.ExternalPort)
		}
	}
	host := "<none>"
	if s.ExternalHost != "" {
		host = s.ExternalHost
	}
	proxy := "<not set> "
	if e.OutboundProxy != "" {
		proxy = e.OutboundProxy
	}
	part := func(title, under string, lines ...line) {
		fmt.Fprintf(w, "%s\n%s\n", title, under)
		print(w, lines)
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "\n\n")
	part("Global Settings:", "----------------",
		line{"  UDP Bindaddress:        ", listening(s.UDP)}, line{"  TCP SIP Bindaddress:    ", tcp}, line{"  TLS SIP Bindaddress:    ", tls},
		line{"  RTP Bindaddress:        ", "Disabled"}, line{"  Videosupport:           ", yes(g.Video != "no")}, line{"  Textsupport:            ", yes(g.Text)},
		line{"  Ignore SDP sess. ver.:  ", "No"}, line{"  AutoCreate Peer:        ", "Off"}, line{"  Match Auth Username:    ", yes(s.MatchAuthUsername)},
		line{"  Allow unknown access:   ", yes(s.Guest != nil)}, line{"  Allow subscriptions:    ", yes(e.AllowSubscribe)}, line{"  Allow overlap dialing:  ", yes(e.AllowOverlap)},
		line{"  Allow promisc. redir:   ", yes(g.PromiscRedir)}, line{"  Enable call counters:   ", yes(g.CallCounter)}, line{"  SIP domain support:     ", yes(len(s.Domains) > 0)},
		line{"  Path support :          ", "No"}, line{"  Realm. auth:            ", yes(len(s.Direct.OutboundAuths) > 0)}, line{"  Our auth realm          ", s.Realm},
		line{"  Use domains as realms:  ", "No"}, line{"  Call to non-local dom.: ", yes(s.AllowExternalDomains)}, line{"  URI user is phone no:   ", yes(e.UserEqPhone)},
		line{"  Always auth rejects:    ", yes(s.AlwaysAuthReject)}, line{"  Direct RTP setup:       ", "No"}, line{"  User Agent:             ", agent},
		line{"  SDP Session Name:       ", s.SDPSession}, line{"  SDP Owner Name:         ", s.SDPOwner}, line{"  Reg. context:           ", "(not set)"},
		line{"  Regexten on Qualify:    ", "No"}, line{"  Trust RPID:             ", yes(e.TrustIDInbound)}, line{"  Send RPID:              ", yes(e.SendRPID || e.SendPAI)},
		line{"  Legacy userfield parse: ", "No"}, line{"  Send Diversion:         ", yes(e.SendDiversion)}, line{"  Caller ID:              ", s.CallerID},
		line{"  From: Domain:           ", e.FromDomain}, line{"  Record SIP history:     ", on(s.RecordHistory)}, line{"  Auth. Failure Events:   ", "Off"},
		line{"  T.38 support:           ", "No"}, line{"  T.38 EC mode:           ", "Unknown"}, line{"  T.38 MaxDtgrm:          ", "4294967295"},
		line{"  SIP realtime:           ", "Disabled"}, line{"  Qualify Freq :          ", fmt.Sprintf("%d ms", g.QualifyFreq.Milliseconds())},
		line{"  Q.850 Reason header:    ", yes(g.UseReason)}, line{"  Store SIP_CAUSE:        ", "No"})
	part("Network QoS Settings:", "---------------------------",
		line{"  IP ToS SIP:             ", tosWords(s.TOS)}, line{"  IP ToS RTP audio:       ", tosWords(e.TOSAudio)}, line{"  IP ToS RTP video:       ", "CS0"},
		line{"  IP ToS RTP text:        ", "CS0"}, line{"  802.1p CoS SIP:         ", fmt.Sprint(s.COS)}, line{"  802.1p CoS RTP audio:   ", "5"},
		line{"  802.1p CoS RTP video:   ", "6"}, line{"  802.1p CoS RTP text:    ", "5"}, line{"  Jitterbuffer enabled:   ", "No"})
	network := []line{{"  SIP address remapping:  ", remap}}
	for i, n := range s.LocalNets {
		label := "  Localnet:               "
		if i > 0 {
			label = "                          "
		}
		network = append(network, line{label, n.String()})
	}
	part("Network Settings:", "---------------------------", append(network,
		line{"  Externhost:             ", host}, line{"  Externaddr:             ", external}, line{"  Externrefresh:          ", fmt.Sprint(s.ExternalRefresh)})...)
	part("Global Signalling Settings:", "---------------------------",
		line{"  Codecs:                 ", settings.CodecWords(e.Codecs)}, line{"  Relax DTMF:             ", "No"}, line{"  RFC2833 Compensation:   ", "No"},
		line{"  Symmetric RTP:          ", yes(e.RTPSymmetric)}, line{"  Compact SIP headers:    ", yes(s.CompactHeaders)},
		line{"  RTP Keepalive:          ", timeout(e.RTPKeepalive)}, line{"  RTP Timeout:            ", timeout(e.RTPTimeout)}, line{"  RTP Hold Timeout:       ", timeout(e.RTPTimeoutHold)},
		line{"  MWI NOTIFY mime type:   ", "application/simple-message-summary"}, line{"  DNS SRV lookup:         ", yes(s.SRVLookup)}, line{"  Pedantic SIP support:   ", yes(s.Pedantic)},
		line{"  Reg. min duration       ", seconds(s.MinExpiry)}, line{"  Reg. max duration:      ", seconds(s.MaxExpiry)}, line{"  Reg. default duration:  ", seconds(s.DefaultExpiry)},
		line{"  Sub. min duration       ", seconds(s.MinSubscription)}, line{"  Sub. max duration:      ", seconds(s.MaxSubscription)},
		line{"  Outbound reg. timeout:  ", seconds(s.RegisterTimeout)}, line{"  Outbound reg. attempts: ", fmt.Sprint(s.RegisterAttempts)}, line{"  Outbound reg. retry 403:", yes(s.RegisterRetry403)},
		line{"  Notify ringing state:   ", yes(s.NotifyRinging != "no")}, line{"    Include CID:          ", "No"}, line{"  Notify hold state:      ", yes(s.NotifyHold)},
		line{"  SIP Transfer mode:      ", transfers(e.AllowTransfer)}, line{"  Max Call Bitrate:       ", fmt.Sprintf("%d kbps", g.MaxBitRate)}, line{"  Auto-Framing:           ", yes(g.AutoFraming)},
		line{"  Outb. proxy:            ", proxy}, line{"  Session Timers:         ", capital(g.SessionTimers)}, line{"  Session Refresher:      ", g.SessionRefresher},
		line{"  Session Expires:        ", seconds(e.TimersExpires)}, line{"  Session Min-SE:         ", seconds(e.TimersMinSE)},
		line{"  Timer T1:               ", fmt.Sprint(s.TimerT1.Milliseconds())}, line{"  Timer T1 minimum:       ", fmt.Sprint(s.TimerT1Min.Milliseconds())},
		line{"  Timer B:                ", fmt.Sprint(s.TimerB.Milliseconds())}, line{"  No premature media:     ", "Yes"}, line{"  Max forwards:           ", fmt.Sprint(s.MaxForwards)})
	part("Default Settings:", "-----------------",
		line{"  Allowed transports:     ", strings.ToUpper(strings.Join(g.Networks, ","))}, line{"  Outbound transport:\t  ", strings.ToUpper(g.Networks[0])},
		line{"  Context:                ", s.Context}, line{"  Record on feature:      ", "automon"}, line{"  Record off feature:     ", "automon"},
		line{"  Force rport:            ", natWords(g.NAT.ForceRport, g.NAT.AutoRport)}, line{"  DTMF:                   ", g.DigitsWord}, line{"  Qualify:                ", fmt.Sprint(g.Qualify.Milliseconds())},
		line{"  Keepalive:              ", "0"}, line{"  Use ClientCode:         ", "No"}, line{"  Progress inband:        ", yes(e.InbandProgress)},
		line{"  Language:               ", e.Language}, line{"  Tone zone:              ", orNotSet(e.ToneZone)}, line{"  MOH Interpret:          ", "default"},
		line{"  MOH Suggest:            ", e.MOHSuggest}, line{"  Voice Mail Extension:   ", g.VMExten}, line{"  RTCP Multiplexing:      ", "No"})
	fmt.Fprintln(w, "----")
	return nil
}

func listening(a netip.AddrPort) string {
	if a.Port() == 0 {
		a = netip.AddrPortFrom(a.Addr(), 5060)
	}
	return a.String()
}

func on(b bool) string {
	if b {
		return "On"
	}
	return "Off"
}

func natWords(force, auto bool) string {
	if auto && !force {
		return "Auto (No)"
	}
	return yes(force)
}

func timeout(d time.Duration) string {
	if d == 0 {
		return "0 (Disabled)"
	}
	return fmt.Sprint(int(d / time.Second))
}

// tosWords names a type-of-service octet (RFC 2474).
func tosWords(octet int) string {
	switch dscp := octet >> 2; {
	case dscp == 46:
		return "EF"
	case dscp&7 == 0:
		return fmt.Sprintf("CS%d", dscp>>3)
	case dscp&1 == 0 && dscp>>3 >= 1 && dscp>>3 <= 4:
		return fmt.Sprintf("AF%d%d", dscp>>3, dscp>>1&3)
	}
	return fmt.Sprintf("0x%x", octet)
}

// objects lists devices, those with an address, and registrations.
func (d *Deps) objects(_ context.Context, w io.Writer, _ []string) error {
	object := func(name, kind string, refs int) {
		fmt.Fprintf(w, "name: %s\ntype: %s\nobjflags: 0\nrefcount: %d\n\n", name, kind, refs)
		cli.Add(w, "objects", cli.Record{{Name: "name", Value: name}, {Name: "type", Value: kind}})
	}
	list := d.list(func(*settings.Device) bool { return true })
	cli.Add(w, "objects")
	fmt.Fprintf(w, "-= Peer objects: %d static, 0 realtime, 0 autocreate =-\n\n", len(list))
	for _, dev := range list {
		object(dev.Name, "peer", 1)
	}
	fmt.Fprint(w, "-= Peer objects by IP =-\n\n")
	for _, dev := range list {
		if d.Address(dev).IsValid() {
			object(dev.Name, "peer", 1)
		}
	}
	n := 0
	if d.Registrations != nil {
		for _, s := range d.Registrations.Statuses() {
			if s.Legacy {
				n++
			}
		}
	}
	fmt.Fprintf(w, "-= Registry objects: %d =-\n\n-= Dialog objects:\n\n", n)
	for _, c := range d.Channels("") {
		object(c.Name, "dialog", 1)
	}
	return nil
}

// sched counts what waits for its time, under chan_sip's names.
func (d *Deps) sched(_ context.Context, w io.Writer, _ []string) error {
	var registered, watched, ours int
	for _, dev := range d.list((*settings.Device).Callable) {
		if c := d.contact(dev); c != nil {
			if !c.Permanent() {
				registered++
			}
			if dev.Qualify > 0 {
				watched++
			}
		}
	}
	if d.Registrations != nil {
		for _, s := range d.Registrations.Statuses() {
			if s.Legacy && !s.Next.IsZero() {
				ours++
			}
		}
	}
	total := registered + watched + ours
	fmt.Fprintf(w, "\n Highwater = %d\n schedcnt = %d\n", total, total)
	t := cli.NewTable(w, "tasks", "    %s : %d\n", "name,count")
	for _, l := range []struct {
		name string
		n    int
	}{
		{"retrans_pkt", 0}, {"__sip_autodestruct", 0}, {"expire_register", registered}, {"auto_congest", 0}, {"sip_reg_timeout", 0},
		{"sip_poke_peer_s", watched}, {"sip_poke_peer_now", 0}, {"sip_poke_noanswer", 0}, {"sip_reregister", ours}, {"sip_reinvite_retry", 0},
	} {
		t.Row(l.name, l.n)
	}
	fmt.Fprintln(w, "   <unknown> : 0")
	return nil
}
