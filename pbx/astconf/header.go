package astconf

import (
	"fmt"
	"regexp"
	"strings"
)

const maxSectionName = 79 // bytes; what is longer is cut

// header reads `[name]` or `[name](options)`.
func (r *reading) header(at Pos, s string) error {
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return r.fail(at, "bad-header", fmt.Sprintf("no ] in %q; the file cannot be used", clip(s)), "write [name]")
	}
	name, rest := s[1:end], s[end+1:]
	if len(name) > maxSectionName {
		r.warn(at, "long-name", fmt.Sprintf("section name is longer than %d bytes and is cut to %q", maxSectionName, name[:maxSectionName]), "use a shorter name")
		name = name[:maxSectionName]
	}
	options := ""
	if strings.HasPrefix(rest, "(") {
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return r.fail(at, "bad-header", fmt.Sprintf("no ) in %q; the file cannot be used", clip(s)), "write [name](options)")
		}
		options = rest[1:end]
	} else if strings.HasPrefix(trimText(rest), "(") {
		r.warn(at, "detached-options", fmt.Sprintf("[%s] is separated from its options by a space, so they are ignored", name),
			fmt.Sprintf("write [%s]%s", name, trimText(rest)))
	} else if trimText(rest) != "" {
		r.warn(at, "after-header", fmt.Sprintf("text after [%s] is ignored: %q", name, clip(trimText(rest))), "put it on a line of its own, or after ;")
	}
	return r.begin(at, name, options)
}

// begin opens a section, or an earlier one again.
func (r *reading) begin(at Pos, name, options string) error {
	fresh := &section{Section: Section{Pos: at, Name: name}}
	target := fresh
	var bases []string
	if options != "" {
		for _, o := range strings.Split(options, ",") {
			switch {
			case o == "!":
				fresh.template = true
			case strings.HasPrefix(o, "+"):
				found, err := r.appendTarget(at, name, o[1:])
				if err != nil {
					return err
				}
				target, found.used = found, true
			default:
				bases = append(bases, o)
			}
		}
	}
	for _, b := range bases {
		base := r.named(b)
		if base == nil {
			cure := "define [" + b + "](!) above this line"
			if t := trimText(b); t != b && r.named(t) != nil {
				cure = "write it without spaces: [" + name + "](" + t + ")"
			}
			return r.fail(at, "no-base", fmt.Sprintf("[%s] inherits from %q, which does not exist above it; the file cannot be used", name, b), cure)
		}
		if err := r.add(at, target, base.Entries...); err != nil {
			return err
		}
		target.bases = append(target.bases, base.Name)
		base.used = true
	}
	if target == fresh {
		r.sections = append(r.sections, fresh)
	}
	r.current, r.latest, r.carried = target, target, false
	return nil
}

// named finds the first section of a name, templates included, without case.
func (r *reading) named(name string) *section {
	for _, s := range r.sections {
		if strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return nil
}

// appendTarget finds the section that `(+)` or `(+filter)` goes on with.
func (r *reading) appendTarget(at Pos, name, filter string) (*section, error) {
	pairs, templates, err := parseFilter(filter)
	if err != nil {
		return nil, r.fail(at, "bad-filter", fmt.Sprintf("[%s](+%s): %v; the file cannot be used", name, filter, err), "write (+setting=value)")
	}
	for _, s := range r.sections {
		if !strings.EqualFold(s.Name, name) || s.template && !templates.include || !s.template && templates.only {
			continue
		}
		if s.satisfies(pairs) {
			return s, nil
		}
	}
	what := "a section [" + name + "]"
	if filter != "" {
		what += " with " + filter
	}
	return nil, r.fail(at, "no-append-target", fmt.Sprintf("%s to append to does not exist above this line; the file cannot be used", what), "remove the + to begin a new section")
}

// A pair is one `setting=value` condition of a filter; both are regular
// expressions searched anywhere in the text.
type pair struct{ name, value *regexp.Regexp }

type templateChoice struct{ include, only bool }

func parseFilter(filter string) (pairs []pair, t templateChoice, err error) {
	if filter == "" {
		return nil, t, nil
	}
	for _, p := range strings.Split(filter, "&") {
		name, value, found := strings.Cut(p, "=")
		if !found {
			return nil, t, fmt.Errorf("no '=' in %q", p)
		}
		if strings.EqualFold(name, "TEMPLATES") {
			switch {
			case strings.EqualFold(value, "include"):
				t.include = true
			case strings.EqualFold(value, "restrict"):
				t.include, t.only = true, true
			}
			continue
		}
		var c pair
		if c.name, err = regexp.CompilePOSIX(name); err != nil {
			return nil, t, err
		}
		if c.value, err = regexp.CompilePOSIX(value); err != nil {
			return nil, t, err
		}
		pairs = append(pairs, c)
	}
	return pairs, t, nil
}

func (s *section) satisfies(pairs []pair) bool {
	for _, p := range pairs {
		found := false
		for _, e := range s.Entries {
			if p.name.MatchString(e.Name) && p.value.MatchString(e.Value) {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}
