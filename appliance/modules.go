package appliance

import "branchline/pbx/console/system"

// modules lists what the product can do under the names Asterisk's modules
// have, for scripts that look for them. A name stands here only if the feature
// behind it works.
func (d *daemon) modules() []system.Module {
	calls := func() int { n, _ := d.exchange.Counts(); return n }
	const (
		core  = "core"
		pjsip = "pjsip"
	)
	return []system.Module{
		{Name: "app_db.so", Description: "Database access from the dialplan", Support: core},
		{Name: "app_dial.so", Description: "Dialing", Support: core},
		{Name: "app_echo.so", Description: "Echo", Support: core},
		{Name: "app_milliwatt.so", Description: "Test tone", Support: core},
		{Name: "app_playback.so", Description: "Playing prompts", Support: core},
		{Name: "app_read.so", Description: "Reading digits", Support: core},
		{Name: "app_stack.so", Description: "Dialplan subroutines", Support: core},
		{Name: "app_verbose.so", Description: "Verbose and Log", Support: core},
		{Name: "app_while.so", Description: "Loops in the dialplan", Support: core},
		{Name: "bridge_builtin_features.so", Description: "Feature codes in a call", Support: core},
		{Name: "bridge_simple.so", Description: "Two channels talking", Support: core},
		{Name: "chan_dahdi.so", Description: "Telephone lines of cards", Support: core, Part: "dahdi", Uses: func() int { return d.callsOver("dahdi") }},
		{Name: "chan_pjsip.so", Description: "SIP channels", Support: core, Part: pjsip, Uses: d.agent.Sessions},
		{Name: "chan_quectel.so", Description: "Telephone lines of cellular modules", Support: core, Part: "quectel", Uses: func() int { return d.callsOver("cell") }},
		{Name: "chan_sip.so", Description: "SIP channels of sip.conf", Support: core, Part: "sip", Uses: func() int { return len(d.agent.DeviceChannels("")) }},
		{Name: "codec_alaw.so", Description: "A-law to u-law", Support: core},
		{Name: "codec_ulaw.so", Description: "u-law to A-law", Support: core},
		{Name: "func_callerid.so", Description: "Caller and connected line", Support: core},
		{Name: "func_channel.so", Description: "Facts about a channel", Support: core},
		{Name: "func_db.so", Description: "Database values", Support: core},
		{Name: "func_logic.so", Description: "Conditions", Support: core},
		{Name: "func_math.so", Description: "Arithmetic", Support: core},
		{Name: "func_strings.so", Description: "Text", Support: core},
		{Name: "pbx_config.so", Description: "Dialplan from extensions.conf", Support: core, Part: "dialplan", Uses: calls},
		{Name: "res_pjsip.so", Description: "SIP transports, endpoints and addresses", Support: core, Part: pjsip},
		{Name: "res_pjsip_authenticator_digest.so", Description: "Digest authentication of phones", Support: core, Part: pjsip},
		{Name: "res_pjsip_endpoint_identifier_anonymous.so", Description: "Endpoint for unknown callers", Support: core, Part: pjsip},
		{Name: "res_pjsip_endpoint_identifier_ip.so", Description: "Endpoints by address or header", Support: core, Part: pjsip},
		{Name: "res_pjsip_endpoint_identifier_user.so", Description: "Endpoints by user name", Support: core, Part: pjsip},
		{Name: "res_pjsip_logger.so", Description: "SIP message traces", Support: core},
		{Name: "res_pjsip_outbound_authenticator_digest.so", Description: "Digest towards others", Support: core, Part: pjsip},
		{Name: "res_pjsip_outbound_registration.so", Description: "Registering with providers", Support: core, Part: pjsip, Uses: func() int { return len(d.outbound.Statuses()) }},
		{Name: "res_pjsip_registrar.so", Description: "Where phones are", Support: core, Part: pjsip},
		{Name: "res_pjsip_sdp_rtp.so", Description: "Negotiating speech", Support: core},
		{Name: "res_pjsip_session.so", Description: "SIP calls", Support: core, Uses: d.agent.Sessions},
		{Name: "res_rtp_asterisk.so", Description: "RTP ports and relaying", Support: core, Part: "rtp"},
	}
}
