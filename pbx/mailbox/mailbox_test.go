package mailbox_test

import (
	"fmt"
	"strings"
	"testing"

	"branchline/pbx/astdb"
	"branchline/pbx/mailbox"
)

func TestStates(t *testing.T) {
	var s mailbox.Store
	if _, ok := s.Of("1001@default"); ok {
		t.Error("a mailbox nobody has told of is known")
	}
	for _, c := range []struct {
		set, of string
		in, out mailbox.Count
	}{
		{"1001@default", "1001", mailbox.Count{New: 2, Old: 8}, mailbox.Count{New: 2, Old: 8}},
		{"1001", " 1001@default ", mailbox.Count{New: 1}, mailbox.Count{New: 1}},
		{"1001@office", "1001@office", mailbox.Count{New: 5}, mailbox.Count{New: 5}},
		{"1002@", "1002", mailbox.Count{New: -1, Old: -7}, mailbox.Count{}},
	} {
		if !s.Set(c.set, c.in) {
			t.Errorf("%s is not kept", c.set)
		}
		if got, ok := s.Of(c.of); !ok || got != c.out {
			t.Errorf("%s set to %v: %s is %v, %v", c.set, c.in, c.of, got, ok)
		}
	}
	if got, ok := s.Sum([]string{"1001", "1001@office", "9"}); !ok || got != (mailbox.Count{New: 6}) {
		t.Errorf("together: %v, %v", got, ok)
	}
	if _, ok := s.Sum([]string{"9"}); ok {
		t.Error("the sum of what is unknown is known")
	}
	s.Set("a", mailbox.Count{New: mailbox.MaxCount})
	if got, _ := s.Sum([]string{"a", "1001"}); got.New < mailbox.MaxCount-1 || got.New > mailbox.MaxCount {
		t.Errorf("a sum beyond the bound is %d", got.New)
	}
}

func TestWatch(t *testing.T) {
	var s mailbox.Store
	var log []string
	stop := s.Watch("1001@default", func() {
		c, _ := s.Of("1001")
		log = append(log, fmt.Sprint("a", c))
	})
	end := s.Watch("1001", func() { log = append(log, "b") })
	s.Set("1001", mailbox.Count{New: 1})
	s.Set("1001", mailbox.Count{New: 1}) // no change
	s.Set("1002", mailbox.Count{New: 1}) // another
	stop()
	stop()
	s.Set("1001", mailbox.Count{})
	end()
	s.Set("1001", mailbox.Count{New: 3})
	if got := strings.Join(log, " "); got != "a{1 0} b b" {
		t.Errorf("told: %s", got)
	}
}

// What is known outlives a restart.
func TestKept(t *testing.T) {
	db := astdb.Memory()
	s := mailbox.New(db)
	s.Set("1001@default", mailbox.Count{New: 2, Old: 8})
	s.Set("1001@default", mailbox.Count{New: 1, Old: 9})
	s.Set("a/b@office", mailbox.Count{Old: 3})
	_ = db.Put("Mailbox", "odd", "many")
	s = mailbox.New(db)
	for name, want := range map[string]mailbox.Count{"1001": {New: 1, Old: 9}, "a/b@office": {Old: 3}} {
		if got, ok := s.Of(name); !ok || got != want {
			t.Errorf("%s: %v, %v, want %v", name, got, ok, want)
		}
	}
	if _, ok := s.Of("odd"); ok {
		t.Error("what cannot be read is known")
	}
}

func TestBounds(t *testing.T) {
	var s mailbox.Store
	if s.Set("", mailbox.Count{}) || s.Set("@default", mailbox.Count{}) || s.Set(strings.Repeat("x", mailbox.MaxName+1), mailbox.Count{}) {
		t.Error("a mailbox without a name, or with one too long, is kept")
	}
	for i := range mailbox.MaxMailboxes {
		s.Set(fmt.Sprint(i), mailbox.Count{})
	}
	if s.Set("one more", mailbox.Count{}) {
		t.Error("there is no bound")
	}
	if !s.Set("7", mailbox.Count{New: 1}) {
		t.Error("a known mailbox of a full store cannot change")
	}
}
