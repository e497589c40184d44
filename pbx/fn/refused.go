package fn

// Refused names the functions of Asterisk that are known here but not offered,
// each with the reason a user is given.
func Refused() map[string]string {
	const (
		program  = "the exchange starts no programs"
		files    = "a dialplan may not touch the file system"
		outbound = "a call path makes no requests to other servers"
		database = "there are no external databases; DB() is the store"
		later    = "it is not part of this version"
	)
	refused := map[string]string{}
	for why, names := range map[string][]string{
		program:  {"SHELL", "SYSINFO"},
		files:    {"FILE", "FILE_COUNT_LINE", "FILE_FORMAT", "STAT", "AST_CONFIG", "AST_SORCERY"},
		outbound: {"CURL", "CURLOPT", "ENUMLOOKUP", "ENUMQUERY", "ENUMRESULT", "TXTCIDNAME", "SRVQUERY", "SRVRESULT", "DUNDILOOKUP", "DUNDIQUERY", "DUNDIRESULT"},
		database: {"REALTIME", "REALTIME_FIELD", "REALTIME_HASH", "REALTIME_STORE", "REALTIME_DESTROY", "ODBC", "SQL_ESC", "SQL_ESC_BACKSLASHES"},
		later: {
			"VOLUME", "DENOISE", "AGC", "PITCH_SHIFT", "JITTERBUFFER", "TALK_DETECT", "PERIODIC_HOOK", "FRAME_TRACE", "FRAME_DROP", "SCRAMBLE",
			"QUEUE_MEMBER", "QUEUE_MEMBER_COUNT", "QUEUE_MEMBER_LIST", "QUEUE_MEMBER_PENALTY", "QUEUE_WAITING_COUNT", "QUEUE_EXISTS", "QUEUE_VARIABLES",
			"VM_INFO", "VMCOUNT", "MAILBOX_EXISTS", "CONFBRIDGE", "CONFBRIDGE_INFO", "CONFBRIDGE_CHANNELS", "MEETME_INFO", "MINIVMACCOUNT", "MINIVMCOUNTER",
			"PJSIP_DTMF_MODE", "PJSIP_MOH_PASSTHROUGH", "PJSIP_MEDIA_OFFER", "PJSIP_SEND_SESSION_REFRESH", "PJSIP_TRANSFER_HANDLING",
			"PJSIP_RESPONSE_HEADER", "PJSIP_RESPONSE_HEADERS", "PJSIP_HEADER_PARAM", "PJSIP_CHANNEL", "SIPPEER", "SIPCHANINFO", "CHECKSIPDOMAIN",
			"SHARED", "IMPORT", "EXPORT", "LOCK", "TRYLOCK", "UNLOCK", "PRESENCE_STATE", "FEATURE", "FEATUREMAP", "DIALGROUP", "ICONV", "JSON_DECODE",
			"FAXOPT", "CDR_PROP", "AES_ENCRYPT", "AES_DECRYPT", "AGENT", "SMDI_MSG", "SMDI_MSG_RETRIEVE", "JABBER_RECEIVE", "JABBER_STATUS",
			"CALENDAR_BUSY", "CALENDAR_EVENT", "CALENDAR_QUERY", "CALENDAR_QUERY_RESULT", "CALENDAR_WRITE", "SPEECH", "SPEECH_ENGINE", "SPEECH_GRAMMAR", "SPEECH_SCORE", "SPEECH_TEXT",
			"IAXPEER", "IAXVAR", "DAHDI_CHANNEL", "POLARITY", "STIR_SHAKEN", "STRBETWEEN", "AUDIOHOOK_INHERIT", "CALLCOMPLETION", "MUTEAUDIO", "HOLD_INTERCEPT",
		},
	} {
		for _, n := range names {
			refused[n] = why
		}
	}
	return refused
}
