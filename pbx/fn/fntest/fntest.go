// Package fntest is for tests of dialplan functions: a channel with all of them
// around it, and scripts that read and write.
package fntest

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"branchline/media"
	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/fn"
	"branchline/pbx/fn/office"
	"branchline/pbx/presence"
	"branchline/pbx/settings"
	"branchline/pbx/settings/pjsipconf"
)

// Leg is a channel's technology: facts, headers and nothing else.
type Leg struct {
	name    string
	Headers []channel.Header
	Told    []channel.Party // what ConnectedLine was given
}

// NewLeg is the leg of another channel.
func NewLeg(name string) *Leg { return &Leg{name: name} }

func (l *Leg) Name() string                  { return l.name }
func (l *Leg) Bind(*channel.Mailbox)         {}
func (l *Leg) Dial()                         {}
func (l *Leg) Ring()                         {}
func (l *Leg) Progress()                     {}
func (l *Leg) Answer()                       {}
func (l *Leg) Hangup(channel.Cause)          {}
func (l *Leg) Media() media.Stream           { return nil }
func (l *Leg) ConnectedLine(p channel.Party) { l.Told = append(l.Told, p) }
func (l *Leg) Fact(name string) (string, bool) {
	if name == "pjsip,call-id" {
		return "abc@host", true
	}
	return "", false
}
func (l *Leg) Header(name string, n int) (string, bool) {
	for _, h := range l.Headers {
		if strings.EqualFold(h.Name, name) {
			if n--; n == 0 {
				return h.Value, true
			}
		}
	}
	return "", false
}
func (l *Leg) HeaderNames(prefix string) []string {
	var names []string
	for _, h := range l.Headers {
		if strings.HasPrefix(h.Name, prefix) {
			names = append(names, h.Name)
		}
	}
	return names
}
func (l *Leg) SetHeader(name, value string, add bool) {
	l.Headers = append(l.Headers, channel.Header{Name: name, Value: value + map[bool]string{true: " (added)"}[add]})
}

// Catalog is the functions alone.
type Catalog map[string]*dialplan.Function

func (Catalog) App(string) (*dialplan.App, bool) { return nil, false }
func (c Catalog) Function(name string) (*dialplan.Function, bool) {
	f, ok := c[strings.ToUpper(name)]
	return f, ok
}
func (Catalog) Refused(name string) (string, bool) { why, ok := fn.Refused()[name]; return why, ok }

// A Bench is a channel with all functions around it.
type Bench struct {
	System  *live.System
	Channel *channel.Channel
	Leg     *Leg         // of the channel
	Log     bytes.Buffer // what the dialplan has been told
	store   *astdb.DB
}

// New is a channel in extension s of [ev], on an exchange with a little of
// everything.
func New(t *testing.T) *Bench {
	t.Helper()
	b := &Bench{System: live.New(nil), Leg: &Leg{name: "PJSIP/1001-00000001"}, store: astdb.Memory()}
	b.System.Log = slog.New(slog.NewTextHandler(&b.Log, nil))
	b.Channel = channel.New(b.Leg, channel.NewMailbox())
	b.Channel.Context, b.Channel.Exten, b.Channel.UniqueID, b.Channel.LinkedID, b.Channel.Language = "ev", "s", "17.112", "17.112", "en"
	b.Channel.State = channel.Ring
	custom := map[string]channel.DeviceState{}
	first := b.Channel
	d := office.Deps{
		System: b.System, Store: b.store, Presence: &presence.States{Store: b.store}, Version: "0.1.0", Env: []string{"HOME=/root"},
		State: func(device string) channel.DeviceState {
			if s, ok := custom[device]; ok {
				return s
			}
			if device == "PJSIP/1001" {
				return channel.DeviceNotInUse
			}
			if strings.HasPrefix(device, "Custom:") {
				return channel.DeviceUnknown
			}
			return channel.DeviceInvalid
		},
		Custom: func(device, state string) bool {
			s, ok := channel.ParseDeviceState(state)
			if ok {
				custom[device] = s
			}
			return ok
		},
		Contacts: func(aor string) []office.Contact {
			if aor != "1001" {
				return nil
			}
			return []office.Contact{{ID: "1001;@0f3a", AOR: "1001", URI: "sip:1001@192.0.2.1:5099", Status: "NonQualified", UserAgent: "phone"}}
		},
		Channels: func() []*channel.Snapshot {
			return []*channel.Snapshot{first.Snapshot(), {Name: "PJSIP/1002-00000002"}}
		},
	}
	pjsip, _ := astconf.Load(fstest.MapFS{"p": {Data: []byte("[1001]\ntype=endpoint\naors=1001\nallow=ulaw\ncontext=t\n[1001]\ntype=aor\nmax_contacts=2\n")}}, "p")
	snapshot, _ := pjsipconf.Read(pjsip)
	d.Settings = func() *settings.Snapshot { return snapshot }
	cat := Catalog{}
	for _, f := range fn.Functions(d) {
		if cat[f.Name] != nil {
			t.Errorf("%s is there twice", f.Name)
		}
		if why, refused := fn.Refused()[f.Name]; refused {
			t.Errorf("%s is offered and refused: %s", f.Name, why)
		}
		cat[f.Name] = &f
	}
	b.System.Catalog = cat
	plan, _ := astconf.Load(fstest.MapFS{"e": {Data: []byte("[globals]\nGV=globalvalue\n[other]\nexten => 55,1,NoOp(x)\nexten => 55,n(lab),NoOp(x)\nexten => _6X.,1,NoOp\nexten => 55,hint,PJSIP/1001\nexten => 56,hint,PJSIP/1001(Desk)\nexten => _7X,hint,Custom:${EXTEN}\n[ev]\nexten => s,1,NoOp\n")}}, "e")
	p, _ := live.Compile(plan, nil)
	b.System.Install(p)
	return b
}

// Run evaluates a script: `!name=value` sets, everything else is `text -> want`.
func (b *Bench) Run(t *testing.T, script string) {
	t.Helper()
	ctx := context.Background()
	for _, line := range strings.Split(script, "\n") {
		line = strings.TrimLeft(line, "\t")
		if line == "" {
			continue
		}
		if set, ok := strings.CutPrefix(line, "!"); ok {
			depth, cut := 0, 0
			for i, c := range set {
				switch {
				case c == '(':
					depth++
				case c == ')':
					depth--
				case c == '=' && depth == 0 && cut == 0:
					cut = i
				}
			}
			if err := b.System.Assign(ctx, b.Channel, set[:cut], b.System.Expand(ctx, b.Channel, set[cut+1:])); err != nil && !strings.HasSuffix(set, "#refused") {
				t.Errorf("%s: %v", set, err)
			} else if err == nil && strings.HasSuffix(set, "#refused") {
				t.Errorf("%s is accepted", set)
			}
			continue
		}
		text, want, found := strings.Cut(line, " -> ")
		if !found {
			t.Fatalf("bad line %q", line)
		}
		if got := b.System.Expand(ctx, b.Channel, text); got != want {
			t.Errorf("%s = %q, want %q (%s)", text, got, want, b.Log.String())
		}
		b.Log.Reset()
	}
}
