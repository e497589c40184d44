package check

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"testing/fstest"

	"branchline/pbx/astconf"
)

// The configurations that mistakes are made in: those of the how-to, and the
// sample that goes with it.
var subjects = []string{
	"../../configs/scenario-e/server1", "../../configs/scenario-e/server3",
	"../../appliance/e2e/testdata/howto/c/server3", "../../appliance/e2e/testdata/howto/e/server1", "../../appliance/e2e/testdata/howto/e/server3",
	"../../configs/scenario-a/server1", "../../configs/scenario-d2/server1", "../../configs/scenario-d4/server1",
}

const (
	mutations = 500
	atLeast   = 95 // percent
)

// A mutation is one mistake in one line.
type mutation struct {
	subject int
	kind    string
	file    string
	line    int // from 1
	was, is string
	files   map[string][]byte // as they are with the mistake
	near    int               // another line where it may be reported, 0: none
}

func (m mutation) String() string {
	return fmt.Sprintf("%s: %s/%s:%d: %q -> %q", m.kind, subjects[m.subject], m.file, m.line, m.was, m.is)
}

// TestMutations makes single mistakes of the kinds people make, and counts how
// many are reported in the right place: the line of the mistake; for a line that
// is missing, its section; for a header also the lines that name what it was; for
// a step also the one after it, where the numbers no longer fit. Mistakes that do not change what the configuration means
// (a line that said the default) are none and not counted.
func TestMutations(t *testing.T) {
	catalog := everything()
	var all []mutation
	before := make([]judged, len(subjects))
	meaning := make([]string, len(subjects))
	for i, path := range subjects {
		files := read(t, path)
		before[i] = judge(mapFS(files), catalog)
		meaning[i] = means(before[i])
		all = append(all, mistakes(i, files)...)
	}
	rng := rand.New(rand.NewPCG(3, 14))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	counted, reported, neutral := 0, 0, 0
	byKind := map[string][2]int{}
	var missed []string
	for _, m := range all {
		if counted == mutations {
			break
		}
		after := judge(mapFS(m.files), catalog)
		hit := inPlace(m, before[m.subject].diags, after.diags)
		if !hit && means(after) == meaning[m.subject] {
			neutral++
			continue
		}
		counted++
		n := byKind[m.kind]
		n[0]++
		if hit {
			reported++
			n[1]++
		} else {
			var found []string
			for _, d := range fresh(before[m.subject].diags, after.diags) {
				found = append(found, fmt.Sprintf("%s:%d %s", d.File, d.Line, d.Rule))
			}
			missed = append(missed, fmt.Sprintf("%s (found %v)", m, found))
		}
		byKind[m.kind] = n
	}
	rate := 100 * float64(reported) / float64(counted)
	t.Logf("%d of %d mistakes reported in the right place: %.1f %%; %d changed nothing and were left out; %d possible", reported, counted, rate, neutral, len(all))
	kinds := make([]string, 0, len(byKind))
	for k := range byKind {
		kinds = append(kinds, k)
	}
	sort.Strings(kinds)
	for _, k := range kinds {
		t.Logf("  %-28s %3d of %3d", k, byKind[k][1], byKind[k][0])
	}
	for _, m := range missed {
		t.Log("missed: ", m)
	}
	if counted < mutations || rate < atLeast {
		t.Errorf("%d mistakes, %.1f %% reported, want %d and %d %%", counted, rate, mutations, atLeast)
	}
}

func read(t *testing.T, dir string) map[string][]byte {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(dir + "/" + e.Name()); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func mapFS(files map[string][]byte) fs.FS {
	m := fstest.MapFS{}
	for name, data := range files {
		m[name] = &fstest.MapFile{Data: data}
	}
	return m
}

// means is what a configuration amounts to, without where it stands.
func means(j judged) string {
	var b strings.Builder
	s := j.snap
	for _, e := range j.snap.Endpoints {
		fmt.Fprintln(&b, "endpoint", e.ID, e.Options())
	}
	for _, a := range s.AORs {
		fmt.Fprintln(&b, "aor", a.ID, a.Options(), a.Contacts, a.MaxContacts)
	}
	for _, a := range s.Auths {
		fmt.Fprintln(&b, "auth", a.ID, a.Username, a.Password, a.Type)
	}
	for _, x := range s.Transports {
		fmt.Fprintln(&b, "transport", x.ID, x.Protocol, x.Bind)
	}
	for _, i := range s.Identifies {
		fmt.Fprintln(&b, "identify", i.Endpoint, i.Matches) // its name means nothing
	}
	if s.SIP != nil {
		fmt.Fprintln(&b, "sip", s.SIP.Options(), s.SIP.Context, s.SIP.AllowGuest, s.SIP.TCPEnable)
		for _, d := range s.SIP.List {
			fmt.Fprintln(&b, "device", d.Name, d.Kind, d.Dynamic, d.Secret, d.Networks, d.Video, d.DirectMedia)
			if e := d.Endpoint; e != nil {
				fmt.Fprintln(&b, e.Context, e.Codecs, e.SetVars)
			}
		}
	}
	for _, v := range j.plan.Views() {
		for _, x := range v.Extensions {
			for _, st := range x.Steps {
				fmt.Fprintln(&b, "step", v.Name, x.Name, st.Priority, st.Label, st.App, st.Args)
			}
		}
	}
	fmt.Fprintln(&b, j.plan.Globals(), j.plan.AutoFallthrough(), j.plan.ClearGlobals())
	lines := strings.Split(b.String(), "\n")
	slices.Sort(lines) // maps have no order
	return strings.Join(lines, "\n")
}

// fresh are the findings that were not there before.
func fresh(before, after []astconf.Diag) []astconf.Diag {
	return slices.DeleteFunc(slices.Clone(after), func(d astconf.Diag) bool {
		return slices.ContainsFunc(before, func(b astconf.Diag) bool {
			return b.Pos.File == d.Pos.File && b.Line == d.Line && b.Rule == d.Rule && b.Message == d.Message && b.Effect == d.Effect
		})
	})
}

func inPlace(m mutation, before, after []astconf.Diag) bool {
	from, to := m.line, m.line
	if strings.HasPrefix(m.kind, "drop") || strings.HasPrefix(m.kind, "header") || strings.HasPrefix(m.kind, "swap") {
		from, to = section(m.files[m.file], m.line)
	}
	return slices.ContainsFunc(fresh(before, after), func(d astconf.Diag) bool {
		if d.File != m.file {
			return false
		}
		if h := headerRow.FindStringSubmatch(m.was); h != nil && d.Line > 0 {
			if s := setting.FindStringSubmatch(strings.Split(string(m.files[m.file]), "\n")[d.Line-1]); s != nil && s[6] == h[1] {
				return true
			}
		}
		return d.Line >= from && d.Line <= to || d.Line == m.line || m.near > 0 && d.Line == m.near
	})
}

// section gives the first and last line of the section that a line belongs to.
func section(text []byte, line int) (from, to int) {
	lines := strings.Split(string(text), "\n")
	header := regexp.MustCompile(`^\s*\[`)
	from, to = line, line
	for from > 1 && !header.MatchString(lines[from-1]) {
		from--
	}
	for to < len(lines) && !header.MatchString(lines[to]) {
		to++
	}
	return from, to
}

var (
	setting   = regexp.MustCompile(`^(\s*)([A-Za-z_0-9]+)(\s*)(=>>?|=)(\s*)([^;]*?)(\s*(?:;.*)?)$`)
	headerRow = regexp.MustCompile(`^\[([^\]]+)\](.*)$`)
)

// References, words and numbers, by the options that hold them. What is left
// out can hold anything: a password with a letter wrong is a password.
var (
	references = strings.Fields("transport aors auth outbound_auth context endpoint")
	closedSets = strings.Fields("type protocol disallow allow dtmf_mode auth_type remove_existing max_contacts videosupport directmedia tcpenable srvlookup host " +
		"static writeprotect autofallthrough clearglobalvars bind udpbindaddr tcpbindaddr match contact")
)

// mistakes makes every mistake we know in every line of the files.
func mistakes(subject int, files map[string][]byte) []mutation {
	var out []mutation
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		lines := strings.Split(string(files[name]), "\n")
		add := func(kind string, i int, is string, near int) {
			if is == lines[i] {
				return
			}
			changed := slices.Clone(lines)
			changed[i] = is
			with := map[string][]byte{}
			for n, data := range files {
				with[n] = data
			}
			with[name] = []byte(strings.Join(changed, "\n"))
			out = append(out, mutation{subject, kind, name, i + 1, lines[i], is, with, near})
		}
		for i, line := range lines {
			trimmed := strings.TrimSpace(line)
			if trimmed == "" || strings.HasPrefix(trimmed, ";") {
				continue
			}
			next := following(lines, i)
			if h := headerRow.FindStringSubmatch(line); h != nil {
				add("drop header", i, "", next)
				add("header without ]", i, "["+h[1], 0)
				add("header without [", i, h[1]+"]", 0)
				add("header doubled [", i, "["+line, 0)
				add("header misspelt", i, "["+transpose(h[1], i)+"]", 0)
				if up := strings.ToUpper(h[1]); up != h[1] {
					add("header in capitals", i, "["+up+"]", 0)
				}
				if other := nextHeader(lines, i); other != "" && other != h[1] {
					add("header of the next section", i, "["+other+"]", 0)
				}
				continue
			}
			m := setting.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			step := m[2] == "exten" || m[2] == "same"
			put := func(name, sep, value string) string { return m[1] + name + m[3] + sep + m[5] + value + m[7] }
			add("drop line", i, "", next)
			add("name misspelt", i, put(transpose(m[2], i), m[4], m[6]), next)
			add("name misses a letter", i, put(m[2][:len(m[2])/2]+m[2][len(m[2])/2+1:], m[4], m[6]), next)
			add("separator", i, put(m[2], []string{":", " ", "-", "=="}[i%4], m[6]), next)
			if step {
				add("arrow", i, put(m[2], []string{"=>>", "->", ">"}[i%3], m[6]), next)
				broken := brokenSteps(m[6])
				for _, n := range slices.Sorted(maps.Keys(broken)) {
					add(n, i, put(m[2], m[4], broken[n]), next)
				}
				continue
			}
			switch {
			case slices.Contains(references, m[2]):
				add("reference misspelt", i, put(m[2], m[4], transpose(m[6], i)), 0)
				add("reference to nothing", i, put(m[2], m[4], m[6]+"9"), 0)
			case slices.Contains(closedSets, m[2]):
				add("value misspelt", i, put(m[2], m[4], transpose(m[6], i)), 0)
				add("wrong value", i, put(m[2], m[4], "banana"), 0)
			}
			if j := i + 1; j < len(lines) && setting.MatchString(lines[j]) && !strings.HasPrefix(lines[j], ";") {
				continue
			} else if other := foreignLine(lines, i); other >= 0 {
				// The last line of a section trades places with the first of another.
				changed := slices.Clone(lines)
				changed[i], changed[other] = lines[other], line
				with := map[string][]byte{}
				for n, data := range files {
					with[n] = data
				}
				with[name] = []byte(strings.Join(changed, "\n"))
				out = append(out, mutation{subject, "swapped lines", name, i + 1, line, lines[other], with, other + 1})
			}
		}
	}
	return out
}

// following is the next line (from 1) with a statement, 0 if there is none.
func following(lines []string, i int) int {
	for j := i + 1; j < len(lines); j++ {
		if t := strings.TrimSpace(lines[j]); t != "" && !strings.HasPrefix(t, ";") {
			return j + 1
		}
	}
	return 0
}

func nextHeader(lines []string, i int) string {
	for _, l := range lines[i+1:] {
		if h := headerRow.FindStringSubmatch(l); h != nil {
			return h[1]
		}
	}
	return ""
}

// foreignLine finds a setting of the next section.
func foreignLine(lines []string, i int) int {
	past := false
	for j := i + 1; j < len(lines); j++ {
		if headerRow.MatchString(lines[j]) {
			past = true
		} else if past && setting.MatchString(lines[j]) && !strings.HasPrefix(lines[j], ";") && lines[j] != lines[i] {
			return j
		}
	}
	return -1
}

// transpose exchanges two different neighbours, as hasty fingers do.
func transpose(s string, seed int) string {
	for k := range len(s) - 1 {
		at := (k + seed) % (len(s) - 1)
		if s[at] != s[at+1] && s[at] > ' ' && s[at+1] > ' ' {
			if is := s[:at] + string(s[at+1]) + string(s[at]) + s[at+2:]; is != "on" {
				return is
			}
		}
	}
	return s + "x"
}

// brokenSteps are the ways to misprint `pattern,priority,App(arguments)`.
func brokenSteps(v string) map[string]string {
	out := map[string]string{}
	once := func(kind, old, new string) {
		if strings.Contains(v, old) {
			out[kind] = strings.Replace(v, old, new, 1)
		}
	}
	once("comma to dot", ",", ".")
	once("comma to semicolon", ",", ";")
	once("no underscore", "_", "")
	once("no opening parenthesis", "(", "")
	once("brace to parenthesis", "${", "$(")
	once("no dollar", "${", "{")
	once("no closing brace", "}", "")
	once("variable misspelt", "EXTEN", "EXTNE")
	once("endpoint misspelt", "@SIP", "@SPI")
	once("technology misspelt", "PJSIP/", "PJSPI/")
	once("priority 0", ",1,", ",0,")
	once("priority 2", ",1,", ",2,")
	once("n to 1", ",n,", ",1,")
	once("n in capitals", ",n,", ",N,")
	once("n to 9", ",n,", ",9,")
	once("prompt misspelt", "invalid", "invlaid")
	once("timeout misspelt", ",12,", ",l2,")
	once("timeout left out", ",12,", ",")
	once("option misspelt", ",tT)", ",tY)")
	if strings.HasSuffix(v, ")") {
		out["no closing parenthesis"] = strings.TrimSuffix(v, ")")
	}
	if i := strings.IndexByte(v, '('); i > 0 {
		from := strings.LastIndexByte(v[:i], ',') + 1
		out["application misspelt"] = v[:from] + transpose(v[from:i], i) + v[i:]
		out["application without arguments"] = v[:i] + "()"
	}
	return out
}
