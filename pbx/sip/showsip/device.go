package showsip

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/settings"
)

// A line of a listing: a label as wide as it is, and what follows.
type line struct{ label, value string }

// print writes lines, and gives them to a document by their labels.
func print(w io.Writer, lines []line) {
	for _, l := range lines {
		fmt.Fprintln(w, l.label+l.value)
		name := strings.Trim(strings.ToLower(l.label), " :*.")
		cli.Put(w, strings.NewReplacer(" ", "_", ".", "", ">", "", "-", "_", "=", "_", ":", "").Replace(name), l.value)
	}
}

func set(v string) string {
	if v == "" {
		return "<Not set>"
	}
	return "<Set>"
}

func orNotSet(v string) string {
	if v == "" {
		return "<Not set>"
	}
	return v
}

func seconds(d time.Duration) string { return fmt.Sprintf("%d secs", d/time.Second) }

func (d *Deps) find(w io.Writer, args []string) (*settings.Device, error) {
	if len(args) == 0 || len(args) > 2 || len(args) == 2 && !strings.EqualFold(args[1], "load") {
		return nil, cli.ErrUsage
	}
	return d.Snapshot().Device(args[0]), nil
}

func (d *Deps) peer(_ context.Context, w io.Writer, args []string) error {
	dev, err := d.find(w, args)
	if err != nil {
		return err
	}
	if dev == nil || !dev.Callable() {
		fmt.Fprintf(w, "Peer %s not found.\n\n", args[0])
		return nil // not a failed command for Asterisk
	}
	e := dev.Endpoint
	address, expire, agent, registered := "(null)", "-1", "", ""
	if at := d.Address(dev); at.IsValid() {
		address = at.String()
	}
	if c := d.contact(dev); c != nil && !c.Permanent() {
		left := time.Until(c.Expires)
		expire = fmt.Sprint(int(math.Ceil(left.Seconds())))
		agent, registered = c.UserAgent, c.URI
	}
	status, _, _ := d.status(dev)
	fmt.Fprint(w, "\n\n")
	print(w, []line{
		{"  * Name       : ", dev.Name},
		{"  Description  : ", dev.Description},
		{"  Secret       : ", set(dev.Secret)},
		{"  MD5Secret    : ", set(dev.MD5Secret)},
		{"  Remote Secret: ", set(dev.RemoteSecret)},
		{"  Context      : ", e.Context},
		{"  Record On feature : ", "automon"},
		{"  Record Off feature : ", "automon"},
		{"  Subscr.Cont. : ", orNotSet(dev.SubscribeContext)},
		{"  Language     : ", e.Language},
		{"  Tonezone     : ", orNotSet(e.ToneZone)},
		{"  AMA flags    : ", "Unknown"},
		{"  Transfer mode: ", transfers(e.AllowTransfer)},
		{"  CallingPres  : ", presentation(e.CallerIDPrivacy)},
		{"  Callgroup    : ", groupWords(e.CallGroup)},
		{"  Pickupgroup  : ", groupWords(e.PickupGroup)},
		{"  Named Callgr : ", strings.Join(e.NamedCallGroups, ",")},
		{"  Nam. Pickupgr: ", strings.Join(e.NamedPickupGroups, ",")},
		{"  MOH Suggest  : ", e.MOHSuggest},
		{"  Mailbox      : ", strings.Join(e.Mailboxes, ",")},
		{"  VM Extension : ", dev.VMExten},
		{"  LastMsgsSent : ", "0/0"},
		{"  Call limit   : ", fmt.Sprint(dev.CallLimit)},
		{"  Max forwards : ", fmt.Sprint(dev.MaxForwards)},
		{"  Dynamic      : ", yes(dev.Dynamic)},
		{"  Callerid     : ", callerID(e.CallerID)},
		{"  MaxCallBR    : ", fmt.Sprintf("%d kbps", dev.MaxBitRate)},
		{"  Expire       : ", expire},
		{"  Insecure     : ", insecure(dev)},
		{"  Force rport  : ", d.rport(dev)},
		{"  Symmetric RTP: ", d.comedia(dev)},
		{"  ACL          : ", yes(len(e.ACL) > 0)},
		{"  ContactACL   : ", yes(len(e.ContactACL) > 0)},
		{"  DirectMedACL : ", "No"},
		{"  T.38 support : ", "No"},
		{"  T.38 EC mode : ", "Unknown"},
		{"  T.38 MaxDtgrm: ", "4294967295"},
		{"  DirectMedia  : ", yes(e.DirectMedia)},
		{"  PromiscRedir : ", yes(dev.PromiscRedir)},
		{"  User=Phone   : ", yes(e.UserEqPhone)},
		{"  Video Support: ", yes(dev.Video != "no")},
		{"  Text Support : ", yes(dev.Text)},
		{"  Ign SDP ver  : ", "No"},
		{"  Trust RPID   : ", yes(e.TrustIDInbound)},
		{"  Send RPID    : ", yes(e.SendRPID || e.SendPAI)},
		{"  Path support : ", "No"},
		{"  Path         : ", "N/A"},
		{"  TrustIDOutbnd: ", trustWords(e.TrustIDOutbound)},
		{"  Subscriptions: ", yes(e.AllowSubscribe)},
		{"  Overlap dial : ", yes(e.AllowOverlap)},
		{"  DTMFmode     : ", dev.DigitsWord},
		{"  Timer T1     : ", fmt.Sprint(d.Snapshot().SIP.TimerT1.Milliseconds())},
		{"  Timer B      : ", fmt.Sprint(d.Snapshot().SIP.TimerB.Milliseconds())},
		{"  ToHost       : ", dev.Host},
		{"  Addr->IP     : ", address},
		{"  Defaddr->IP  : ", orNull(dev.DefaultHost)},
		{"  Prim.Transp. : ", strings.ToUpper(dev.Networks[0])},
		{"  Allowed.Trsp : ", strings.ToUpper(strings.Join(dev.Networks, ","))},
		{"  Def. Username: ", d.username(dev)},
		{"  SIP Options  : ", "(none)"},
		{"  Codecs       : ", settings.CodecWords(e.Codecs)},
		{"  Auto-Framing : ", yes(dev.AutoFraming)},
		{"  Status       : ", status},
		{"  Useragent    : ", agent},
		{"  Reg. Contact : ", registered},
		{"  Qualify Freq : ", fmt.Sprintf("%d ms", dev.QualifyFreq.Milliseconds())},
		{"  Keepalive    : ", "0 ms"},
		{"  Sess-Timers  : ", capital(dev.SessionTimers)},
		{"  Sess-Refresh : ", dev.SessionRefresher},
		{"  Sess-Expires : ", seconds(e.TimersExpires)},
		{"  Min-Sess     : ", seconds(e.TimersMinSE)},
		{"  RTP Engine   : ", "asterisk"},
		{"  Parkinglot   : ", ""},
		{"  Use Reason   : ", yes(dev.UseReason)},
		{"  Encryption   : ", "No"},
		{"  RTCP Mux     : ", "No"},
	})
	fmt.Fprintln(w)
	return nil
}

func (d *Deps) user(_ context.Context, w io.Writer, args []string) error {
	dev, err := d.find(w, args)
	if err != nil {
		return err
	}
	if dev == nil || !dev.Claims() {
		fmt.Fprintf(w, "User %s not found.\n\n", args[0])
		return nil
	}
	e := dev.Endpoint
	fmt.Fprint(w, "\n\n")
	print(w, []line{
		{"  * Name       : ", dev.Name},
		{"  Secret       : ", set(dev.Secret)},
		{"  MD5Secret    : ", set(dev.MD5Secret)},
		{"  Context      : ", e.Context},
		{"  Language     : ", e.Language},
		{"  AMA flags    : ", "Unknown"},
		{"  Tonezone     : ", orNotSet(e.ToneZone)},
		{"  Transfer mode: ", transfers(e.AllowTransfer)},
		{"  MaxCallBR    : ", fmt.Sprintf("%d kbps", dev.MaxBitRate)},
		{"  CallingPres  : ", presentation(e.CallerIDPrivacy)},
		{"  Call limit   : ", fmt.Sprint(dev.CallLimit)},
		{"  Callgroup    : ", groupWords(e.CallGroup)},
		{"  Pickupgroup  : ", groupWords(e.PickupGroup)},
		{"  Named Callgr : ", strings.Join(e.NamedCallGroups, ",")},
		{"  Nam. Pickupgr: ", strings.Join(e.NamedPickupGroups, ",")},
		{"  Callerid     : ", callerID(e.CallerID)},
		{"  ACL          : ", yes(len(e.ACL) > 0)},
		{"  Sess-Timers  : ", capital(dev.SessionTimers)},
		{"  Sess-Refresh : ", dev.SessionRefresher},
		{"  Sess-Expires : ", seconds(e.TimersExpires)},
		{"  Sess-Min-SE  : ", seconds(e.TimersMinSE)},
		{"  RTP Engine   : ", "asterisk"},
		{"  Auto-Framing:  ", yes(dev.AutoFraming) + " "},
	})
	fmt.Fprintln(w)
	return nil
}

func orNull(v string) string {
	if v == "" {
		return "(null)"
	}
	return v
}

func transfers(on bool) string {
	if on {
		return "open"
	}
	return "closed"
}

func trustWords(on bool) string {
	if on {
		return "Yes"
	}
	return "Legacy"
}

func capital(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}

func callerID(p channel.Party) string { return `"` + p.Name + `" <` + p.Number + `>` }

func insecure(dev *settings.Device) string {
	switch {
	case dev.InsecurePort && dev.InsecureInvite:
		return "port,invite"
	case dev.InsecurePort:
		return "port"
	case dev.InsecureInvite:
		return "invite"
	}
	return "no"
}

// presentation is a presentation in the words of a caller ID display.
func presentation(p channel.Presentation) string {
	return map[channel.Presentation]string{
		channel.AllowedNotScreened:  "Presentation Allowed, Not Screened",
		channel.AllowedPassedScreen: "Presentation Allowed, Passed Screen",
		channel.AllowedFailedScreen: "Presentation Allowed, Failed Screen",
		channel.Allowed:             "Presentation Allowed, Network Number",
		channel.ProhibNotScreened:   "Presentation Prohibited, Not Screened",
		channel.ProhibPassedScreen:  "Presentation Prohibited, Passed Screen",
		channel.ProhibFailedScreen:  "Presentation Prohibited, Failed Screen",
		channel.Prohib:              "Presentation Prohibited, Network Number",
		channel.Unavailable:         "Number Unavailable",
	}[p]
}

// groupWords lists the groups of a set, ranges joined.
func groupWords(set uint64) string {
	var out []string
	for g := 0; g < 64; g++ {
		if set&(1<<g) == 0 {
			continue
		}
		last := g
		for last < 63 && set&(1<<(last+1)) != 0 {
			last++
		}
		switch {
		case last > g+1:
			out = append(out, fmt.Sprintf("%d-%d", g, last))
			g = last
		default:
			out = append(out, fmt.Sprint(g))
		}
	}
	return strings.Join(out, ", ")
}
