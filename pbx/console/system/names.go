package system

import (
	"errors"

	"branchline/pbx/cli"
)

// AddNames gives the tree the short names Asterisk's default cli_aliases.conf
// has, and the command families that people coming from Asterisk will try and
// that this product does not have: they get the reason instead of "No such
// command". A family counts as absent only as long as no command of it exists.
func AddNames(tree *cli.Tree) error {
	var errs []error
	for _, a := range [...][2]string{
		{"reload", "module reload"},
		{"help", "core show help"},
		{"originate", "channel originate"},
		{"hangup request", "channel request hangup"},
		{"pjsip reload", "module reload res_pjsip.so res_pjsip_authenticator_digest.so res_pjsip_endpoint_identifier_ip.so res_pjsip_outbound_registration.so"},
	} {
		errs = append(errs, tree.Alias(a[0], a[1]))
	}
	for why, families := range map[string][]string{
		"it starts no programs":                                  {"!"},
		"other trunk protocols are not spoken, only SIP":         {"iax2", "dundi", "mgcp", "skinny", "sccp", "unistim", "h323", "ooh323", "jingle", "xmpp", "jabber"},
		"telephone lines have their own family, 'line'":          {"pri", "ss7", "mfcr2", "dahdi"},
		"AEL and Lua dialplans are not read, extensions.conf is": {"ael", "lua"},
		"programs are not started from the dialplan":             {"agi"},
		"there is no such interface":                             {"ari", "aeap", "stasis", "phoneprov", "prometheus", "statsd", "minivm", "calendar", "fax", "http"},
		"configuration comes from files only":                    {"realtime", "odbc", "sorcery", "config mappings"},
		"it shows the inside of another program": {"malloc", "pjproject", "xmldoc", "test", "timing", "ulimit", "core clear profile", "core show profile",
			"core ping taskprocessor", "core reset taskprocessor", "core reset taskprocessors", "core show taskprocessor", "core show taskprocessors",
			"core set trace", "core show threads", "pjsip dump endpt", "dialplan debug", "dialplan locks", "dialplan set extenpatternmatchnew"},
		"configuration is written in files, by hand":                        {"pjsip export config_wizard primitives", "dialplan add", "dialplan remove", "dialplan save", "indication add", "indication remove"},
		"the database is no SQL database":                                   {"database query"},
		"there is no such feature":                                          {"aoc", "cc", "cel", "dnsmgr", "geoloc", "stir_shaken", "stun", "udptl", "keys", "sla", "agent", "media", "no", "file", "pjsip set maintenance", "pjsip show maintenance"},
		"the manager interface (AMI) is not there":                          {"manager"},
		"this release has no queues, parking, conferences or voicemail":     {"queue", "parking", "confbridge", "voicemail"},
		"recordings are begun by the dialplan and by the parties of a call": {"mixmonitor"},
	} {
		for _, f := range families {
			tree.Refuse(f, why)
		}
	}
	return errors.Join(errs...)
}
