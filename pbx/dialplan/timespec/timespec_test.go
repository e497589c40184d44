package timespec

import (
	"testing"
	"time"
)

func TestSpec(t *testing.T) {
	monday := time.Date(2026, 11, 23, 12, 0, 59, 0, time.UTC)
	for _, c := range []struct {
		spec string
		at   time.Time
		want bool
	}{
		{"*,*,*,*", monday, true}, {"", monday, true}, {"9:00-17:00,mon-fri,*,*", monday, true}, {"9:00-12:00,*,*,*", monday, true}, {"9:00-11:59,*,*,*", monday, false},
		{"22:00-6:00,*,*,*", monday, false}, {"22:00-6:00,*,*,*", monday.Add(-8 * time.Hour), true}, {"9:00-10:00&12:00-12:00,*,*,*", monday, true},
		{"*,sat-tue,*,*", monday, true}, {"*,sat&sun,*,*", monday, false}, {"*,Monday,*,*", monday, true}, {"*,*,23,nov", monday, true}, {"*,*,1-22,*", monday, false},
		{"*,*,25-5,*", monday, false}, {"*,*,*,dec-feb", monday, false}, {"*,*,*,10-12", monday, true}, {"*|mon|*|*", monday, true},
		{"12:00-12:30,*,*,*,UTC", monday, true}, {"12:00-12:30,*,*,*,Asia/Taipei", monday, false}, {"20:00-20:00,*,*,*,Asia/Taipei", monday, true},
	} {
		spec, err := Parse(c.spec)
		if err != nil || spec.Match(c.at) != c.want {
			t.Errorf("%s at %v: %v, %v", c.spec, c.at, !c.want, err)
		}
	}
	for _, bad := range []string{"bad,*,*,*", "25:00-26:00,*,*,*", "9:00,*,*,*", "*,xyz,*,*", "*,*,32,*", "*,*,*,foo", "*,*,*,13", "*,*,*,*,No/Where", "*,1,*,*"} {
		spec, err := Parse(bad)
		if err == nil {
			t.Errorf("%s is accepted", bad)
		}
		if !spec.Match(monday) {
			t.Errorf("%s restricts", bad)
		}
	}
}
