package prompt

import (
	"math"
	"testing"
	"testing/fstest"

	"branchline/media/tone"
	"branchline/pbx/astconf"
	"branchline/pbx/channel"
)

func TestIndications(t *testing.T) {
	file, diags := astconf.Load(fstest.MapFS{
		"indications.conf": {Data: []byte("[general]\ncountry=de\n[de]\ndial = 400 ; ours\nring = nonsense\n#include more.conf\n")},
		"more.conf":        {Data: []byte("[xx]\ndescription = Nowhere\nbusy = 1/2,x\n")},
	}, IndicationsFile)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	book, diags := Indications(file)
	if len(diags) != 2 || diags[0].Line != 5 || diags[1].File != "more.conf" || diags[1].Line != 3 ||
		diags[0].Severity != astconf.Warning || diags[1].Severity != astconf.Note {
		t.Errorf("%v", diags)
	}
	for _, c := range [][3]string{{"", "dial", "400"}, {"de", "ring", "440+480/2000,0/4000"}, {"tw", "busy", "480+620/500,0/500"}} {
		if got, _ := book.Find(c[0], c[1]); got != c[2] {
			t.Errorf("%s %s is %q, want %q", c[0], c[1], got, c[2])
		}
	}
	if book, diags = Indications(nil); book.Country() != "us" || len(diags) > 0 {
		t.Error("no file is not the built-in zones")
	}
}

// What a channel hears follows its book.
func TestToneOfBook(t *testing.T) {
	file, _ := astconf.Load(fstest.MapFS{"indications.conf": {Data: []byte("[general]\ncountry=xx\n[xx]\ndial = 1000\n")}}, IndicationsFile)
	book, _ := Indications(file)
	for _, c := range []struct {
		listener *channel.Channel
		want     float64
	}{{&channel.Channel{Tones: book}, 1000}, {&channel.Channel{Tones: book, ToneZone: "de"}, 425}, {&channel.Channel{ToneZone: "fr"}, 440}} {
		src, err := Tone(c.listener, "dial")
		if err != nil {
			t.Fatal(err)
		}
		m, b := tone.NewMeter(), make([]byte, 4000)
		src.Fill(b)
		_, _ = m.Write(b)
		if got := m.Frequency(); math.Abs(got-c.want) > 1 {
			t.Errorf("zone %q: %v Hz, want %v", c.listener.ToneZone, got, c.want)
		}
	}
}
