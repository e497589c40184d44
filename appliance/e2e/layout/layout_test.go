package layout

import (
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	const (
		head = "Channel              Location             State   Application(Data)\n"
		one  = "PJSIP/1001-00000000  1002@default:1       Up      Dial(PJSIP/1002)\n"
		two  = "Local/7@x-1;2        7@x:3                Ring    Wait(5)\n"
	)
	for _, c := range []struct {
		name, ours, theirs string
		kind               Kind
		head, tail         int
		want               string // part of the first difference, "" none
	}{
		{"equal", head + one, head + one, Lines, 0, 0, ""},
		{"other values", head + one, head + two, Lines, 0, 0, ""},
		{"right-aligned numbers", "a  name        7\n", "a  name    10000\n", Lines, 0, 0, ""},
		{"numbers and name in words", "Branchline 0.1 ends 2 calls\n", "Asterisk 22.10.1 ends 1 call\n", Lines, 0, 0, ""},
		{"a row is missing", head + one, head + one + two, Lines, 0, 0, "ours   |(nothing)|"},
		{"a column is moved", head + one, head + strings.ReplaceAll(one, "  1002@", "1002@"), Lines, 0, 0, "theirs |PJSIP"},
		{"a column is missing", head + "PJSIP/1001-00000000  1002@default:1\n", head + one, Lines, 0, 0, "ours   |PJSIP"},
		{"another head", "Channel              Place                State   Application(Data)\n", head, Rows, 1, 0, "Place"},
		{"more rows", head + one + two + "2 active channels\n", head + two + "1 active channel\n", Rows, 1, 1, ""},
		{"no rows", head + "0 active channels\n", head + two + "1 active channel\n", Rows, 1, 1, ""},
		{"a row that does not fit", head + " x   y   z\n0 active channels\n", head + two + "1 active channel\n", Rows, 1, 1, "has a column at 1 to 2"},
		{"another end", head + "none\n", head + "0 active channels\n", Rows, 1, 1, "none"},
		{"nothing", "", head, Lines, 0, 0, "(nothing)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(Compare(c.ours, c.theirs, c.kind, c.head, c.tail), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got\n%s", got)
			}
		})
	}
}
