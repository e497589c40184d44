package dest_test

import (
	"testing"

	"branchline/pbx/line/dest"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]dest.Target{
		"3":                       {Line: "3"},
		"3/110":                   {Line: "3", Digits: "110"},
		"03/1/2":                  {Line: "3", Digits: "1"},
		"g1/110":                  {Group: true, Number: 1, Digits: "110"},
		"G63":                     {Group: true, Number: 63, Last: true},
		"r0/1":                    {Group: true, Turns: true, Digits: "1"},
		"R2/1":                    {Group: true, Number: 2, Last: true, Turns: true, Digits: "1"},
		"2r3":                     {Line: "2", Ring: 3},
		"2c":                      {Line: "2", Confirm: true},
		"2cr3/1":                  {Line: "2", Confirm: true, Ring: 3, Digits: "1"},
		"2r12c":                   {Line: "2", Confirm: true, Ring: 12},
		"g1c/0912":                {Group: true, Number: 1, Confirm: true, Digits: "0912"},
		"office/1":                {Line: "office", Digits: "1"},
		"green":                   {Line: "green"},
		"3x":                      {},
		"3d":                      {},
		"3r0":                     {},
		"3r":                      {},
		"3cr":                     {},
		"":                        {},
		"/1":                      {},
		"g1r99999999999999999999": {},
	} {
		got, err := dest.Parse(text, true)
		if bad := want == (dest.Target{}); bad != (err != nil) || !bad && got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	if got, err := dest.Parse("g1c/1", false); err != nil || got != (dest.Target{Line: "g1c", Digits: "1"}) {
		t.Errorf("a name that looks like a group: %+v, %v", got, err)
	}
}
