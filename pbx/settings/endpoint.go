package settings

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"branchline/media"
	"branchline/pbx/channel"
)

const codecPrefs = "prefer:pending, operation:intersect, keep:all, transcode:allow"

// endpointOptions is every option of type=endpoint with Asterisk 22's default.
func endpointOptions() []option[Endpoint] {
	type E = Endpoint
	return []option[E]{
		// Where calls go, and whom we believe.
		{name: "context", def: "default", kind: text, at: func(e *E) any { return &e.Context }},
		{name: "transport", kind: text, at: func(e *E) any { return &e.Transport }},
		{name: "aors", kind: verbatimList, at: func(e *E) any { return &e.AORs }},
		{name: "auth", kind: list, at: func(e *E) any { return &e.Auths }},
		{name: "outbound_auth", kind: list, at: func(e *E) any { return &e.OutboundAuths }},
		{name: "identify_by", def: "username,ip", at: func(e *E) any { return &e.IdentifyBy },
			kind: wordList("username", "ip", "auth_username", "header", "request_uri", "transport")},
		{name: "acl", take: func(*E, string) error { return doubt("acl.conf is not read; write permit and deny here") },
			show: func(e *E) []string { return ruleWords(e.ACL) }},
		{name: "permit", showing: never, under: "acl", take: func(e *E, s string) error { return takeRules(&e.ACL, true, s) }},
		{name: "deny", showing: never, under: "acl", take: func(e *E, s string) error { return takeRules(&e.ACL, false, s) }},
		{name: "contact_acl", take: func(*E, string) error {
			return doubt("acl.conf is not read; write contact_permit and contact_deny here")
		}, show: func(e *E) []string { return ruleWords(e.ContactACL) }},
		{name: "contact_permit", showing: never, under: "contact_acl", take: func(e *E, s string) error { return takeRules(&e.ContactACL, true, s) }},
		{name: "contact_deny", showing: never, under: "contact_acl", take: func(e *E, s string) error { return takeRules(&e.ContactACL, false, s) }},
		{name: "allow_unauthenticated_options", def: "no", kind: truth, at: func(e *E) any { return &e.AllowUnauthenticatedOptions }},

		// Media.
		{name: "allow", def: "(nothing)", take: func(e *E, s string) error { return e.takeCodecs(s, true) }, show: func(e *E) []string { return []string{codecWords(e.Codecs)} }},
		{name: "disallow", showing: never, under: "allow", take: func(e *E, s string) error { return e.takeCodecs(s, false) }},
		{name: "dtmf_mode", def: "rfc4733", take: takeDTMF, show: func(e *E) []string { return []string{e.DTMF.String()} }},
		{name: "direct_media", def: "yes", kind: truth, at: func(e *E) any { return &e.DirectMedia }},
		{name: "direct_media_method", def: "invite", kind: choice("invite|reinvite", "update"), standing: later},
		{name: "direct_media_glare_mitigation", def: "none", kind: choice("none", "outgoing", "incoming"), standing: later},
		{name: "disable_direct_media_on_nat", def: "no", kind: truth, at: func(e *E) any { return &e.DisableDirectMediaOnNAT }},
		{name: "rtp_symmetric", def: "no", kind: truth, at: func(e *E) any { return &e.RTPSymmetric }},
		{name: "rtp_timeout", def: "0", kind: anyCount, at: func(e *E) any { return &e.RTPTimeout }},
		{name: "rtp_timeout_hold", def: "0", kind: anyCount, at: func(e *E) any { return &e.RTPTimeoutHold }},
		{name: "rtp_keepalive", def: "0", kind: anyCount, at: func(e *E) any { return &e.RTPKeepalive }, standing: later},
		{name: "rtp_port_start", def: "0", kind: count(0, 65535), standing: later},
		{name: "rtp_port_end", def: "0", kind: count(0, 65535), standing: later},
		{name: "rtp_ipv6", def: "no", kind: truth, at: func(e *E) any { return &e.RTPIPv6 }, standing: later},
		{name: "rtp_engine", def: "asterisk", kind: text, standing: ignored},
		{name: "media_address", kind: text, at: func(e *E) any { return &e.MediaAddress }},
		{name: "bind_rtp_to_media_address", def: "no", kind: truth, at: func(e *E) any { return &e.BindRTPToMediaAddress }},
		{name: "media_use_received_transport", def: "no", kind: truth, standing: later},
		{name: "inband_progress", def: "no", kind: truth, at: func(e *E) any { return &e.InbandProgress }},
		{name: "tos_audio", def: "0", kind: tos, at: func(e *E) any { return &e.TOSAudio }, standing: later},
		{name: "tos_video", def: "0", kind: tos, standing: later},
		{name: "cos_audio", def: "0", kind: count(0, 7), standing: later},
		{name: "cos_video", def: "0", kind: count(0, 7), standing: later},
		{name: "preferred_codec_only", def: "no", kind: truth, at: func(e *E) any { return &e.PreferredCodecOnly }},
		{name: "asymmetric_rtp_codec", def: "no", kind: truth, standing: later},
		{name: "use_ptime", def: "no", kind: truth, at: func(e *E) any { return &e.UsePtime }},
		{name: "incoming_call_offer_pref", def: "local", at: func(e *E) any { return &e.IncomingOfferPref },
			kind: choice("local", "local_first", "remote", "remote_first")},
		{name: "outgoing_call_offer_pref", def: "remote_merge", standing: later,
			kind: choice("local", "local_merge", "local_first", "remote", "remote_merge", "remote_first")},
		{name: "codec_prefs_incoming_offer", def: codecPrefs, kind: text, standing: later},
		{name: "codec_prefs_outgoing_offer", def: strings.Replace(codecPrefs, "intersect", "union", 1), kind: text, standing: later},
		{name: "codec_prefs_incoming_answer", def: codecPrefs, kind: text, standing: later},
		{name: "codec_prefs_outgoing_answer", def: codecPrefs, kind: text, standing: later},
		{name: "max_audio_streams", def: "1", kind: count(0, 64), at: func(e *E) any { return &e.MaxAudioStreams }, standing: later},
		{name: "max_video_streams", def: "1", kind: count(0, 64), at: func(e *E) any { return &e.MaxVideoStreams }, standing: later},
		{name: "sdp_owner", def: "-", kind: text, at: func(e *E) any { return &e.SDPOwner }},
		{name: "sdp_session", def: "Asterisk", kind: text, at: func(e *E) any { return &e.SDPSession }},
		{name: "follow_early_media_fork", def: "yes", kind: truth, at: func(e *E) any { return &e.FollowEarlyMediaFork }},
		{name: "accept_multiple_sdp_answers", def: "no", kind: truth, standing: later},
		{name: "ignore_183_without_sdp", def: "no", kind: truth, at: func(e *E) any { return &e.Ignore183WithoutSDP }},
		{name: "suppress_moh_on_sendonly", def: "no", kind: truth, standing: later},
		{name: "moh_passthrough", def: "no", kind: truth, standing: later},
		{name: "moh_suggest", def: "default", kind: text, at: func(e *E) any { return &e.MOHSuggest }},

		// Signalling towards the endpoint.
		{name: "force_rport", def: "yes", kind: truth, at: func(e *E) any { return &e.ForceRport }},
		{name: "rewrite_contact", def: "no", kind: truth, at: func(e *E) any { return &e.RewriteContact }},
		{name: "outbound_proxy", kind: sipURI, at: func(e *E) any { return &e.OutboundProxy }},
		{name: "100rel", def: "yes", kind: choice("no", "yes", "peer_supported", "required"), at: func(e *E) any { return &e.Rel100 }},
		{name: "timers", def: "yes", kind: choice("no", "yes", "required", "always|forced"), at: func(e *E) any { return &e.Timers }},
		{name: "timers_min_se", def: "90", kind: anyCount, at: func(e *E) any { return &e.TimersMinSE }},
		{name: "timers_sess_expires", def: "1800", kind: anyCount, at: func(e *E) any { return &e.TimersExpires }},
		{name: "redirect_method", def: "user", kind: choice("user", "uri_core", "uri_pjsip"), at: func(e *E) any { return &e.RedirectMethod }},
		{name: "follow_redirect_methods", kind: text, standing: later},
		{name: "allow_overlap", def: "yes", kind: truth, at: func(e *E) any { return &e.AllowOverlap }},
		{name: "overlap_context", kind: text, at: func(e *E) any { return &e.OverlapContext }, standing: later},
		{name: "allow_transfer", def: "yes", kind: truth, at: func(e *E) any { return &e.AllowTransfer }},
		{name: "refer_blind_progress", def: "yes", kind: truth, standing: later},
		{name: "suppress_q850_reason_headers", def: "no", kind: truth, at: func(e *E) any { return &e.SuppressQ850 }},
		{name: "user_eq_phone", def: "no", kind: truth, at: func(e *E) any { return &e.UserEqPhone }},
		{name: "device_state_busy_at", def: "0", kind: anyCount, at: func(e *E) any { return &e.DeviceStateBusyAt }},

		// Identity.
		{name: "callerid", take: func(e *E, s string) error { e.CallerID = party(s, e.CallerID.Presentation); return nil },
			def: "<unknown>", show: func(e *E) []string { return []string{partyWords(e.CallerID)} }},
		{name: "callerid_privacy", def: "allowed_not_screened", take: takePrivacy,
			show: func(e *E) []string { return []string{e.CallerIDPrivacy.String()} }},
		{name: "callerid_tag", kind: text, at: func(e *E) any { return &e.CallerIDTag }},
		{name: "from_user", take: func(e *E, s string) error {
			if strings.Contains(s, "@") {
				return errors.New("holds @; put what follows it into from_domain")
			}
			e.FromUser = s
			return nil
		}, show: func(e *E) []string { return []string{e.FromUser} }},
		{name: "from_domain", kind: text, at: func(e *E) any { return &e.FromDomain }},
		{name: "contact_user", kind: text, at: func(e *E) any { return &e.ContactUser }, showing: whenSet},
		{name: "trust_id_inbound", def: "no", kind: truth, at: func(e *E) any { return &e.TrustIDInbound }},
		{name: "trust_id_outbound", def: "no", kind: truth, at: func(e *E) any { return &e.TrustIDOutbound }},
		{name: "send_pai", def: "no", kind: truth, at: func(e *E) any { return &e.SendPAI }},
		{name: "send_rpid", def: "no", kind: truth, at: func(e *E) any { return &e.SendRPID }},
		{name: "rpid_immediate", def: "no", kind: truth, at: func(e *E) any { return &e.RPIDImmediate }},
		{name: "send_connected_line", def: "yes", kind: yesNo, at: func(e *E) any { return &e.SendConnectedLine }},
		{name: "trust_connected_line", def: "yes", kind: yesNo, at: func(e *E) any { return &e.TrustConnectedLine }},
		{name: "connected_line_method", def: "invite", kind: choice("invite|reinvite", "update"), at: func(e *E) any { return &e.ConnectedLineMethod }},
		{name: "send_diversion", def: "yes", kind: truth, at: func(e *E) any { return &e.SendDiversion }},
		{name: "send_history_info", def: "no", kind: truth, at: func(e *E) any { return &e.SendHistoryInfo }},

		// What a channel of this endpoint starts with.
		{name: "set_var", take: takeVariable, show: func(e *E) []string {
			var out []string
			for _, v := range e.SetVars {
				out = append(out, v.Name+"="+v.Value)
			}
			return out
		}},
		{name: "language", kind: text, at: func(e *E) any { return &e.Language }},
		{name: "tone_zone", kind: text, at: func(e *E) any { return &e.ToneZone }},
		{name: "accountcode", kind: text, at: func(e *E) any { return &e.AccountCode }},
		{name: "call_group", kind: groups, at: func(e *E) any { return &e.CallGroup }, standing: later},
		{name: "pickup_group", kind: groups, at: func(e *E) any { return &e.PickupGroup }, standing: later},
		{name: "named_call_group", kind: spacedList, at: func(e *E) any { return &e.NamedCallGroups }, standing: later},
		{name: "named_pickup_group", kind: spacedList, at: func(e *E) any { return &e.NamedPickupGroups }, standing: later},
		{name: "one_touch_recording", def: "no", kind: truth, at: func(e *E) any { return &e.OneTouchRecording }},
		{name: "record_on_feature", def: "automixmon", kind: text, at: func(e *E) any { return &e.RecordOn }},
		{name: "record_off_feature", def: "automixmon", kind: text, at: func(e *E) any { return &e.RecordOff }},
		{name: "tenantid", kind: text, standing: later},

		// Message waiting and presence.
		{name: "mailboxes", kind: list, at: func(e *E) any { return &e.Mailboxes }, standing: later},
		{name: "voicemail_extension", kind: text, standing: later},
		{name: "mwi_from_user", kind: text, standing: later},
		{name: "aggregate_mwi", def: "yes", kind: truth, standing: later},
		{name: "mwi_subscribe_replaces_unsolicited", def: "no", kind: yesNo, standing: later},
		{name: "incoming_mwi_mailbox", kind: text, standing: later},
		{name: "allow_subscribe", def: "yes", kind: truth, at: func(e *E) any { return &e.AllowSubscribe }, standing: later},
		{name: "sub_min_expiry", def: "0", kind: anyCount, standing: later},
		{name: "subscribe_context", kind: text, standing: later},
		{name: "notify_early_inuse_ringing", def: "no", kind: truth, standing: later},
		{name: "message_context", kind: text, at: func(e *E) any { return &e.MessageContext }},
		{name: "send_aoc", def: "no", kind: truth, standing: later},

		// Encryption, WebRTC, fax.
		{name: "media_encryption", def: "no", kind: choice("no", "sdes", "dtls"), standing: later},
		{name: "media_encryption_optimistic", def: "no", kind: truth, standing: later},
		{name: "srtp_tag_32", def: "no", kind: truth, standing: later},
		{name: "ice_support", def: "no", kind: truth, standing: later},
		{name: "webrtc", def: "no", kind: yesNo, standing: later},
		{name: "use_avpf", def: "no", kind: truth, at: func(e *E) any { return &e.UseAVPF }},
		{name: "force_avp", def: "no", kind: truth, standing: later},
		{name: "rtcp_mux", def: "no", kind: truth, standing: later},
		{name: "bundle", def: "no", kind: truth, standing: later},
		{name: "dtls_verify", def: "No", kind: choice("No", "Yes", "Fingerprint", "Certificate"), standing: later},
		{name: "dtls_rekey", def: "0", kind: anyCount, standing: later},
		{name: "dtls_auto_generate_cert", def: "no", kind: tlsYes, standing: later},
		{name: "dtls_cert_file", kind: text, standing: later},
		{name: "dtls_private_key", kind: text, standing: later},
		{name: "dtls_cipher", kind: text, standing: later},
		{name: "dtls_ca_file", kind: text, standing: later},
		{name: "dtls_ca_path", kind: text, standing: later},
		{name: "dtls_setup", def: "active", kind: choice("active", "passive", "actpass"), standing: later},
		{name: "dtls_fingerprint", def: "SHA-256", kind: choice("SHA-256", "SHA-1"), standing: later},
		{name: "g726_non_standard", def: "no", kind: truth, standing: later},
		{name: "t38_udptl", def: "no", kind: truth, standing: later},
		{name: "t38_udptl_ec", def: "none", kind: choice("none", "fec", "redundancy"), standing: later},
		{name: "t38_udptl_maxdatagram", def: "0", kind: anyCount, standing: later},
		{name: "t38_udptl_nat", def: "no", kind: truth, standing: later},
		{name: "t38_udptl_ipv6", def: "no", kind: truth, standing: later},
		{name: "t38_bind_udptl_to_media_address", def: "no", kind: truth, standing: later},
		{name: "fax_detect", def: "no", kind: truth, standing: later},
		{name: "fax_detect_timeout", def: "0", kind: anyCount, standing: later},
		{name: "stir_shaken", def: "no", kind: choice("no|off", "attest", "verify", "yes|on"), standing: ignored},
		{name: "stir_shaken_profile", kind: text, standing: ignored},
		{name: "geoloc_incoming_call_profile", kind: text, standing: ignored},
		{name: "geoloc_outgoing_call_profile", kind: text, standing: ignored},
		{name: "security_negotiation", def: "no", kind: choice("no", "mediasec"), standing: ignored},
		{name: "security_mechanisms", kind: text, showing: whenSet, standing: ignored},
	}
}

// finish checks what only the whole endpoint shows.
func (e *Endpoint) finish() error {
	switch {
	case e.TimersMinSE < 90*time.Second:
		return errors.New("timers_min_se must be 90 or more (RFC 4028 section 5)")
	case e.TimersExpires < e.TimersMinSE:
		return errors.New("timers_sess_expires must not be less than timers_min_se")
	}
	e.CallerID.Tag = e.CallerIDTag
	e.CallerID.Presentation = e.CallerIDPrivacy
	return nil
}

var dtmfWords = [...]string{"rfc4733", "inband", "info", "auto", "auto_info", "none"}

// String is the word dtmf_mode has for m.
func (m DTMFMode) String() string {
	if int(m) < len(dtmfWords) {
		return dtmfWords[m]
	}
	return "unknown"
}

func takeDTMF(e *Endpoint, s string) error {
	i := slices.IndexFunc(dtmfWords[:], func(w string) bool { return strings.EqualFold(w, s) })
	if strings.EqualFold(s, "rfc2833") { // its number before RFC 4733
		i = int(DTMFRFC4733)
	}
	if i < 0 {
		return fmt.Errorf("not a known word, want one of %s", strings.Join(dtmfWords[:], ", "))
	}
	e.DTMF = DTMFMode(i)
	return nil
}

func takePrivacy(e *Endpoint, s string) error {
	p, ok := channel.ParsePresentation(strings.ToLower(s))
	switch strings.ToLower(s) { // the long words that presentations also have
	case "prohib_not_screened", "prohib_passed_screen", "prohib_failed_screen", "prohib", "allowed", "unavailable":
		ok = true
	}
	if !ok {
		return errors.New("not a known word, want allowed_not_screened, allowed_passed_screen, allowed_failed_screen, " +
			"allowed, prohib_not_screened, prohib_passed_screen, prohib_failed_screen, prohib or unavailable")
	}
	e.CallerIDPrivacy = p
	return nil
}

func takeVariable(e *Endpoint, s string) error {
	name, value, ok := strings.Cut(s, "=")
	if name = strings.TrimSpace(name); !ok || name == "" {
		return errors.New("want NAME=value")
	}
	e.SetVars = append(e.SetVars, channel.Header{Name: name, Value: value})
	return nil
}

// party reads a caller ID as written in a file: `"Name" <number>`, `Name
// <number>`, `<number>`, a bare number, or a bare name.
func party(s string, p channel.Presentation) channel.Party {
	out := channel.Party{Presentation: p}
	name, number, found := strings.Cut(s, "<")
	if found {
		out.Number, _, _ = strings.Cut(number, ">")
		out.Number = strings.TrimSpace(out.Number)
	} else if isNumber(strings.TrimSpace(s)) {
		name, out.Number = "", strings.TrimSpace(s)
	}
	out.Name = strings.Trim(strings.TrimSpace(name), `"`)
	return out
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789+*#") == ""
}

func partyWords(p channel.Party) string {
	switch {
	case p.Name != "" && p.Number != "":
		return strconv.Quote(p.Name) + " <" + p.Number + ">"
	case p.Name != "":
		return p.Name
	case p.Number != "":
		return "<" + p.Number + ">"
	}
	return "<unknown>"
}

// Codecs that Asterisk knows by name and we do not carry. To name one is not
// a mistake in the file.
var foreignCodecs = strings.Fields("amr amrwb codec2 g723 g726aal2 adpcm slin slin12 slin16 slin24 slin32 slin44 slin48 slin96 slin192 " +
	"lpc10 speex16 speex32 siren7 siren14 g719 jpeg png h265 mpeg vp9 red t140 t140red t38 silk silk8 silk12 silk16 silk24 testlaw evs lc3")

// takeCodecs applies one allow or disallow line to the list so far. A name
// with ! in front does the opposite for itself; `name:ms` sets its packet time.
func (e *Endpoint) takeCodecs(s string, allow bool) error {
	names := commaList(s)
	if len(names) == 0 {
		return errors.New("names no codec")
	}
	var foreign []string
	for _, name := range names {
		name, negated := strings.CutPrefix(name, "!")
		name, ms, timed := strings.Cut(strings.TrimSpace(name), ":")
		add := allow != negated
		if strings.EqualFold(name, "all") {
			// A new slice: e is a copy of the table's prototype.
			e.Codecs, e.PacketTimes = nil, nil
			if add {
				e.Codecs = slices.Clone(media.Codecs)
			}
			continue
		}
		c := media.CodecNamed(name)
		if c == nil {
			if !slices.ContainsFunc(foreignCodecs, func(f string) bool { return strings.EqualFold(f, name) }) {
				return fmt.Errorf("there is no codec %q", name)
			}
			if add {
				foreign = append(foreign, name)
			}
			continue
		}
		at := slices.Index(e.Codecs, c)
		switch {
		case !add && at >= 0:
			e.Codecs = slices.Delete(slices.Clone(e.Codecs), at, at+1)
			delete(e.PacketTimes, c)
		case add && at < 0:
			e.Codecs = append(slices.Clip(e.Codecs), c)
		}
		if add && timed {
			n, err := strconv.Atoi(ms)
			if err != nil || n < 10 || n > 300 {
				return fmt.Errorf("packet time %q, want milliseconds from 10 to 300", ms)
			}
			if e.PacketTimes == nil {
				e.PacketTimes = map[*media.Codec]time.Duration{}
			}
			e.PacketTimes[c] = time.Duration(n) * time.Millisecond
		}
	}
	if foreign != nil {
		return doubt("this exchange does not carry " + strings.Join(foreign, ", ") + "; left out")
	}
	return nil
}

func codecWords(list []*media.Codec) string {
	if len(list) == 0 {
		return "(nothing)"
	}
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = c.Name
	}
	return "(" + strings.Join(names, "|") + ")"
}

// Limit is the number of calls device_state_busy_at lets an endpoint have, as
// `pjsip show endpoints` prints it.
func (e *Endpoint) Limit() string {
	if e.DeviceStateBusyAt <= 0 || e.DeviceStateBusyAt == math.MaxInt32 {
		return "inf"
	}
	return strconv.Itoa(e.DeviceStateBusyAt)
}
