package objects

import (
	"fmt"
	"slices"
	"strings"

	"branchline/pbx/check/survey"
	"branchline/pbx/settings"
)

// common are passwords that guessing programs try first.
var common = strings.Fields("password passwd secret changeme default asterisk admin administrator root test guest phone sip voip " +
	"letmein welcome qwerty abc123 password1 passw0rd iloveyou p@ssw0rd")

// weak tells why a password is soon guessed, "" if it is not.
func weak(password, username string) string {
	low := strings.ToLower(password)
	switch {
	case password == "":
		return ""
	case low == strings.ToLower(username):
		return "is the user name"
	case slices.Contains(common, low):
		return "is one of the first that are tried"
	case strings.Count(password, password[:1]) == len(password):
		return "is one character repeated"
	case strings.Contains("012345678901234567890", password), strings.Contains("98765432109876543210", password),
		strings.Contains("abcdefghijklmnopqrstuvwxyz", low):
		return "is a plain sequence"
	case len(password) < 8:
		return "is shorter than 8 characters"
	case len(password) < 12 && strings.Trim(password, "0123456789") == "":
		return "is a short number"
	}
	return ""
}

// secrets reports passwords that protect little.
func secrets(x *survey.Survey) {
	byPassword := map[string][]*settings.Auth{}
	for _, a := range auths(x) {
		if a.Password == "" {
			continue
		}
		byPassword[a.Password] = append(byPassword[a.Password], a)
		if why := weak(a.Password, a.Username); why != "" {
			x.Warn(a.At("password"), "weak-secret", fmt.Sprintf("auth [%s]: the password %s", a.ID, why),
				"whoever guesses it can call as "+survey.Sentence(usersOf(x, a), 3), "write a long random one, here and in the phone")
		}
	}
	for _, a := range auths(x) {
		same := byPassword[a.Password]
		if len(same) > 1 && same[1] == a {
			names := make([]string, len(same))
			for i, s := range same {
				names[i] = s.ID
			}
			x.Warn(a.At("password"), "shared-secret", fmt.Sprintf("auth [%s] has the same password as [%s]", a.ID, same[0].ID),
				"one phone that gives it away opens "+survey.Sentence(names, 4), "give each its own")
		}
	}
}

// auths are the credentials in the order of the file; those of sip.conf, whose
// lines hold a secret in place of a section, have rules of their own.
func auths(x *survey.Survey) []*settings.Auth {
	var out []*settings.Auth
	for _, a := range x.Snap.Auths {
		if a.Section() == nil {
			continue
		}
		if kind, _ := a.Section().Get("type"); kind == "auth" { // of several the last
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b *settings.Auth) int {
		if n := strings.Compare(a.Pos.File, b.Pos.File); n != 0 {
			return n
		}
		return a.Pos.Line - b.Pos.Line
	})
	return out
}

func usersOf(x *survey.Survey, a *settings.Auth) []string {
	if u := x.Users[a.ID]; len(u) > 0 {
		return u
	}
	return []string{a.Username}
}

// usernames reports credentials that carry another phone's name.
func usernames(x *survey.Survey) {
	for _, a := range auths(x) {
		users := x.Users[a.ID]
		if len(users) != 1 || users[0] == a.Username {
			continue
		}
		e := x.Snap.Endpoints[users[0]]
		if e == nil || !x.Phone(e) {
			continue // a provider gives the name it likes
		}
		effect := fmt.Sprintf("a phone that logs in as %s is refused, one that logs in as %s calls as %s", e.ID, a.Username, e.ID)
		if len(e.Auths) == 0 {
			effect = fmt.Sprintf("if the phone asks us who we are, we say %s; once %s has auth=%s, a phone that logs in as %s is refused", a.Username, e.ID, a.ID, e.ID)
		}
		d := x.Warn(a.At("username"), "auth-username", fmt.Sprintf("auth [%s] has username=%s, but belongs to endpoint [%s]", a.ID, a.Username, e.ID), effect, "write username="+e.ID)
		d.Replace(a.Username, e.ID, false)
	}
}

// permits reports access lists that permit and deny nothing, and so let
// everybody in.
func permits(x *survey.Survey) {
	look := func(o *settings.Object, what string, rules []settings.Rule, option string) {
		if len(rules) > 0 && !slices.ContainsFunc(rules, func(r settings.Rule) bool { return !r.Permit }) {
			d := x.Warn(o.At(option), "permit-without-deny", fmt.Sprintf("%s [%s] has %s= but no %s=", what, o.ID, option, strings.Replace(option, "permit", "deny", 1)),
				"everybody is let in, as without the list", "add "+strings.Replace(option, "permit", "deny", 1)+"=0.0.0.0/0 above it")
			deny := strings.Replace(option, "permit", "deny", 1)
			d.Insert(o.Pos, deny+"=0.0.0.0/0")
		}
	}
	for _, e := range x.Ordered {
		look(&e.Object, "endpoint", e.ACL, "permit")
		look(&e.Object, "endpoint", e.ContactACL, "contact_permit")
	}
	for _, a := range x.Snap.ACLs {
		look(&a.Object, "acl", a.Rules, "permit")
		look(&a.Object, "acl", a.ContactRules, "contact_permit")
	}
}
