package door

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/transports"
)

// Exten is the extension a Request-URI asks for; false if it is no URI we serve.
func Exten(w *transports.World, u *sip.Uri) (string, bool) {
	var user string
	switch u.Scheme {
	case "sip", "sips", "":
		user = u.User
	case "tel":
		user = u.Raw()
	default:
		return "", false
	}
	if u.Scheme == "tel" || w.Settings.Global.IgnoreURIUserOptions {
		user, _, _ = strings.Cut(user, ";")
	}
	return Unescape(user), true
}

// Unescape undoes RFC 3261 19.1.2 escapes; a broken one stays as it is.
func Unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if c := hi<<4 | lo; hi >= 0 && lo >= 0 && c >= ' ' && c != 0x7f {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
