package presence_test

import (
	"context"
	"strings"
	"testing"

	"branchline/pbx/astdb"
	"branchline/pbx/cli"
	"branchline/pbx/presence"
)

func TestStates(t *testing.T) {
	s := &presence.States{Store: astdb.Memory(), Published: func(entity string) presence.State {
		if entity == "PJSIP/1001" {
			return presence.State{Value: "dnd", Subtype: "busy", Message: "not now"}
		}
		return presence.NotSet
	}}
	for _, c := range []struct{ entity, text, fault string }{
		{"CustomPresence:a", "away,On holiday,gone", ""},
		{"custompresence:b", "XA,T24gdmFjYXRpb24=,,e", ""},
		{"CustomPresence:c", "bogus", "no state"},
		{"CustomPresence:c", "away,%%,,e", "not base64"},
		{"CustomPresence:c", "away," + strings.Repeat("x", 2000), "longer"},
		{"CustomPresence:", "away", "wants"},
		{"PJSIP/1001", "away", "only CustomPresence:"},
	} {
		err := s.Set(c.entity, c.text)
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s=%.20s: %v", c.entity, c.text, err)
		}
	}
	for _, c := range []struct {
		entity, field string
		encode        bool
		want          string
	}{
		{"CustomPresence:a", "value", false, "away"},
		{"CustomPresence:a", "subtype", false, "On holiday"},
		{"CustomPresence:a", "message", true, "Z29uZQ=="},
		{"CustomPresence:b", "value", false, "xa"},
		{"CustomPresence:b", "subtype", false, "On vacation"},
		{"CustomPresence:b", "subtype", true, "T24gdmFjYXRpb24="},
		{"CustomPresence:zz", "value", false, "not_set"},
		{"PJSIP/1001", "value", false, "dnd"},
		{"PJSIP/1001", "message", false, "not now"},
		{"PJSIP/1002", "value", false, "not_set"},
	} {
		if got, err := s.Field(c.entity, c.field, c.encode); err != nil || got != c.want {
			t.Errorf("%s of %s: %q, %v", c.field, c.entity, got, err)
		}
	}
	if _, err := s.Field("CustomPresence:a", "colour", false); err == nil {
		t.Error("a field that is none can be read")
	}
}

// The console, as Asterisk 22 was measured to print it.
func TestCommands(t *testing.T) {
	s := &presence.States{Store: astdb.Memory()}
	tree := cli.NewTree()
	if err := tree.Add(s.Commands()...); err != nil {
		t.Fatal(err)
	}
	run := func(line string) string {
		var b strings.Builder
		_ = tree.Run(context.Background(), &b, line)
		return b.String()
	}
	if got := run("presencestate list"); !strings.HasSuffix(got, "---\nNo custom presence states defined\n") {
		t.Error(got)
	}
	if got := run("presencestate change CustomPresence:a away,T24gdmFjYXRpb24=,,e"); got != "Changing a to away\n" {
		t.Error(got)
	}
	want := "--- Name: 'CustomPresence:a'\n    --- State: 'away'\n    --- Subtype: 'T24gdmFjYXRpb24='\n    --- Message: ''\n    --- Base64 Encoded: 'Yes'\n---\n" +
		strings.Repeat("-", 69) + "\n" + strings.Repeat("-", 69) + "\n\n"
	if got := run("presencestate list"); !strings.HasSuffix(got, want) {
		t.Error(got)
	}
	if got := run("presencestate change X:a away"); !strings.Contains(got, "can only be used to set 'CustomPresence:' presence state!") {
		t.Error(got)
	}
	if got := run("presencestate change CustomPresence:a bogus"); !strings.HasPrefix(got, "Usage: presencestate change") {
		t.Error(got)
	}
	if got := run(`presencestate change CustomPresence:b "xa,here,out to lunch"`); got != "Changing b to xa\n" {
		t.Error(got)
	}
}
