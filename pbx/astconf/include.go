package astconf

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// directive reads a line that begins with #.
func (r *reading) directive(at Pos, s string) error {
	word, arg := s[1:], ""
	if i := strings.IndexFunc(word, isSpace); i >= 0 {
		word, arg = word[:i], trimText(word[i:])
	}
	switch kind := strings.ToLower(word); kind {
	case "include", "tryinclude":
		arg = unquote(arg)
		if arg == "" {
			r.warn(at, "no-argument", "#"+word+" names no file and is ignored", "write #"+kind+" file.conf")
			return nil
		}
		return r.include(at, arg, kind == "tryinclude")
	case "exec":
		r.warn(at, "exec-refused", fmt.Sprintf("#exec %s is not run: the exchange never starts programs", clip(arg)), "write the output to a file and #include that")
		return nil
	}
	r.warn(at, "unknown-directive", fmt.Sprintf("#%s is not a directive; the line is ignored", clip(word)), "a remark begins with ;")
	return nil
}

// unquote takes one pair of quotes or angle brackets off.
func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' && s[len(s)-1] == '"' || s[0] == '<' && s[len(s)-1] == '>') {
		return s[1 : len(s)-1]
	}
	return s
}

func (r *reading) include(at Pos, pattern string, optional bool) error {
	names, err := r.expand(pattern)
	if err != nil {
		return r.fail(at, "bad-include", fmt.Sprintf("#include %s: %v; the file cannot be used", clip(pattern), err), "")
	}
	if len(names) == 0 {
		if optional {
			return nil
		}
		cure := "create it, or write #tryinclude"
		if fsys, _, _ := r.locate(pattern); fsys == nil {
			cure = "only files below the configuration directory can be included"
		}
		return r.fail(at, "include-missing", fmt.Sprintf("#include %s: no such file; %s cannot be used", pattern, r.file.Name), cure)
	}
	section := r.current
	for _, name := range names {
		if i := slices.Index(r.chain, name); i >= 0 {
			return r.fail(at, "include-cycle", fmt.Sprintf("files include each other in a circle: %s -> %s; %s cannot be used", strings.Join(r.chain[i:], " -> "), name, r.file.Name), "remove this #include")
		}
		if len(r.chain) > maxIncludeDepth {
			return r.fail(at, "include-depth", fmt.Sprintf("files are included more than %d levels deep; %s cannot be used", maxIncludeDepth, r.file.Name), "include the files from one place")
		}
		r.carried = true
		err := r.read(name, at)
		r.carried = false
		var stop *stopError
		switch {
		case err == nil:
		case errors.As(err, &stop):
			return err
		case errors.Is(err, fs.ErrNotExist) && optional:
		default:
			if !optional {
				return r.fail(at, "include-missing", fmt.Sprintf("#include %s: %v; %s cannot be used", pattern, err, r.file.Name), "correct the file, or write #tryinclude")
			}
			r.warn(at, "include-unreadable", fmt.Sprintf("#tryinclude %s: %v; it is left out", pattern, err), "")
		}
		r.current = section // the included file's sections do not reach back
	}
	return nil
}

// expand gives the existing files a pattern means, in sorted order.
func (r *reading) expand(pattern string) ([]string, error) {
	var names []string
	alternatives, err := braces(pattern)
	if err != nil {
		return nil, err
	}
	for _, p := range alternatives {
		fsys, inside, prefix := r.locate(p)
		if fsys == nil {
			continue
		}
		if !strings.ContainsAny(inside, `*?[\`) {
			if _, err := fs.Stat(fsys, inside); err == nil {
				names = append(names, prefix+inside)
			}
			continue
		}
		found, err := fs.Glob(fsys, inside)
		if err != nil {
			return nil, err
		}
		slices.Sort(found)
		for _, f := range found {
			if !hidden(inside, f) {
				names = append(names, prefix+f)
			}
		}
	}
	return names, nil
}

// hidden reports whether a found name has a leading dot where the pattern does
// not ask for one; shells leave those out.
func hidden(pattern, name string) bool {
	pp, np := strings.Split(pattern, "/"), strings.Split(name, "/")
	for i := range np {
		if strings.HasPrefix(np[i], ".") && i < len(pp) && !strings.HasPrefix(pp[i], ".") {
			return true
		}
	}
	return false
}

// braces expands {a,b} alternatives, as shells do.
func braces(s string) ([]string, error) {
	const most = 256
	done := []string{}
	work := []string{s}
	for len(work) > 0 {
		if len(done)+len(work) > most {
			return nil, fmt.Errorf("more than %d alternatives", most)
		}
		p := work[0]
		work = work[1:]
		open := strings.IndexByte(p, '{')
		if open < 0 {
			done = append(done, p)
			continue
		}
		length := closing(p[open:])
		if length < 0 {
			done = append(done, p)
			continue
		}
		for _, alt := range topLevelCommas(p[open+1 : open+length]) {
			work = append(work, p[:open]+alt+p[open+length+1:])
		}
	}
	return done, nil
}

// closing gives the index of the } that closes the { at s[0], or -1.
func closing(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func topLevelCommas(s string) []string {
	var parts []string
	depth, from := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, s[from:i])
				from = i + 1
			}
		}
	}
	return append(parts, s[from:])
}
