package pjsipconf

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/settings/option"
)

const codecPrefs = "prefer:pending, operation:intersect, keep:all, transcode:allow"

// endpointOptions is every option of type=endpoint with Asterisk 22's default.
func endpointOptions() []option.Row[settings.Endpoint] {
	type E = settings.Endpoint
	return []option.Row[E]{
		// Where calls go, and whom we believe.
		{Name: "context", Default: "default", Kind: option.Text, At: func(e *E) any { return &e.Context }},
		{Name: "transport", Kind: option.Text, At: func(e *E) any { return &e.Transport }},
		{Name: "aors", Kind: option.VerbatimList, At: func(e *E) any { return &e.AORs }},
		{Name: "auth", Kind: option.List, At: func(e *E) any { return &e.Auths }},
		{Name: "outbound_auth", Kind: option.List, At: func(e *E) any { return &e.OutboundAuths }},
		{Name: "identify_by", Default: "username,ip", At: func(e *E) any { return &e.IdentifyBy },
			Kind: option.WordList("username", "ip", "auth_username", "header", "request_uri", "transport")},
		{Name: "acl", Take: func(*E, string) error { return option.Doubt("acl.conf is not read; write permit and deny here") },
			Show: func(e *E) []string { return ruleWords(e.ACL) }},
		{Name: "permit", Showing: option.Never, Under: "acl", Take: func(e *E, s string) error { return settings.TakeRules(&e.ACL, true, s) }},
		{Name: "deny", Showing: option.Never, Under: "acl", Take: func(e *E, s string) error { return settings.TakeRules(&e.ACL, false, s) }},
		{Name: "contact_acl", Take: func(*E, string) error {
			return option.Doubt("acl.conf is not read; write contact_permit and contact_deny here")
		}, Show: func(e *E) []string { return ruleWords(e.ContactACL) }},
		{Name: "contact_permit", Showing: option.Never, Under: "contact_acl", Take: func(e *E, s string) error { return settings.TakeRules(&e.ContactACL, true, s) }},
		{Name: "contact_deny", Showing: option.Never, Under: "contact_acl", Take: func(e *E, s string) error { return settings.TakeRules(&e.ContactACL, false, s) }},
		{Name: "allow_unauthenticated_options", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.AllowUnauthenticatedOptions }},

		// Media.
		{Name: "allow", Default: "(nothing)", Take: func(e *E, s string) error { return e.TakeCodecs(s, true) }, Show: func(e *E) []string { return []string{settings.CodecWords(e.Codecs)} }},
		{Name: "disallow", Showing: option.Never, Under: "allow", Take: func(e *E, s string) error { return e.TakeCodecs(s, false) }},
		{Name: "dtmf_mode", Default: "rfc4733", Take: settings.TakeDTMF, Show: func(e *E) []string { return []string{e.DTMF.String()} }},
		{Name: "direct_media", Default: "yes", Kind: option.Truth, At: func(e *E) any { return &e.DirectMedia }},
		{Name: "direct_media_method", Default: "invite", Kind: option.Choice("invite|reinvite", "update"), Standing: option.Later},
		{Name: "direct_media_glare_mitigation", Default: "none", Kind: option.Choice("none", "outgoing", "incoming"), Standing: option.Later},
		{Name: "disable_direct_media_on_nat", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.DisableDirectMediaOnNAT }},
		{Name: "rtp_symmetric", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.RTPSymmetric }},
		{Name: "rtp_timeout", Default: "0", Kind: option.AnyCount, At: func(e *E) any { return &e.RTPTimeout }},
		{Name: "rtp_timeout_hold", Default: "0", Kind: option.AnyCount, At: func(e *E) any { return &e.RTPTimeoutHold }},
		{Name: "rtp_keepalive", Default: "0", Kind: option.AnyCount, At: func(e *E) any { return &e.RTPKeepalive }, Standing: option.Later},
		{Name: "rtp_port_start", Default: "0", Kind: option.Count(0, 65535), Standing: option.Later},
		{Name: "rtp_port_end", Default: "0", Kind: option.Count(0, 65535), Standing: option.Later},
		{Name: "rtp_ipv6", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.RTPIPv6 }, Standing: option.Later},
		{Name: "rtp_engine", Default: "asterisk", Kind: option.Text, Standing: option.Ignored},
		{Name: "media_address", Kind: option.Text, At: func(e *E) any { return &e.MediaAddress }},
		{Name: "bind_rtp_to_media_address", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.BindRTPToMediaAddress }},
		{Name: "media_use_received_transport", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "inband_progress", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.InbandProgress }},
		{Name: "tos_audio", Default: "0", Kind: option.TOS, At: func(e *E) any { return &e.TOSAudio }, Standing: option.Later},
		{Name: "tos_video", Default: "0", Kind: option.TOS, Standing: option.Later},
		{Name: "cos_audio", Default: "0", Kind: option.Count(0, 7), Standing: option.Later},
		{Name: "cos_video", Default: "0", Kind: option.Count(0, 7), Standing: option.Later},
		{Name: "preferred_codec_only", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.PreferredCodecOnly }},
		{Name: "asymmetric_rtp_codec", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "use_ptime", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.UsePtime }},
		{Name: "incoming_call_offer_pref", Default: "local", At: func(e *E) any { return &e.IncomingOfferPref },
			Kind: option.Choice("local", "local_first", "remote", "remote_first")},
		{Name: "outgoing_call_offer_pref", Default: "remote_merge", Standing: option.Later,
			Kind: option.Choice("local", "local_merge", "local_first", "remote", "remote_merge", "remote_first")},
		{Name: "codec_prefs_incoming_offer", Default: codecPrefs, Kind: option.Text, Standing: option.Later},
		{Name: "codec_prefs_outgoing_offer", Default: strings.Replace(codecPrefs, "intersect", "union", 1), Kind: option.Text, Standing: option.Later},
		{Name: "codec_prefs_incoming_answer", Default: codecPrefs, Kind: option.Text, Standing: option.Later},
		{Name: "codec_prefs_outgoing_answer", Default: codecPrefs, Kind: option.Text, Standing: option.Later},
		{Name: "max_audio_streams", Default: "1", Kind: option.Count(0, 64), At: func(e *E) any { return &e.MaxAudioStreams }, Standing: option.Later},
		{Name: "max_video_streams", Default: "1", Kind: option.Count(0, 64), At: func(e *E) any { return &e.MaxVideoStreams }, Standing: option.Later},
		{Name: "sdp_owner", Default: "-", Kind: option.Text, At: func(e *E) any { return &e.SDPOwner }},
		{Name: "sdp_session", Default: "Asterisk", Kind: option.Text, At: func(e *E) any { return &e.SDPSession }},
		{Name: "follow_early_media_fork", Default: "yes", Kind: option.Truth, At: func(e *E) any { return &e.FollowEarlyMediaFork }},
		{Name: "accept_multiple_sdp_answers", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "ignore_183_without_sdp", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.Ignore183WithoutSDP }},
		{Name: "suppress_moh_on_sendonly", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "moh_passthrough", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "moh_suggest", Default: "default", Kind: option.Text, At: func(e *E) any { return &e.MOHSuggest }},

		// Signalling towards the endpoint.
		{Name: "force_rport", Default: "yes", Kind: option.Truth, At: func(e *E) any { return &e.ForceRport }},
		{Name: "rewrite_contact", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.RewriteContact }},
		{Name: "outbound_proxy", Kind: option.SIPURI, At: func(e *E) any { return &e.OutboundProxy }},
		{Name: "100rel", Default: "yes", Kind: option.Choice("no", "yes", "peer_supported", "required"), At: func(e *E) any { return &e.Rel100 }},
		{Name: "timers", Default: "yes", Kind: option.Choice("no", "yes", "required", "always|forced"), At: func(e *E) any { return &e.Timers }},
		{Name: "timers_min_se", Default: "90", Kind: option.AnyCount, At: func(e *E) any { return &e.TimersMinSE }},
		{Name: "timers_sess_expires", Default: "1800", Kind: option.AnyCount, At: func(e *E) any { return &e.TimersExpires }},
		{Name: "redirect_method", Default: "user", Kind: option.Choice("user", "uri_core", "uri_pjsip"), At: func(e *E) any { return &e.RedirectMethod }},
		{Name: "follow_redirect_methods", Kind: option.Text, Standing: option.Later},
		{Name: "allow_overlap", Default: "yes", Kind: option.Truth, At: func(e *E) any { return &e.AllowOverlap }},
		{Name: "overlap_context", Kind: option.Text, At: func(e *E) any { return &e.OverlapContext }, Standing: option.Later},
		{Name: "allow_transfer", Default: "yes", Kind: option.Truth, At: func(e *E) any { return &e.AllowTransfer }},
		{Name: "refer_blind_progress", Default: "yes", Kind: option.Truth, Standing: option.Later},
		{Name: "suppress_q850_reason_headers", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.SuppressQ850 }},
		{Name: "user_eq_phone", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.UserEqPhone }},
		{Name: "device_state_busy_at", Default: "0", Kind: option.AnyCount, At: func(e *E) any { return &e.DeviceStateBusyAt }},

		// Identity.
		{Name: "callerid", Take: func(e *E, s string) error { e.CallerID = settings.ParseParty(s, e.CallerID.Presentation); return nil },
			Default: "<unknown>", Show: func(e *E) []string { return []string{partyWords(e.CallerID)} }},
		{Name: "callerid_privacy", Default: "allowed_not_screened", Take: settings.TakePrivacy,
			Show: func(e *E) []string { return []string{e.CallerIDPrivacy.String()} }},
		{Name: "callerid_tag", Kind: option.Text, At: func(e *E) any { return &e.CallerIDTag }},
		{Name: "from_user", Take: func(e *E, s string) error {
			if strings.Contains(s, "@") {
				return errors.New("holds @; put what follows it into from_domain")
			}
			e.FromUser = s
			return nil
		}, Show: func(e *E) []string { return []string{e.FromUser} }},
		{Name: "from_domain", Kind: option.Text, At: func(e *E) any { return &e.FromDomain }},
		{Name: "contact_user", Kind: option.Text, At: func(e *E) any { return &e.ContactUser }, Showing: option.WhenSet},
		{Name: "trust_id_inbound", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.TrustIDInbound }},
		{Name: "trust_id_outbound", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.TrustIDOutbound }},
		{Name: "send_pai", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.SendPAI }},
		{Name: "send_rpid", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.SendRPID }},
		{Name: "rpid_immediate", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.RPIDImmediate }},
		{Name: "send_connected_line", Default: "yes", Kind: option.YesNo, At: func(e *E) any { return &e.SendConnectedLine }},
		{Name: "trust_connected_line", Default: "yes", Kind: option.YesNo, At: func(e *E) any { return &e.TrustConnectedLine }},
		{Name: "connected_line_method", Default: "invite", Kind: option.Choice("invite|reinvite", "update"), At: func(e *E) any { return &e.ConnectedLineMethod }},
		{Name: "send_diversion", Default: "yes", Kind: option.Truth, At: func(e *E) any { return &e.SendDiversion }},
		{Name: "send_history_info", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.SendHistoryInfo }},

		// What a channel of this endpoint starts with.
		{Name: "set_var", Take: settings.TakeVariable, Show: func(e *E) []string {
			var out []string
			for _, v := range e.SetVars {
				out = append(out, v.Name+"="+v.Value)
			}
			return out
		}},
		{Name: "language", Kind: option.Text, At: func(e *E) any { return &e.Language }},
		{Name: "tone_zone", Kind: option.Text, At: func(e *E) any { return &e.ToneZone }},
		{Name: "accountcode", Kind: option.Text, At: func(e *E) any { return &e.AccountCode }},
		{Name: "call_group", Kind: option.Groups, At: func(e *E) any { return &e.CallGroup }, Standing: option.Later},
		{Name: "pickup_group", Kind: option.Groups, At: func(e *E) any { return &e.PickupGroup }, Standing: option.Later},
		{Name: "named_call_group", Kind: option.SpacedList, At: func(e *E) any { return &e.NamedCallGroups }, Standing: option.Later},
		{Name: "named_pickup_group", Kind: option.SpacedList, At: func(e *E) any { return &e.NamedPickupGroups }, Standing: option.Later},
		{Name: "one_touch_recording", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.OneTouchRecording }},
		{Name: "record_on_feature", Default: "automixmon", Kind: option.Text, At: func(e *E) any { return &e.RecordOn }},
		{Name: "record_off_feature", Default: "automixmon", Kind: option.Text, At: func(e *E) any { return &e.RecordOff }},
		{Name: "tenantid", Kind: option.Text, Standing: option.Later},

		// Message waiting and presence.
		{Name: "mailboxes", Kind: option.List, At: func(e *E) any { return &e.Mailboxes }},
		{Name: "voicemail_extension", Kind: option.Text, At: func(e *E) any { return &e.VoicemailExtension }},
		{Name: "mwi_from_user", Kind: option.Text, At: func(e *E) any { return &e.MWIFromUser }},
		{Name: "aggregate_mwi", Default: "yes", Kind: option.Truth, At: func(e *E) any { return &e.AggregateMWI }},
		{Name: "mwi_subscribe_replaces_unsolicited", Default: "no", Kind: option.YesNo, At: func(e *E) any { return &e.MWISubscribeReplaces }},
		{Name: "incoming_mwi_mailbox", Kind: option.Text, At: func(e *E) any { return &e.IncomingMailbox }},
		{Name: "allow_subscribe", Default: "yes", Kind: option.Truth, At: func(e *E) any { return &e.AllowSubscribe }},
		{Name: "sub_min_expiry", Default: "0", Kind: option.AnyCount, At: func(e *E) any { return &e.SubMinExpiry }},
		{Name: "subscribe_context", Kind: option.Text, At: func(e *E) any { return &e.SubscribeContext }},
		{Name: "notify_early_inuse_ringing", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.EarlyInUseRinging }},
		{Name: "message_context", Kind: option.Text, At: func(e *E) any { return &e.MessageContext }},
		{Name: "send_aoc", Default: "no", Kind: option.Truth, Standing: option.Later},

		// Encryption, WebRTC, fax.
		{Name: "media_encryption", Default: "no", Kind: option.Choice("no", "sdes", "dtls"), Standing: option.Later},
		{Name: "media_encryption_optimistic", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "srtp_tag_32", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "ice_support", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "webrtc", Default: "no", Kind: option.YesNo, Standing: option.Later},
		{Name: "use_avpf", Default: "no", Kind: option.Truth, At: func(e *E) any { return &e.UseAVPF }},
		{Name: "force_avp", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "rtcp_mux", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "bundle", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "dtls_verify", Default: "No", Kind: option.Choice("No", "Yes", "Fingerprint", "Certificate"), Standing: option.Later},
		{Name: "dtls_rekey", Default: "0", Kind: option.AnyCount, Standing: option.Later},
		{Name: "dtls_auto_generate_cert", Default: "no", Kind: option.TLSYes, Standing: option.Later},
		{Name: "dtls_cert_file", Kind: option.Text, Standing: option.Later},
		{Name: "dtls_private_key", Kind: option.Text, Standing: option.Later},
		{Name: "dtls_cipher", Kind: option.Text, Standing: option.Later},
		{Name: "dtls_ca_file", Kind: option.Text, Standing: option.Later},
		{Name: "dtls_ca_path", Kind: option.Text, Standing: option.Later},
		{Name: "dtls_setup", Default: "active", Kind: option.Choice("active", "passive", "actpass"), Standing: option.Later},
		{Name: "dtls_fingerprint", Default: "SHA-256", Kind: option.Choice("SHA-256", "SHA-1"), Standing: option.Later},
		{Name: "g726_non_standard", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "t38_udptl", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "t38_udptl_ec", Default: "none", Kind: option.Choice("none", "fec", "redundancy"), Standing: option.Later},
		{Name: "t38_udptl_maxdatagram", Default: "0", Kind: option.AnyCount, Standing: option.Later},
		{Name: "t38_udptl_nat", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "t38_udptl_ipv6", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "t38_bind_udptl_to_media_address", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "fax_detect", Default: "no", Kind: option.Truth, Standing: option.Later},
		{Name: "fax_detect_timeout", Default: "0", Kind: option.AnyCount, Standing: option.Later},
		{Name: "stir_shaken", Default: "no", Kind: option.Choice("no|off", "attest", "verify", "yes|on"), Standing: option.Ignored},
		{Name: "stir_shaken_profile", Kind: option.Text, Standing: option.Ignored},
		{Name: "geoloc_incoming_call_profile", Kind: option.Text, Standing: option.Ignored},
		{Name: "geoloc_outgoing_call_profile", Kind: option.Text, Standing: option.Ignored},
		{Name: "security_negotiation", Default: "no", Kind: option.Choice("no", "mediasec"), Standing: option.Ignored},
		{Name: "security_mechanisms", Kind: option.Text, Showing: option.WhenSet, Standing: option.Ignored},
	}
}

// DefaultEndpoint is an endpoint of which nothing is said.
func DefaultEndpoint() settings.Endpoint { return option.NewTable("endpoint", endpointOptions()).Proto }

// finish checks what only the whole endpoint shows.
func finishEndpoint(e *settings.Endpoint) error {
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
