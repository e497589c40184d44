package parts_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/haltest/modemtest"
	"branchline/hal/modem/parts"
	"branchline/hal/modem/pdu"
)

// deliver makes the parts of a message as they lie in a store.
func deliver(t *testing.T, first int, from, text string) []parts.Stored {
	t.Helper()
	var out []parts.Stored
	for i, digits := range modemtest.Delivered(from, text) {
		m, err := pdu.Parse(digits)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, parts.Stored{Index: first + i, Deliver: m.(*pdu.Deliver)})
	}
	return out
}

func TestStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("長", 150) // three parts
		one, three := deliver(t, 1, "0911", "hello"), deliver(t, 5, "0922", long)
		var s parts.Store
		told := func(hurry bool, stored ...parts.Stored) string {
			var out []string
			for _, m := range s.Sort(stored, hurry) {
				out = append(out, fmt.Sprintf("%s %s %v", m.From, strings.ReplaceAll(m.Body, "長", "x"), m.Indexes))
			}
			return strings.Join(out, "; ")
		}
		x := func(n int) string { return strings.Repeat("x", n) }
		for _, c := range []struct{ what, got, want string }{
			{"alone", told(false, one...), "0911 hello [1]"},
			{"a part is missing", told(false, three[2], one[0], three[0]), "0911 hello [1]"},
			{"it has come", told(false, three[2], three[0], three[1]), "0922 " + x(150) + " [5 6 7]"},
			{"one came twice", told(false, three[0], three[1], three[0], three[2]), "0922 " + x(150) + " [5 5 6 7]"},
			{"no room to wait", told(true, three[0], three[2]), "0922 " + x(67) + "[...]" + x(16) + " [5 7]"},
			{"the first is missing", told(true, three[1]), "0922 [...]" + x(67) + "[...] [6]"},
			{"waiting", told(false, three[0]), ""},
		} {
			if c.got != c.want {
				t.Errorf("%s:\n got  %s\n want %s", c.what, c.got, c.want)
			}
		}
		time.Sleep(23 * time.Hour)
		if got := told(false, three[0]); got != "" {
			t.Errorf("after 23 hours: %s", got)
		}
		time.Sleep(2 * time.Hour)
		if got := told(false, three[0]); got != "0922 "+x(67)+"[...] [5]" {
			t.Errorf("after 25 hours: %s", got)
		}
		// Text that looks like a gap is none.
		if got := told(false, deliver(t, 1, "0933", "[...]")...); got != "0933 [...] [1]" {
			t.Error(got)
		}
	})
}

func TestSent(t *testing.T) {
	var s parts.Sent
	letter, all, err := s.Begin(hal.Message{To: "0911", Body: strings.Repeat("長", 100), Ref: "m1"}, true)
	if err != nil || len(all) != 2 {
		t.Fatal(len(all), err)
	}
	quiet := func(what string, e hal.Event, over bool) {
		t.Helper()
		if over {
			t.Errorf("%s: %+v", what, e)
		}
	}
	report := func(ref, status byte) (hal.Event, bool) {
		return s.Report(&pdu.Report{Ref: ref, To: "0911", Status: status})
	}
	e, over := report(8, 0x46) // before the module has told which it is
	quiet("early", e, over)
	e, over = letter.Took(7)
	quiet("the first is on its way", e, over)
	e, over = report(7, 0x20)
	quiet("the network is still trying", e, over)
	e, over = report(7, 0)
	quiet("the first has arrived", e, over)
	if e, over = letter.Took(8); !over || e.Kind != hal.TextSent || e.Err == nil || e.Message.Ref != "m1" {
		t.Errorf("the second has not: %+v %v", e, over)
	}
	if _, _, err := s.Begin(hal.Message{To: "nobody", Body: "x"}, true); err == nil || errors.Is(err, hal.ErrBusy) {
		t.Errorf("to nobody: %v", err)
	}
}
