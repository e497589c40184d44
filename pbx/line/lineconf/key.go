package lineconf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/channel"
	"branchline/pbx/settings/spelling"
)

// A key is one setting that we honour.
type key struct {
	name string
	want string // allowed values, for messages
	read func(o *Options, v string) error
}

func yes(name string, at func(*Options) *bool) key {
	return key{name, "yes or no", func(o *Options, v string) (err error) {
		b, err := truth(v)
		if err == nil {
			*at(o) = b
		}
		return err
	}}
}

func word(name string, at func(*Options) *string) key {
	return key{name, "text", func(o *Options, v string) error { *at(o) = v; return nil }}
}

// choice is one of some words; "a|b" are spellings of a.
func choice(name string, at func(*Options) *string, words ...string) key {
	var all []string
	for _, w := range words {
		all = append(all, strings.Split(w, "|")...)
	}
	return key{name, "one of " + strings.Join(all, ", "), func(o *Options, v string) error {
		for _, w := range words {
			if spellings := strings.Split(w, "|"); slices.ContainsFunc(spellings, func(s string) bool { return strings.EqualFold(s, v) }) {
				*at(o) = spellings[0]
				return nil
			}
		}
		return errWord
	}}
}

func gain(name string, at func(*Options) *Gain) key {
	return key{name, "dB from -12 to 12", func(o *Options, v string) error {
		db, err := decibels(v)
		if err == nil {
			*at(o) = Gain{db, true}
		}
		return err
	}}
}

func level(name string, at func(*Options) *float64) key {
	return key{name, "dB from -12 to 12", func(o *Options, v string) error {
		db, err := decibels(v)
		if err == nil {
			*at(o) = db
		}
		return err
	}}
}

func number(name string, low, high int, at func(*Options) *int) key {
	return key{name, fmt.Sprintf("a whole number from %d to %d", low, high), func(o *Options, v string) error {
		n, err := count(v, low, high)
		if err == nil {
			*at(o) = n
		}
		return err
	}}
}

// span of time in milliseconds.
func period(name string, low, high int, at func(*Options) *time.Duration) key {
	return key{name, fmt.Sprintf("milliseconds from %d to %d", low, high), func(o *Options, v string) error {
		n, err := count(v, low, high)
		if err == nil {
			*at(o) = time.Duration(n) * time.Millisecond
		}
		return err
	}}
}

func groupSet(name string, at func(*Options) *uint64) key {
	return key{name, "numbers from 0 to 63 and ranges of them", func(o *Options, v string) error {
		set, err := groups(v)
		if err == nil {
			*at(o) = set
		}
		return err
	}}
}

// honoured are the settings that have an effect, by what they are about.
var honoured = slices.Concat(identity, supervision, distinct(), speech, telephone)

var identity = []key{
	{"signalling", "fxs_ks, fxs_ls or fxs_gs for a port towards an exchange, fxo_ks, fxo_ls or fxo_gs for one towards a telephone, or auto", signalling},
	{"signaling", "as signalling", signalling},
	word("context", func(o *Options) *string { return &o.Context }),
	word("smscontext", func(o *Options) *string { return &o.TextContext }),
	word("description", func(o *Options) *string { return &o.Description }),
	word("language", func(o *Options) *string { return &o.Language }),
	word("mohinterpret", func(o *Options) *string { return &o.MusicClass }),
	word("musicclass", func(o *Options) *string { return &o.MusicClass }),
	word("musiconhold", func(o *Options) *string { return &o.MusicClass }),
	word("accountcode", func(o *Options) *string { return &o.Account }),
	groupSet("group", func(o *Options) *uint64 { return &o.Groups }),
	groupSet("callgroup", func(o *Options) *uint64 { return &o.CallGroup }),
	groupSet("pickupgroup", func(o *Options) *uint64 { return &o.PickupGroup }),
	{"setvar", "NAME=value", setVar},
	{"emergency", "numbers, separated by commas", func(o *Options, v string) error {
		o.Emergency = nil
		for n := range strings.SplitSeq(v, ",") {
			if n = strings.TrimSpace(n); strings.Trim(n, "+0123456789*#") != "" {
				return fmt.Errorf("%q is no number", clip(n))
			} else if n != "" {
				o.Emergency = append(o.Emergency, n)
			}
		}
		return nil
	}},
	{"callerid", `"Name" <number>, or asreceived`, func(o *Options, v string) error {
		o.Caller = channel.Party{}
		if !strings.EqualFold(v, "asreceived") {
			o.Caller = party(v)
		}
		return nil
	}},
	word("fullname", func(o *Options) *string { return &o.Caller.Name }),
	word("cid_number", func(o *Options) *string { return &o.Caller.Number }),
	word("cid_tag", func(o *Options) *string { return &o.Caller.Tag }),
	yes("usecallerid", func(o *Options) *bool { return &o.UseCallerID }),
	choice("cidsignalling", func(o *Options) *string { return &o.CIDForm }, "auto", "bell", "v23", "v23_jp", "dtmf"),
	choice("cidstart", func(o *Options) *string { return &o.CIDStart }, "auto", "ring", "polarity|polarity_in", "dtmf"),
	yes("hidecallerid", func(o *Options) *bool { return &o.HideCaller }),
	yes("restrictcid", func(o *Options) *bool { return &o.HideCaller }),
	yes("hidecalleridname", func(o *Options) *bool { return &o.HideName }),
	number("stripmsd", 0, 32, func(o *Options) *int { return &o.StripDigits }),
}

// supervision: how a line towards an exchange is watched.
var supervision = []key{
	yes("busydetect", func(o *Options) *bool { return &o.BusyDetect }),
	number("busycount", 1, 20, func(o *Options) *int { return &o.BusyCount }),
	{"busypattern", "milliseconds of tone and of silence, such as 500,500", func(o *Options, v string) error {
		t, err := times(v, 4)
		if err != nil {
			return err
		}
		if len(t) != 2 {
			return errors.New("not two times")
		}
		o.BusyOn, o.BusyOff = t[0], t[1]
		return nil
	}},
	yes("callprogress", func(o *Options) *bool { return &o.CallProgress }),
	word("progzone", func(o *Options) *string { return &o.ProgressZone }),
	yes("answeronpolarityswitch", func(o *Options) *bool { return &o.AnswerOnPolarity }),
	yes("hanguponpolarityswitch", func(o *Options) *bool { return &o.HangupOnPolarity }),
	period("polarityonanswerdelay", 0, 60000, func(o *Options) *time.Duration { return &o.PolarityDelay }),
	period("ringtimeout", 1000, 60000, func(o *Options) *time.Duration { return &o.RingTimeout }),
	yes("pulsedial", func(o *Options) *bool { return &o.Pulse }),
	yes("pulse", func(o *Options) *bool { return &o.Pulse }),
	{"waitfordialtone", "milliseconds from 0 to 10000, or no", func(o *Options, v string) error {
		n := 0
		if off, err := truth(v); err != nil || off {
			if n, err = count(v, 0, 10000); err != nil {
				return err
			}
		}
		o.WaitForDialTone, o.StrictDialTone = time.Duration(n)*time.Millisecond, n > 0
		return nil
	}},
	period("toneduration", 40, 1000, func(o *Options) *time.Duration { return &o.ToneLength }),
	period("flash", 80, 2000, func(o *Options) *time.Duration { return &o.FlashLength }),
}

// distinct is how the ringing of an exchange is told apart.
func distinct() []key {
	keys := []key{yes("usedistinctiveringdetection", func(o *Options) *bool { return &o.DistinctRings })}
	for i := range (Options{}).RingPatterns {
		name := fmt.Sprintf("dring%d", i+1)
		keys = append(keys,
			word(name+"context", func(o *Options) *string { return &o.RingPatterns[i].Context }),
			number(name+"range", 0, 3000, func(o *Options) *int { return &o.RingPatterns[i].Range }),
			key{name, "three numbers such as 325,95,0, as the log tells them; -1 for any", func(o *Options, v string) error {
				p := o.RingPatterns[i].Ends
				n := 0
				for s := range strings.SplitSeq(v, ",") {
					if n == len(p) {
						return errors.New("more than three numbers")
					}
					var err error
					if p[n], err = count(strings.TrimSpace(s), AnyEnd, 3000); err != nil {
						return err
					}
					n++
				}
				clear(p[n:])
				o.RingPatterns[i].Ends = p
				return nil
			}})
	}
	return keys
}

var speech = []key{
	{"echocancel", "yes, no, or the number of taps: 32, 64, 128, 256, 512", func(o *Options, v string) error {
		if on, err := truth(v); err == nil && v != "1" {
			o.EchoTaps = 0
			if on {
				o.EchoTaps = 256
			}
			return nil
		}
		first, _, _ := strings.Cut(v, ",") // what follows are parameters of the kernel's canceller
		n, err := count(strings.TrimSpace(first), 32, 1024)
		if err == nil && n&(n-1) != 0 {
			err = errors.New("not a power of two")
		}
		if err == nil {
			o.EchoTaps = n
		}
		return err
	}},
	gain("rxgain", func(o *Options) *Gain { return &o.RxGain }),
	gain("txgain", func(o *Options) *Gain { return &o.TxGain }),
	level("hwrxgain", func(o *Options) *float64 { return &o.Hardware.RxGain }),
	level("hwtxgain", func(o *Options) *float64 { return &o.Hardware.TxGain }),
	choice("faxdetect", func(o *Options) *string { return &o.FaxDetect }, "no|off|false|0", "incoming", "outgoing", "both|yes|on|true|1"),
	word("tonezone", func(o *Options) *string { return &o.ToneZone }),
}

// telephone: settings of a line towards a telephone.
var telephone = []key{
	period("rxflash", 80, 2000, func(o *Options) *time.Duration { return &o.Hardware.RxFlash }),
	yes("immediate", func(o *Options) *bool { return &o.Immediate }),
	yes("threewaycalling", func(o *Options) *bool { return &o.ThreeWay }),
	word("mailbox", func(o *Options) *string { return &o.Mailbox }),
	yes("transfer", func(o *Options) *bool { return &o.Transfer }),
	yes("callwaiting", func(o *Options) *bool { return &o.CallWaiting }),
	yes("callwaitingcallerid", func(o *Options) *bool { return &o.CallWaitingID }),
	number("sendcalleridafter", 0, 9, func(o *Options) *int { return &o.CIDAfter }),
	period("firstdigittimeout", 1000, 60000, func(o *Options) *time.Duration { return &o.FirstDigit }),
	period("gendigittimeout", 500, 60000, func(o *Options) *time.Duration { return &o.NextDigit }),
	period("matchdigittimeout", 500, 60000, func(o *Options) *time.Duration { return &o.MatchDigit }),
	{"cadence", "milliseconds on, off, on, off ...", func(o *Options, v string) error {
		t, err := times(v, 32)
		if err != nil {
			return err
		}
		if len(t) < 2 || len(t)%2 != 0 {
			return errors.New("not pairs of times")
		}
		if len(o.Cadences) > 0 && slices.Equal(o.Cadences[0], usualCadences[0]) {
			o.Cadences = nil // the first line of one's own replaces the usual ones
		}
		if len(o.Cadences) >= 24 {
			return errors.New("more than 24 cadences")
		}
		o.Cadences = append(slices.Clone(o.Cadences), t)
		return nil
	}},
}

func signalling(o *Options, v string) error {
	switch v = strings.ToLower(v); v {
	case "fxs_ks", "fxs_ls", "fxs_gs", "fxsks", "fxsls", "fxsgs":
		o.Signalling = FXO
	case "fxo_ks", "fxo_ls", "fxo_gs", "fxoks", "fxols", "fxogs":
		o.Signalling = FXS
	case "auto":
		o.Signalling = Auto
	default:
		if slices.Contains(digital, v) {
			return errDigital
		}
		return errWord
	}
	return nil
}

// digital are the words for lines that are not analog.
var digital = strings.Fields("em em_e1 em_w em_rxtx em_txrx featd featdmf featdmf_ta featb fgccama fgccamamf e911 gr303fxoks_net gr303fxsks_cpe pri_net pri_cpe bri_net bri_cpe bri_net_ptmp bri_cpe_ptmp sf sf_w sf_featd sf_featdmf sf_featb sf_rxtx sf_txrx ss7 mfcr2 none")

var errDigital = errors.New("only analog lines are supported")

func setVar(o *Options, v string) error {
	name, value, ok := strings.Cut(v, "=")
	if name = strings.TrimSpace(name); !ok || name == "" {
		return errors.New("no = in it")
	}
	o.Vars = append(slices.Clone(o.Vars), channel.Header{Name: name, Value: strings.TrimSpace(value)})
	return nil
}

// others are settings that Asterisk knows and we do not honour, by the reason.
var others = map[string]string{
	"belongs to digital lines, which are not supported": `switchtype pridialplan prilocaldialplan nationalprefix internationalprefix localprefix privateprefix unknownprefix priindication priexclusive
		overlapdial resetinterval facilityenable pritimer minunused minidle idledial idleext nsf trunkgroup spanmap inbanddisconnect inband_on_setup_ack inband_on_proceeding sendconnectack outgoingmembership
		hold_disconnect_transfer colp_send force_restart_unavailable_chans mcid_send msn append_msn_to_cid_tag discardremoteholdretrieval aoc_enable l2_persistence layer1_presence layer2_persistence
		ss7type ss7_called_nai ss7_calling_nai ss7_internationalprefix ss7_nationalprefix ss7_subscriberprefix ss7_unknownprefix ss7_explicitacm linkset pointcode adjpointcode defaultdpc networkindicator
		sigchan cicbeginswith cic reversecharge usecallingpres emdigitwait rxwink wink prewink preflash start outsignalling
		mfcr2_variant mfcr2_get_ani_first mfcr2_max_ani mfcr2_max_dnis mfcr2_category mfcr2_logdir mfcr2_logging mfcr2_mfback_timeout mfcr2_metering_pulse_timeout mfcr2_allow_collect_calls mfcr2_double_answer
		mfcr2_immediate_accept mfcr2_accept_on_offer mfcr2_skip_category mfcr2_forced_release mfcr2_charge_calls mfcr2_advanced_protocol_file crv dchan toneduration_mf`,
	"is the driver's: set it in system.conf or as a module parameter":                "debounce pulsemake pulsebreak pulseafter txdrc rxdrc",
	"is always so: the canceller trains itself and stays in the path":                "echocancelwhenbridged echotraining",
	"is fixed: blocks of 20 ms, as few as keep the line fed":                         "buffers faxbuffers",
	"is done by the jitter buffer of every line, which sets itself":                  "jbenable jbforce jbmaxsize jbresyncthreshold jbimpl jblog jbtargetextra",
	"is not needed: the digit receiver takes what ITU-T Q.24 asks for and no more":   "relaxdtmf",
	"is not needed: caller ID and the rhythm of ringing are heard at the same time":  "distinctiveringaftercid",
	"is not needed: fax tones are looked for all through the call":                   "faxdetect_timeout",
	"is not supported: waiting messages are told by the dial tone, not by a lamp":    "mwisendtype",
	"is not supported: there is no voicemail":                                        "hasvoicemail",
	"is not supported: what an exchange tells of waiting messages is not looked for": "mwimonitor mwimonitornotify mwilevel",
	"is understood, not yet honoured": `subscribecontext cancallforward callreturn canpark parkinglot adsi usesmdi smdiport cid_rxgain
		dtmfcidlevel cc_agent_policy cc_monitor_policy namedcallgroup namedpickupgroup amaflags busycompare mohsuggest confirmanswer dialtone_detect auto_answer echocan_params busyfuzziness dtmf_digit_hits`,
	"loads nothing here: the lines are what is configured": "unique_context reset_on_connect use_callerid_mode",
}

// foreign gives the reason why a known setting has no effect.
func foreign(name string) (why string, known bool) {
	for why, names := range others {
		if slices.Contains(strings.Fields(names), name) {
			return why, true
		}
	}
	return "", false
}

// names are all settings that can be written.
func names() []string {
	var out []string
	for _, k := range honoured {
		out = append(out, k.name)
	}
	for _, list := range others {
		out = append(out, strings.Fields(list)...)
	}
	return append(out, "channel")
}

// set applies one setting to o. where says in whose words messages speak.
func (r *reading) set(o *Options, e astconf.Entry, where string) {
	name := strings.ToLower(e.Name)
	i := slices.IndexFunc(honoured, func(k key) bool { return k.name == name })
	if i < 0 {
		r.unhonoured(e, name, where)
		return
	}
	k := &honoured[i]
	switch err := k.read(o, e.Value); {
	case errors.Is(err, errDigital):
		r.warn(e.Pos, "digital-line", where+": "+e.Name+"="+e.Value+": "+err.Error(), "the channels below are left out",
			"write fxs_ks for a port towards an exchange, fxo_ks for one towards a telephone", e.Value)
	case err != nil:
		r.warn(e.Pos, "bad-value", fmt.Sprintf("%s: %s=%s: %v", where, e.Name, clip(e.Value), err), "it stays as it was", "write "+k.want, e.Value)
	}
}

func (r *reading) unhonoured(e astconf.Entry, name, where string) {
	if why, known := foreign(name); known {
		rule := "ignored-option"
		if strings.Contains(why, "not yet") {
			rule = "not-yet-honoured"
		}
		r.say(astconf.Note, e.Pos, rule, where+": "+e.Name+" "+why, "", "", e.Name)
		return
	}
	d := r.warn(e.Pos, "unknown-option", where+": there is no setting "+clip(e.Name), "the line is ignored", "", e.Name)
	if near := spelling.Nearest(e.Name, names()); near != "" {
		d.Cure = "did you mean " + near + "?"
		d.Fix = &astconf.Fix{Edits: []astconf.Edit{{File: e.File, Line: e.Line, Old: e.Name, New: near}}}
	}
}
