package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"branchline/media"
)

func lines(s ...string) []byte { return []byte(strings.Join(s, "\r\n") + "\r\n") }

var ours = Party{
	Owner: "-", Name: "Branchline", Addr: netip.MustParseAddr("192.0.2.9"), Audio: 10000,
	Codecs: []*media.Codec{media.PCMU, media.PCMA}, Events: true,
}

func mustParse(t *testing.T, text []byte) *Description {
	t.Helper()
	d, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Seed: S-020.
func TestOffer(t *testing.T) {
	tests := []struct {
		name string
		edit func(*Party)
		want []string
	}{
		{"telephone", func(*Party) {}, []string{
			"m=audio 10000 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000",
			"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20", "a=maxptime:140", "a=sendrecv"}},
		{"in-band digits", func(p *Party) { p.Events = false }, []string{
			"m=audio 10000 RTP/AVP 0 8", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=ptime:20", "a=maxptime:140", "a=sendrecv"}},
		{"packet time, other codecs", func(p *Party) {
			p.Events = false
			p.Codecs = []*media.Codec{media.G729, media.Opus}
			p.Ptimes = map[*media.Codec]time.Duration{media.G729: 40 * time.Millisecond}
		}, []string{
			"m=audio 10000 RTP/AVP 18 107", "a=rtpmap:18 G729/8000", "a=fmtp:18 annexb=no", "a=rtpmap:107 opus/48000/2",
			"a=ptime:40", "a=maxptime:60", "a=sendrecv"}},
		{"video only", func(p *Party) {
			p.Video, p.Codecs = 10002, []*media.Codec{media.H264}
		}, []string{"m=video 10002 RTP/AVP 99", "a=rtpmap:99 H264/90000", "a=sendrecv"}},
		{"video", func(p *Party) {
			p.Events, p.Video, p.Dir = false, 10002, SendOnly
			p.Codecs = []*media.Codec{media.PCMU, media.H264}
		}, []string{
			"m=audio 10000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=maxptime:140", "a=sendonly",
			"m=video 10002 RTP/AVP 99", "a=rtpmap:99 H264/90000", "a=sendonly"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := ours
			tt.edit(&p)
			head := []string{"v=0", "o=- 7 7 IN IP4 192.0.2.9", "s=Branchline", "c=IN IP4 192.0.2.9", "t=0 0"}
			got := string(Offer(p, Origin{ID: 7, Version: 7}, nil).Bytes())
			if want := string(lines(append(head, tt.want...)...)); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestOfferOverIPv6(t *testing.T) {
	p := ours
	p.Addr = netip.MustParseAddr("2001:db8::9")
	text := string(Offer(p, Origin{ID: 1, Version: 1}, nil).Bytes())
	for _, want := range []string{"o=- 1 1 IN IP6 2001:db8::9\r\n", "c=IN IP6 2001:db8::9\r\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// Sections keep their place and payload types their meaning (RFC 3264 8).
func TestReoffer(t *testing.T) {
	offer := mustParse(t, lines("v=0", "o=x 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0",
		"m=image 5000 udptl t38", "m=audio 4000 RTP/AVP 96 8", "a=rtpmap:96 telephone-event/8000"))
	first, _, err := Answer(offer, ours, Origin{ID: 1, Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	got := Offer(ours, Origin{ID: 1, Version: 2}, first)
	if len(got.Media) != 2 || got.Media[0].Port != 0 || got.Media[0].Kind != "image" || got.Media[1].Kind != "audio" {
		t.Fatalf("sections %+v", got.Media)
	}
	if f := strings.Join(got.Media[1].Formats, " "); f != "0 8 96" {
		t.Errorf("formats %s", f)
	}
}

// Seed: S-020.
func TestAnswer(t *testing.T) {
	tests := []struct {
		name   string
		offer  []string // after the session part
		edit   func(*Party)
		answer []string // media part
		remote string
		flow   string // formats/eventPT/send/recv
	}{
		{"order is ours", []string{"m=audio 4000 RTP/AVP 8 18 0 101", "a=rtpmap:101 telephone-event/8000"}, nil,
			[]string{"m=audio 10000 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000",
				"a=fmtp:101 0-16", "a=ptime:20", "a=maxptime:140", "a=sendrecv"}, "192.0.2.1:4000", "0=ulaw 8=alaw 101 true true"},
		{"order is the offer's", []string{"m=audio 4000 RTP/AVP 8 18 0 101", "a=rtpmap:101 telephone-event/8000"}, func(p *Party) { p.Theirs = true },
			[]string{"m=audio 10000 RTP/AVP 8 0 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000",
				"a=fmtp:101 0-16", "a=ptime:20", "a=maxptime:140", "a=sendrecv"}, "192.0.2.1:4000", "8=alaw 0=ulaw 101 true true"},
		{"their payload types", []string{"m=audio 4000 RTP/AVP 96 97", "a=rtpmap:96 pcmu/8000", "a=rtpmap:97 TELEPHONE-EVENT/8000"}, nil,
			[]string{"m=audio 10000 RTP/AVP 96 97", "a=rtpmap:96 PCMU/8000", "a=rtpmap:97 telephone-event/8000", "a=fmtp:97 0-16",
				"a=ptime:20", "a=maxptime:140", "a=sendrecv"}, "192.0.2.1:4000", "96=ulaw 97 true true"},
		{"first only", []string{"m=audio 4000 RTP/AVP 8 0"}, func(p *Party) { p.First = true },
			[]string{"m=audio 10000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=maxptime:140", "a=sendrecv"}, "192.0.2.1:4000", "0=ulaw 0 true true"},
		{"their packet time", []string{"m=audio 4000 RTP/AVP 0", "a=ptime:30"}, func(p *Party) { p.UsePtime = true },
			[]string{"m=audio 10000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:30", "a=maxptime:140", "a=sendrecv"}, "192.0.2.1:4000", "0=ulaw 0 true true"},
		{"feedback profile", []string{"m=audio 4000 RTP/AVPF 0"}, func(p *Party) { p.AVPF = true },
			[]string{"m=audio 10000 RTP/AVPF 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=maxptime:140", "a=sendrecv"}, "192.0.2.1:4000", "0=ulaw 0 true true"},
		{"events for every rate", []string{"m=audio 4000 RTP/AVP 0 96 101 102", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/8000", "a=rtpmap:102 telephone-event/48000"},
			func(p *Party) { p.Codecs = []*media.Codec{media.Opus, media.PCMU} },
			[]string{"m=audio 10000 RTP/AVP 96 0 102 101", "a=rtpmap:96 opus/48000/2", "a=rtpmap:0 PCMU/8000", "a=rtpmap:102 telephone-event/48000", "a=fmtp:102 0-16",
				"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20", "a=maxptime:60", "a=sendrecv"}, "192.0.2.1:4000", "96=opus 0=ulaw 102 true true"},
		{"hold", []string{"m=audio 4000 RTP/AVP 0", "a=sendonly"}, nil,
			[]string{"m=audio 10000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=maxptime:140", "a=recvonly"}, "192.0.2.1:4000", "0=ulaw 0 false true"},
		{"inactive", []string{"m=audio 4000 RTP/AVP 0", "a=inactive"}, nil,
			[]string{"m=audio 10000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=maxptime:140", "a=inactive"}, "192.0.2.1:4000", "0=ulaw 0 false false"},
		{"hold of old", []string{"m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0"}, nil,
			[]string{"m=audio 10000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=maxptime:140", "a=sendrecv"}, "invalid AddrPort", "0=ulaw 0 false true"},
		{"others declined, their place kept", []string{"m=image 5000 udptl t38", "m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 0", "m=video 4004 RTP/AVP 34"}, nil,
			[]string{"m=image 0 udptl t38", "m=audio 10000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=maxptime:140", "a=sendrecv",
				"m=audio 0 RTP/AVP 0", "m=video 0 RTP/AVP 34"}, "192.0.2.1:4000", "0=ulaw 0 true true"},
		{"SRTP skipped", []string{"m=audio 4000 RTP/SAVP 0", "m=audio 4002 RTP/AVP 0"}, nil,
			[]string{"m=audio 0 RTP/SAVP 0", "m=audio 10000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=maxptime:140", "a=sendrecv"}, "192.0.2.1:4002", "0=ulaw 0 true true"},
		{"video", []string{"m=audio 4000 RTP/AVP 0", "m=video 4004 RTP/AVP 97 34", "a=rtpmap:97 H264/90000", "a=fmtp:97 profile-level-id=42e01f"},
			func(p *Party) { p.Video, p.Codecs = 10002, []*media.Codec{media.PCMU, media.H264} },
			[]string{"m=audio 10000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=maxptime:140", "a=sendrecv",
				"m=video 10002 RTP/AVP 97", "a=rtpmap:97 H264/90000", "a=fmtp:97 profile-level-id=42e01f", "a=sendrecv"}, "192.0.2.1:4000", "0=ulaw 0 true true"},
		{"own address and rtcp", []string{"m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1", "b=AS:64", "a=rtcp:4005", "a=ptime:30", "a=maxptime:60"}, nil,
			[]string{"m=audio 10000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=maxptime:140", "a=sendrecv"}, "[2001:db8::1]:4000", "0=ulaw 0 true true"},
		{"events of 8000 Hz have to do", []string{"m=audio 4000 RTP/AVP 96 101", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/8000"},
			func(p *Party) { p.Codecs = []*media.Codec{media.Opus} },
			[]string{"m=audio 10000 RTP/AVP 96 101", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16",
				"a=ptime:20", "a=maxptime:60", "a=sendrecv"}, "192.0.2.1:4000", "96=opus 101 true true"},
		{"events at the wrong rate", []string{"m=audio 4000 RTP/AVP 0 101 102", "a=rtpmap:101 telephone-event/48000", "a=rtpmap:102 telephone-event/8000"}, nil,
			[]string{"m=audio 10000 RTP/AVP 0 102", "a=rtpmap:0 PCMU/8000", "a=rtpmap:102 telephone-event/8000", "a=fmtp:102 0-16",
				"a=ptime:20", "a=maxptime:140", "a=sendrecv"}, "192.0.2.1:4000", "0=ulaw 102 true true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := ours
			if tt.edit != nil {
				tt.edit(&p)
			}
			head := []string{"v=0", "o=x 5 6 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"}
			offer := mustParse(t, lines(append(head, tt.offer...)...))
			d, r, err := Answer(offer, p, Origin{ID: 5, Version: 7})
			if err != nil {
				t.Fatal(err)
			}
			_, got, _ := strings.Cut(string(d.Bytes()), "t=0 0\r\n")
			if want := string(lines(tt.answer...)); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if got := r.Audio.Remote.String(); got != tt.remote {
				t.Errorf("remote %s, want %s", got, tt.remote)
			}
			text := ""
			for _, f := range r.Audio.Formats {
				text += fmt.Sprintf("%d=%s ", f.PT, f.Codec.Name)
			}
			text += fmt.Sprintf("%d %v %v", r.Audio.EventPT, r.Audio.Send, r.Audio.Recv)
			if text != tt.flow {
				t.Errorf("flow %s, want %s", text, tt.flow)
			}
			if tt.name == "own address and rtcp" && r.Audio.RemoteRTCP.String() != "[2001:db8::1]:4005" {
				t.Errorf("rtcp %s", r.Audio.RemoteRTCP)
			}
		})
	}
}

func TestNothingInCommon(t *testing.T) {
	for _, m := range []string{"m=audio 4000 RTP/AVP 18", "m=audio 4000 RTP/SAVP 0", "m=audio 4000 RTP/AVPF 0", "m=audio 0 RTP/AVP 0", "m=image 5000 udptl t38",
		"m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000", "m=audio 4000 RTP/AVP x y"} {
		offer := mustParse(t, lines("v=0", "o=x 5 6 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", m))
		if _, _, err := Answer(offer, ours, Origin{}); !errors.Is(err, ErrNothingCommon) {
			t.Errorf("%s: %v", m, err)
		}
	}
}

func TestAccept(t *testing.T) {
	offer := Offer(ours, Origin{ID: 1, Version: 1}, nil)
	head := []string{"v=0", "o=x 5 6 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"}
	r, err := Accept(offer, mustParse(t, lines(append(head, "m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "a=sendonly")...)), ours)
	if err != nil {
		t.Fatal(err)
	}
	if r.Audio.Formats[0].Codec != media.PCMA || r.Audio.EventPT != 101 || !r.Held || r.Audio.Send || !r.Audio.Recv {
		t.Errorf("%+v", r)
	}
	for _, m := range [][]string{nil, {"m=audio 0 RTP/AVP 8"}, {"m=video 4000 RTP/AVP 34"}, {"m=audio 4000 RTP/AVP 18"}, {"m=audio 4000 RTP/SAVP 0"}} {
		if _, err := Accept(offer, mustParse(t, lines(append(append([]string{}, head...), m...)...)), ours); !errors.Is(err, ErrNothingCommon) {
			t.Errorf("%v: %v", m, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	long := "v=0\r\no=x 1 1 IN IP4 1.2.3.4\r\n"
	tests := []struct {
		name, text string
		want       error
	}{
		{"empty", "", ErrSyntax},
		{"words", "hello", ErrSyntax},
		{"no origin", "v=0\r\ns=-\r\n", ErrSyntax},
		{"version", "v=1\r\n", ErrSyntax},
		{"origin short", "v=0\r\no=x 1 1\r\n", ErrSyntax},
		{"port", long + "m=audio 70000 RTP/AVP 0\r\n", ErrSyntax},
		{"negative port", long + "m=audio -1 RTP/AVP 0\r\n", ErrSyntax},
		{"media short", long + "m=audio\r\n", ErrSyntax},
		{"connection", long + "c=IN\r\n", ErrSyntax},
		{"rtpmap", long + "m=audio 1 RTP/AVP 0\r\na=rtpmap:9 x\r\n", ErrSyntax},
		{"no rtpmap", long + "m=audio 1 RTP/AVP 0 100\r\n", ErrSyntax},
		{"rate", long + "m=audio 1 RTP/AVP 0\r\na=rtpmap:96 x/-5\r\n", ErrSyntax},
		{"control characters", long + "m=audio 1 RTP/AVP 0\r\na=fmtp:96 x\rm=audio\r\n", ErrSyntax},
		{"10,000 lines", long + strings.Repeat("a=x\r\n", 10000), ErrTooLarge},
		{"lines", long + strings.Repeat("a=\n", 1001), ErrTooLarge},
		{"sections", long + strings.Repeat("m=audio 1 RTP/AVP 0\r\n", 17), ErrTooLarge},
		{"formats", long + "m=audio 1 RTP/AVP" + strings.Repeat(" 0", 65), ErrTooLarge},
		{"a megabyte", long + strings.Repeat("x", 1<<20), ErrTooLarge},
	}
	for _, tt := range tests {
		if _, err := Parse([]byte(tt.text)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestParseTolerance(t *testing.T) {
	d := mustParse(t, []byte("v=0\no=- 99999999999999999999 x IN IP4 host.example\ns=\nc=IN IP4 host.example\nt=0 0\na=inactive\nz=odd\n"+
		"m=audio 4000/2 RTP/AVP 0 bob\na=rtpmap:bob x\na=sendrecv\na=ptime:20.0\na=rtcp:x\na=candidate:1 1 UDP 1 ::1 1 typ host\nm=audio 4002 RTP/AVP 0\n"))
	if d.Media[0].Dir != SendRecv || d.Media[1].Dir != Inactive || d.Media[0].Port != 4000 || d.Media[0].Ptime != 20 || d.Media[0].Conn.IsValid() {
		t.Errorf("%+v", d.Media)
	}
	_, r, err := Answer(d, ours, Origin{ID: 1, Version: 1})
	if err != nil || r.Audio.Remote.IsValid() || !r.Audio.Send {
		t.Errorf("a name as address: %+v, %v", r.Audio, err)
	}
}

func TestDirections(t *testing.T) {
	for d, reversed := range map[Direction]Direction{SendRecv: SendRecv, SendOnly: RecvOnly, RecvOnly: SendOnly, Inactive: Inactive} {
		if got := d.Reversed(); got != reversed {
			t.Errorf("%v reversed: %v", d, got)
		}
	}
	if got := SendRecv.Within(RecvOnly); got != RecvOnly {
		t.Errorf("within: %v", got)
	}
	if got := SendOnly.Within(RecvOnly); got != Inactive {
		t.Errorf("within: %v", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendonly\r\n"))
	f.Add([]byte("v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nm=video 1 RTP/AVPF 97\r\nc=IN IP6 fe80::1%eth0\r\na=rtpmap:97 H264/90000/1\r\na=rtcp:5 IN IP6 ::2\r\nm=image 5 udptl t38\r\n"))
	p := ours
	p.Video, p.Codecs = 10002, media.Codecs
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Parse(body)
		if err != nil {
			return
		}
		answer, r, err := Answer(d, p, Origin{ID: 1, Version: 1})
		if err != nil {
			return
		}
		if len(answer.Media) != len(d.Media) {
			t.Fatalf("%d sections answered with %d", len(d.Media), len(answer.Media))
		}
		again, err := Parse(answer.Bytes())
		if err != nil {
			t.Fatalf("our answer does not parse: %v\n%s", err, answer.Bytes())
		}
		if len(again.Media) != len(d.Media) {
			t.Fatalf("our answer reads as %d sections, not %d\n%s", len(again.Media), len(d.Media), answer.Bytes())
		}
		if r.Video == nil && len(r.Audio.Formats) == 0 {
			t.Fatal("success without a stream")
		}
	})
}
