package prompt

import (
	"strings"
	"testing"

	"branchline/pbx/channel"
)

func TestWords(t *testing.T) {
	say := func(names []string) string {
		out := strings.Join(names, " ")
		return strings.NewReplacer("digits/", "", "letters/", "", "phonetic/", "").Replace(out)
	}
	for _, c := range []struct{ got, want string }{
		{say(Digits("30*#-1x")), "3 0 star pound minus 1"},
		{say(Number(0)), "0"},
		{say(Number(7)), "7"},
		{say(Number(20)), "20"},
		{say(Number(21)), "20 1"},
		{say(Number(113)), "1 hundred 13"},
		{say(Number(-90)), "minus 90"},
		{say(Number(12345)), "12 thousand 3 hundred 40 5"},
		{say(Number(1000000)), "1 million"},
		{say(Number(2000000001)), "2 billion 1"},
		{say(Number(-1 << 63)), "minus"},
		{say(Ordinal(3)), "h-3"},
		{say(Ordinal(31)), "30 h-1"},
		{say(Ordinal(30)), "h-30"},
		{say(Letters("aB1.#")), "a b 1 dot pound"},
		{say(Phonetics("a1")), "a_p 1"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestTone(t *testing.T) {
	for name, ok := range map[string]bool{"busy": true, "440+480/2000,0/4000": true, "no such tone": false} {
		src, err := Tone(&channel.Channel{}, name)
		if (err == nil) != ok || (src != nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Tone(&channel.Channel{}, holdTone); err != nil {
		t.Error(err)
	}
}
