package dialog

import "testing"

func TestReplaced(t *testing.T) {
	for _, c := range []struct {
		value string
		want  ID
		ok    bool
	}{
		{"98732@x;from-tag=r33th4x0r;to-tag=ff87ff", ID{CallID: "98732@x", Local: "ff87ff", Remote: "r33th4x0r"}, true},
		{" a ; To-Tag=b ; From-Tag=c ; early-only", ID{CallID: "a", Local: "b", Remote: "c"}, true},
		{"a;to-tag=b", ID{}, false},
		{"a;from-tag=b", ID{}, false},
		{";to-tag=a;from-tag=b", ID{}, false},
		{"a;to-tag=b;to-tag=c;from-tag=d", ID{}, false},
		{"a;to-tag=b;from-tag=c;from-tag=d", ID{}, false},
		{"", ID{}, false},
	} {
		got, ok := Replaced(c.value)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %+v %v", c.value, got, ok)
		}
	}
}
