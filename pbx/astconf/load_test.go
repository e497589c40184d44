package astconf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// dump writes a file as the tests want it: one line per section and setting,
// with the line where it stands.
func dump(f *File) string {
	var b strings.Builder
	for _, s := range f.Sections {
		fmt.Fprintf(&b, "[%s]\n", s.Name)
		for _, e := range s.Entries {
			fmt.Fprintf(&b, "%s=%s @%d\n", e.Name, e.Value, e.Line)
		}
	}
	return b.String()
}

// findings writes diagnostics as "file:line rule", errors marked with !.
func findings(ds []Diag) string {
	var out []string
	for _, d := range ds {
		mark := ""
		if d.Severity == Error {
			mark = "!"
		}
		out = append(out, fmt.Sprintf("%s %s%s", d.Pos, mark, d.Rule))
	}
	return strings.Join(out, "\n")
}

// mapFS makes a file system out of "-- name --" archives.
func mapFS(archive string) fstest.MapFS {
	m := fstest.MapFS{}
	name := ""
	for _, line := range strings.SplitAfter(archive, "\n") {
		if h := strings.TrimSpace(line); strings.HasPrefix(h, "-- ") && strings.HasSuffix(h, " --") {
			name = strings.TrimSpace(h[3 : len(h)-3])
			m[name] = &fstest.MapFile{}
			continue
		}
		if name != "" {
			m[name].Data = append(m[name].Data, line...)
		}
	}
	return m
}

// The values were read back from Asterisk 22.10.1 with AST_CONFIG(), unless a
// name says that we differ on purpose.
func TestLines(t *testing.T) {
	for _, c := range []struct{ name, text, want, findings string }{
		{"plain", "[a]\nx=1\n", "[a]\nx=1 @2\n", ""},
		{"BOM and CRLF", "\xef\xbb\xbf[a]\r\nx=1\r\n", "[a]\nx=1 @2\n", "f.conf:1 byte-order-mark"},
		{"mixed line ends", "[a]\r\nx=1\r\ny=2\n", "[a]\nx=1 @2\ny=2 @3\n", "f.conf:3 mixed-line-ends"},
		{"one kind of line end", "[a]\r\nx=1\r\ny=2", "[a]\nx=1 @2\ny=2 @3\n", ""},
		{"Latin-1", "[a]\nx=\xe9\ny=\xe9\n", "[a]\nx=\xe9 @2\ny=\xe9 @3\n", "f.conf:2 not-utf8"},
		{"no newline at the end", "[a]\nx=1", "[a]\nx=1 @2\n", ""},
		{"UTF-8", "[分機]\nx=一;二\n", "[分機]\nx=一 @2\n", ""},
		{"indented", "  [a]\n\t x = yes \t\n\n", "[a]\nx=yes @2\n", ""},
		{"comment", "; c\n[a] ; c\nx=1;c\n  ;c\n", "[a]\nx=1 @3\n", ""},
		{"quotes protect nothing", "[a]\nq = \"a;b\"\n", "[a]\nq=\"a @2\n", ""},
		{"escaped semicolon", "[a]\nz = a\\;b\nz2 = a\\\\;b\nb\\;c = 3\nl = \\\n", "[a]\nz=a;b @2\nz2=a\\;b @3\nb;c=3 @4\nl=\\ @5\n", ""},
		{"block comment in a line", "[a]\nb = a;-- x --;b\nb2 = 1;--;2--;3\nb3 = 1;-- ;-- n --; still --;2\n", "[a]\nb=ab @2\nb2=13 @3\nb3=12 @4\n", ""},
		{"block comment over lines", "[a]\nm = start ;-- open\nlost = 1\n--; tail=2\nn=3\n;--\n[x]\n--;\n", "[a]\nm=start @2\ntail=2 @4\nn=3 @5\n", ""},
		{"three dashes", "[a]\nb = a;---b\n;--- no block\nc=1\n", "[a]\nb=a @2\nc=1 @4\n", ""},
		{"open block", "[a]\nx=1\n;-- open\ny=1\n", "[a]\nx=1 @2\n", "f.conf:3 open-comment"},
		{"nested too deeply", "[a]\n" + strings.Repeat(";-- ", 129) + "\n", "[a]\n", "f.conf:2 !comment-depth"},
		{"arrows", "[a]\ny => 2\nb =>> v\nc = > v\nd ==> v\n", "[a]\ny=2 @2\nb=> v @3\nc=> v @4\nd==> v @5\n", ""},
		{"value with signs", "[a]\nv = a=b=>c,\"d\"\n", "[a]\nv=a=b=>c,\"d\" @2\n", ""},
		{"append", "[a]\np = one\np += two\np +=  three \nn += four\nP += x\n", "[a]\np=one two  three @2\nn=four @5\nP=x @6\n", ""},
		{"append in this section only", "[a]\np=1\n[b]\np += 2\n", "[a]\np=1 @2\n[b]\np=2 @4\n", ""},
		{"escaped first byte", "[a]\n\\[e = 1\n\\#f = 2\n", "[a]\n[e=1 @2\n#f=2 @3\n", ""},
		{"no equals", "[a]\nnoeq\nx=1\n", "[a]\nx=1 @3\n", "f.conf:2 no-equals"},
		{"no name", "[a]\n= 1\nx =\n", "[a]\nx= @3\n", "f.conf:2 no-name"},
		{"before a section", "x=1\n[a]\ny=1\n", "", "f.conf:1 !no-section"},
		{"names keep their spaces", "[ a ]\nsp ace = 4\n", "[ a ]\nsp ace=4 @2\n", ""},
		{"same name twice", "[a]\nx=1\n[a]\nx=2\n", "[a]\nx=1 @2\n[a]\nx=2 @4\n", ""},
		{"long name", "[" + strings.Repeat("n", 90) + "]\n", "[" + strings.Repeat("n", 79) + "]\n", "f.conf:1 long-name"},
		{"no bracket", "[a\nx=1\n", "", "f.conf:1 !bad-header"},
		{"no parenthesis", "[a](!\nx=1\n", "", "f.conf:1 !bad-header"},
		{"unknown directive", "[a]\n#foo\n#include\n#exec /bin/true\n#INCLUDE\nx=1\n", "[a]\nx=1 @6\n", "f.conf:2 unknown-directive\nf.conf:3 no-argument\nf.conf:4 exec-refused\nf.conf:5 no-argument"},
		{"slashes are no comment", "[a]\n// x=1\n", "[a]\n// x=1 @2\n", ""},
		{"long line", "[a]\nl=" + strings.Repeat("v", 8188) + "\nm=" + strings.Repeat("v", 8189) + "\nx=1\n", "[a]\nl=" + strings.Repeat("v", 8188) + " @2\nx=1 @4\n", "f.conf:3 long-line"},
		{"empty", "", "", ""},

		{"template", "[t](!)\na=1\nb=base\n[c](t)\nb=own\n", "[c]\na=1 @2\nb=base @3\nb=own @5\n", ""},
		{"two bases", "[t](!)\nb=1\n[u](t)\nb=2\n[v](t,u)\nz=9\n", "[u]\nb=1 @2\nb=2 @4\n[v]\nb=1 @2\nb=1 @2\nb=2 @4\nz=9 @6\n", ""},
		{"base in another case", "[T](!)\na=1\n[c](t)\n", "[c]\na=1 @2\n", ""},
		{"space before the options", "[t](!)\na=1\n[c] (t)\nz=1\n", "[c]\nz=1 @4\n", "f.conf:3 detached-options"},
		{"text after the options", "[t](!)\na=1\n[c](t) trailing\n", "[c]\na=1 @2\n", ""},
		{"text after the header", "[c] trailing\nx=1\n", "[c]\nx=1 @2\n", "f.conf:1 after-header"},
		{"no base", "[a]\nx=1\n[b](nobase)\ny=1\n", "[a]\nx=1 @2\n", "f.conf:3 !no-base"},
		{"base below", "[b](t)\n[t](!)\n", "", "f.conf:1 !no-base"},
		{"space in the options", "[t](!)\n[b](!, t)\n", "", "f.conf:2 !no-base"},
		{"append to a section", "[a]\nx=1\n[b]\n[A](+)\ny=2\n", "[a]\nx=1 @2\ny=2 @5\n[b]\n", ""},
		{"append to none", "[b]\n[a](+)\n", "[b]\n", "f.conf:2 !no-append-target"},
		{"a template is not appended to", "[a](!)\n[a](+)\n", "", "f.conf:2 !no-append-target"},
		{"append by filter", "[a]\ntype=aor\n[a]\ntype=endpoint\nx=12\n[a](+type=end&x=^1)\ny=2\n", "[a]\ntype=aor @2\n[a]\ntype=endpoint @4\nx=12 @5\ny=2 @7\n", ""},
		{"append to a template by filter", "[a](!)\nx=1\n[a]\nx=1\n[a](+TEMPLATES=restrict&x=1)\ny=2\n[b](a)\n", "[a]\nx=1 @4\n[b]\nx=1 @2\ny=2 @6\n", ""},
		{"filter that fits none", "[a]\nx=1\n[a](+x=2)\n", "[a]\nx=1 @2\n", "f.conf:3 !no-append-target"},
		{"bad filter", "[a]\nx=1\n[a](+x)\n[a](+x=()\n", "[a]\nx=1 @2\n", "f.conf:3 !bad-filter"},
		{"later appends do not reach copies", "[t](!)\na=1\n[b](t)\n[c](t)\n[b](+)\nz=1\n[d](b)\n", "[b]\na=1 @2\nz=1 @6\n[c]\na=1 @2\n[d]\na=1 @2\nz=1 @6\n", ""},
		{"append with a base", "[t](!)\na=1\n[b]\nx=1\n[b](+,t)\ny=1\n", "[b]\nx=1 @4\na=1 @2\ny=1 @6\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, ds := Load(fstest.MapFS{"f.conf": {Data: []byte(c.text)}}, "f.conf")
			if got := dump(f); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := findings(ds); got != c.findings {
				t.Errorf("findings\n%s\nwant\n%s", got, c.findings)
			}
			if f.Valid == Failed(ds) {
				t.Errorf("valid %v with %v", f.Valid, ds)
			}
			for _, d := range ds {
				if d.Message == "" || d.Rule == "" {
					t.Errorf("incomplete finding %+v", d)
				}
			}
		})
	}
}

func TestIncludes(t *testing.T) {
	for _, c := range []struct{ name, archive, want, findings string }{
		{"bare, quoted and in angle brackets", "-- f.conf --\n[a]\n#include x\n#include \"y\"\n#tryinclude <z>\nl=1\n-- x --\nx=1\n-- y --\ny=1\n-- z --\nz=1\n", "[a]\nx=1 @1\ny=1 @1\nz=1 @1\nl=1 @5\n", ""},
		{"sections do not reach back", "-- f.conf --\n[a]\n#include x\nl=1\n-- x --\nx=1\n[b]\ny=2\n", "[a]\nx=1 @1\nl=1 @3\n[b]\ny=2 @3\n", ""},
		{"settings before a section (ours)", "-- f.conf --\n[a]\n#include x\n#include y\n-- x --\n[b]\n-- y --\ny=1\nz=1\n", "[a]\ny=1 @1\nz=1 @2\n[b]\n", "y:1 include-carry"},
		{"globs are sorted", "-- f.conf --\n[a]\n#include d/*.conf\n-- d/2.conf --\nn=2\n-- d/1.conf --\nn=1\n-- d/.hidden.conf --\nn=0\n-- d/x.txt --\nn=9\n", "[a]\nn=1 @1\nn=2 @1\n", ""},
		{"alternatives", "-- f.conf --\n[a]\n#include d/{y,x}.conf\n-- d/x.conf --\nn=x\n-- d/y.conf --\nn=y\n", "[a]\nn=y @1\nn=x @1\n", ""},
		{"missing", "-- f.conf --\n[a]\n#include nope\n", "[a]\n", "f.conf:2 !include-missing"},
		{"glob without match", "-- f.conf --\n[a]\n#include *.nope\n", "[a]\n", "f.conf:2 !include-missing"},
		{"tryinclude of nothing", "-- f.conf --\n[a]\n#tryinclude nope\n#tryinclude *.nope\nx=1\n", "[a]\nx=1 @4\n", ""},
		{"a circle (ours: found at once)", "-- f.conf --\n[a]\n#include g\n-- g --\n#include f.conf\n", "[a]\n", "g:1 !include-cycle"},
		{"relative to the directory, never the file", "-- f.conf --\n#include d/x\n-- d/x --\n#include y\n-- y --\n[top]\n-- d/y --\n[below]\n", "[top]\n", ""},
		{"errors name the included file", "-- f.conf --\n[a]\n#include x\n-- x --\n\n[b\n", "[a]\n", "x:2 !bad-header"},
		{"an open block ends with its file", "-- f.conf --\n[a]\n#include x\ny=1\n-- x --\n;-- open\n", "[a]\ny=1 @3\n", "x:1 open-comment"},
		{"out of reach", "-- f.conf --\n[a]\n#include ../x\n#include /etc/passwd\n", "[a]\n", "f.conf:2 !include-missing"},
		{"a directory", "-- f.conf --\n[a]\n#tryinclude d\n-- d/x --\n", "[a]\n", "f.conf:2 include-unreadable"},
		{"bad glob", "-- f.conf --\n[a]\n#include [x\n", "[a]\n", "f.conf:2 !bad-include"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, ds := Load(mapFS(c.archive), "f.conf")
			if got := dump(f); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := findings(ds); got != c.findings {
				t.Errorf("findings\n%s\nwant\n%s (%v)", got, c.findings, ds)
			}
		})
	}
}

func TestCycleNamesTheChain(t *testing.T) {
	_, ds := Load(mapFS("-- a --\n#include b\n-- b --\n#include c\n-- c --\n#include b\n"), "a")
	if len(ds) != 1 || !strings.Contains(ds[0].Message, "b -> c -> b") {
		t.Errorf("%v", ds)
	}
}

func TestMissingFile(t *testing.T) {
	f, ds := Load(fstest.MapFS{}, "nope.conf")
	if f.Valid || len(ds) != 1 || !strings.Contains(ds[0].Message, "nope.conf") {
		t.Errorf("%v %v", f, ds)
	}
}

func TestAbsoluteIncludes(t *testing.T) {
	etc := mapFS("-- f.conf --\n#include /etc/asterisk/in.conf\n#include /opt/out.conf\n#include /opt/d*.conf\n#include ../up.conf\n-- in.conf --\n[in]\n")
	root := mapFS("-- opt/out.conf --\n[out]\n#include in.conf\n-- opt/d1.conf --\n[d1]\n-- etc/up.conf --\n[up]\n")
	l := Loader{Dir: etc, Path: "/etc/asterisk", Root: root}
	f, ds := l.Load("f.conf")
	if got, want := dump(f), "[in]\n[out]\n[in]\n[d1]\n[up]\n"; got != want || len(ds) != 0 {
		t.Errorf("got %s, %v", got, ds)
	}
	if got := strings.Join(f.Parts, " "); got != "f.conf in.conf /opt/out.conf in.conf /opt/d1.conf /etc/up.conf" {
		t.Errorf("parts %s", got)
	}
	if f.Sections[1].File != "/opt/out.conf" {
		t.Errorf("[out] stands in %s", f.Sections[1].File)
	}
}

func TestBounds(t *testing.T) {
	deep := ""
	for i := range 20 {
		deep += fmt.Sprintf("-- f%d --\n#include f%d\n", i, i+1)
	}
	_, ds := Load(mapFS(deep+"-- f20 --\n[a]\n"), "f0")
	if findings(ds) != "f10:1 !include-depth" {
		t.Errorf("depth: %v", ds)
	}

	explosion := "[t0](!)\nx=1\n"
	for i := range 40 {
		explosion += fmt.Sprintf("[t%d](!,t%d,t%d)\n", i+1, i, i)
	}
	f, ds := Load(fstest.MapFS{"f": {Data: []byte(explosion)}}, "f")
	if f.Valid || !strings.Contains(findings(ds), "!too-many-settings") {
		t.Errorf("templates: %v", ds)
	}

	wide := fstest.MapFS{"f": {Data: []byte(strings.Repeat("#include x\n", 5000))}, "x": {Data: []byte("[a]\n")}}
	f, ds = Load(wide, "f")
	if f.Valid || !strings.Contains(findings(ds), "!too-many-includes") {
		t.Errorf("includes: %v", ds)
	}

	f, ds = Load(fstest.MapFS{"f": {Data: append([]byte("[a]\n"), make([]byte, maxBytes)...)}}, "f")
	if f.Valid || findings(ds) != "f !too-large" {
		t.Errorf("size: %v", findings(ds))
	}

	f, ds = Load(fstest.MapFS{"f": {Data: []byte("[a]\n" + strings.Repeat("noeq\n", 5000))}}, "f")
	if !f.Valid || len(ds) != maxDiags+1 {
		t.Errorf("%d findings", len(ds))
	}

	if _, ds := Load(mapFS("-- f --\n#include {a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}\n"), "f"); findings(ds) != "f:1 !bad-include" {
		t.Errorf("alternatives: %v", ds)
	}
}

func TestLookUps(t *testing.T) {
	f, _ := Load(fstest.MapFS{"f": {Data: []byte("[a]\nx=1\nX=2\nport=70000\nrate=1.5\nbad=nan\n[b]\n[a]\ny=1\n")}}, "f")
	a := f.Section("a")
	if v, ok := a.Get("x"); !ok || v != "2" {
		t.Errorf("Get: %q", v)
	}
	if e, _ := a.First("X"); e.Value != "1" {
		t.Errorf("First: %q", e.Value)
	}
	if len(a.Values("x")) != 2 || len(f.All("a")) != 2 || f.Section("A") != nil {
		t.Error("Values, All or Section")
	}
	if _, ok := a.Get("nope"); ok {
		t.Error("Get of nothing")
	}
	port, _ := a.First("port")
	if _, err := port.Int(1, 65535); err == nil || err.Error() != "port=70000: not in 1..65535" {
		t.Errorf("Int: %v", err)
	}
	rate, _ := a.First("rate")
	if _, err := rate.Int(0, 9); err == nil {
		t.Error("Int of 1.5")
	}
	if v, err := rate.Float(0, 2); err != nil || v != 1.5 {
		t.Errorf("Float: %v", err)
	}
	bad, _ := a.First("bad")
	if _, err := bad.Float(0, 2); err == nil {
		t.Error("Float of nan")
	}
	for word, want := range map[string][2]bool{"yes": {true, true}, "ON": {true, true}, "1": {true, true}, "T": {true, true}, "no": {false, true}, "off": {false, true}, "maybe": {false, false}, "": {false, false}} {
		if v, known := Bool(word); v != want[0] || known != want[1] {
			t.Errorf("Bool(%q) = %v, %v", word, v, known)
		}
	}
	d := Diag{Pos: Pos{File: "f", Line: 3, Col: 1}, Severity: Warning, Message: "m", Cure: "c"}
	if d.String() != "f:3: warning: m (c)" {
		t.Errorf("%s", d)
	}
}

func TestRealDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"a.conf": "[a]\n#include sub/*.conf\n", "sub/b.conf": "x=1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, ds := Loader{Dir: os.DirFS(dir), Path: dir, Root: os.DirFS("/")}.Load("a.conf")
	if dump(f) != "[a]\nx=1 @1\n" || len(ds) != 0 || f.Sections[0].Entries[0].File != "sub/b.conf" {
		t.Errorf("%s %v", dump(f), ds)
	}
}

func FuzzLoad(f *testing.F) {
	for _, s := range []string{"[a](!)\nx=1\n[b](a)\ny+=2\n", ";-- x --;\n[c](+)\n", "#include x\n", "[a](+x=1&y=(\n", "\\[x=1\n[a]\n\\;=\n"} {
		f.Add(s, "z=1\n[q](a)\n#include f\n")
	}
	f.Fuzz(func(t *testing.T, text, included string) {
		file, ds := Load(fstest.MapFS{"f": {Data: []byte(text)}, "x": {Data: []byte(included)}}, "f")
		if file.Valid == Failed(ds) {
			t.Errorf("valid %v with %v", file.Valid, ds)
		}
		for _, s := range file.Sections {
			for _, e := range s.Entries {
				if e.Name == "" || e.Line < 1 || e.Name != trimText(e.Name) {
					t.Errorf("entry %+v", e)
				}
			}
		}
	})
}
