package show

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/sip/outreg"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/subscribe"
)

func quiet(t testing.TB) *cli.Tree {
	t.Helper()
	snap := snapshot(t, "testdata/pjsip.conf")
	reg := registrar.New(registrar.Options{DB: registered(t), Log: slog.New(slog.DiscardHandler), Pinger: phones{}})
	reg.Configure(snap)
	return tree(t, snap, reg, 0, nil)
}

func said(t testing.TB, tr *cli.Tree, line string) string {
	t.Helper()
	var b bytes.Buffer
	tr.Run(context.Background(), &b, line)
	return b.String()
}

// S-163, S-195, S-196
func TestSubscriptions(t *testing.T) {
	tr := quiet(t)
	const head = "Endpoint: <Endpoint/Caller-ID.............................................>\n" +
		"Resource: <Resource/Event.................................................>\n" +
		"  Expiry: <Expiry>  <Call-id..............................................>\n" +
		"===========================================================================\n\n"
	for line, want := range map[string]string{
		"pjsip show subscriptions inbound":         head + "0 active subscriptions\n",
		"pjsip show subscriptions outbound":        head + "0 active subscriptions\n",
		"pjsip show subscriptions inbound like x":  head + "0 active subscriptions matched \"x\"\n",
		"pjsip list subscriptions inbound":         "Endpoint/CLI                   Resource/Event                 Expiry Call-id\n\n0 active subscriptions\n",
		"pjsip show subscription inbound x":        "Unable to find object x.\n\n",
		"pjsip list subscriptions outbound --json": "{\n  \"subscriptions\": []\n}\n",
	} {
		if got := said(t, tr, line); got != want {
			t.Errorf("%s: got\n%s", line, got)
		}
	}
	if got := strings.Join(tr.Complete("pjsip list subscriptions "), " "); got != "inbound outbound" {
		t.Error(got)
	}
}

// Layouts as Asterisk 22 prints them.
func TestSubscriptionsShown(t *testing.T) {
	d := Deps{Subscriptions: func() []subscribe.Entry {
		return []subscribe.Entry{
			{Endpoint: "1002", Exten: "600", Event: "presence", CallID: "p1", Left: 587 * time.Second},
			{Endpoint: "1001", Caller: channel.Party{Name: "Ann", Number: "1001"}, Exten: "1001", Event: "message-summary", CallID: "m1",
				Left: 299500 * time.Millisecond, Mailboxes: []string{"1001@default"}},
			{Endpoint: "SIP/2001", Legacy: true, Exten: "600", Event: "dialog", CallID: "other"},
			{Endpoint: "1002", Over: true, Exten: "600", Event: "dialog", CallID: "over"},
		}
	}}
	tr := cli.NewTree()
	if err := tr.Add(d.subscriptionCommands()...); err != nil {
		t.Fatal(err)
	}
	const (
		head = "Endpoint: <Endpoint/Caller-ID.............................................>\n" +
			"Resource: <Resource/Event.................................................>\n" +
			"  Expiry: <Expiry>  <Call-id..............................................>\n" +
			"===========================================================================\n\n"
		first  = "Endpoint: 1002/<none>\nResource: 600/presence\n  Expiry:      587  p1\n\n"
		second = "Endpoint: 1001/1001\nResource: 1001/message-summary\n  Expiry:      299  m1\n\n"
		one    = "ParameterName       : ParameterValue\n===========================================================================\n"
	)
	for line, want := range map[string]string{
		"pjsip show subscriptions inbound":          head + first + second + "2 active subscriptions\n",
		"pjsip show subscriptions outbound":         head + "0 active subscriptions\n",
		"pjsip show subscriptions inbound like 600": head + first + "1 active subscriptions matched \"600\"\n",
		"pjsip list subscriptions inbound": "Endpoint/CLI                   Resource/Event                 Expiry Call-id\n" +
			"1002/<none>                    600/presence                      587 p1\n" +
			"1001/1001                      1001/message-summary              299 m1\n\n2 active subscriptions\n",
		"pjsip show subscription inbound p1": one + "Resource            : 600\nEvent               : presence\nExpiry              : 587\n" +
			"Role                : Notifier\nEndpoint            : 1002\nCallid              : p1\nState               : ACTIVE\n" +
			"Callerid            : Unknown\nSubscriptionType    : extension_state\nExtension           : 600\nExtensionStates     : Idle\n\n",
		"pjsip show subscription inbound m1": one + "Resource            : 1001\nEvent               : message-summary\nExpiry              : 299\n" +
			"Role                : Notifier\nEndpoint            : 1001\nCallid              : m1\nState               : ACTIVE\n" +
			"Callerid            : \"Ann\" <1001>\nSubscriptionType    : mwi\nMailboxes           : 1001@default\n\n",
		"pjsip show subscription outbound m1":  "Unable to find object m1.\n\n",
		"pjsip show subscription inbound over": "Unable to find object over.\n\n",
	} {
		if got := said(t, tr, line); got != want {
			t.Errorf("%s: got\n%s", line, got)
		}
	}
}

// S-165, S-166, S-167, S-189, S-190
func TestQualify(t *testing.T) { synctest.Test(t, testQualify) }

// In virtual time the recorded contacts have not expired.
func testQualify(t *testing.T) {
	tr := quiet(t)
	for line, want := range map[string]string{
		"pjsip qualify 1003":                 "Qualifying AOR '1003' on endpoint '1003'\n",
		"pjsip qualify 1009":                 "Qualifying AOR '1009' on endpoint '1009'\nAOR '1009' has no contact to ask\n",
		"pjsip reload qualify aor 1003":      "Synchronizing AOR '1003'\n",
		"pjsip reload qualify aor nope":      "Unable to retrieve aor 'nope'\nCommand 'pjsip reload qualify aor nope' failed.\n",
		"pjsip reload qualify endpoint":      "Usage: pjsip reload qualify endpoint <id>\n       The same for all aors of an endpoint.\n",
		"pjsip reload qualify endpoint x":    "Unable to retrieve endpoint x\nCommand 'pjsip reload qualify endpoint x' failed.\n",
		"pjsip reload qualify endpoint 1003": "Synchronizing AOR '1003' on endpoint '1003'\n",
		"pjsip show qualify endpoint 1003 --json": "{\n  \"aors\": [\n    {\n      \"id\": \"1003\",\n      \"frequency\": 5,\n      \"timeout_ms\": 3000,\n" +
			"      \"2xx_only\": false,\n      \"authenticate\": false\n    }\n  ]\n}\n",
	} {
		if got := said(t, tr, line); got != want {
			t.Errorf("%s: got\n%s", line, got)
		}
	}
}

// S-193
func TestScheduledTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		snap := snapshot(t, "testdata/pjsip.conf")
		reg := registrar.New(registrar.Options{DB: registered(t), Log: slog.New(slog.DiscardHandler),
			Pinger: phones{"sip:1003@198.51.100.101:5060": 0, "sip:1003@198.51.100.103:5060": 0}})
		reg.Configure(snap)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- reg.Run(ctx) }()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		tr := tree(t, snap, reg, 0, &accounts{list: []outreg.Status{{Registration: snap.Registrations[0], Runs: 1, Last: time.Now(), Next: time.Now().Add(time.Hour)}}})
		const want = "PJSIP Scheduled Tasks:\n\n" +
			"<Task Name....................................> <Interval> <Times Run> <State>  <Queued....>  <Last Start>  <Next Start.....secs>\n" +
			"=================================================================================================================================\n" +
			"pjsip/options/1003-3b4d2a92                              5           2   wait   Sat 00:00:05  Sat 00:00:05  Sat 00:00:10        4\n" +
			"pjsip/options/1003-a394d374                              5           2   wait   Sat 00:00:05  Sat 00:00:05  Sat 00:00:10        4\n" +
			"pjsip/registration/reg-sip3                           3600           1   wait   Sat 00:00:06  Sat 00:00:06  Sat 01:00:06     3600\n" +
			"\nTotal Scheduled Tasks: 3\n\n"
		if got := said(t, tr, "pjsip show scheduled_tasks"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// S-158
func TestCiphers(t *testing.T) {
	tr := quiet(t)
	if got := said(t, tr, "pjsip list ciphers"); !strings.HasPrefix(got, "Available ciphers: 'TLS_") || !strings.HasSuffix(got, "'\n") {
		t.Error(got)
	}
}

func TestACL(t *testing.T) {
	snap := snapshot(t, "testdata/acl.conf")
	reg := registrar.New(registrar.Options{DB: astdb.Memory(), Log: slog.New(slog.DiscardHandler)})
	reg.Configure(snap)
	tr := tree(t, snap, reg, 0, nil)
	for line, want := range map[string]string{
		"acl show":      "\nacl\n---\noffice\n",
		"acl show nope": "\nCould not find ACL named 'nope'\n",
		"acl show office": "\nACL: office\n---------------------------------------------\n" +
			"  0: deny  - 0.0.0.0/0\n  1: allow - 198.51.100.0/24\n",
	} {
		if got := said(t, tr, line); got != want {
			t.Errorf("%s: got\n%s", line, got)
		}
	}
}

// Every table and every object gives a document, and no secret is in it.
func TestDocuments(t *testing.T) { synctest.Test(t, testDocuments) }

func testDocuments(t *testing.T) {
	tr := quiet(t)
	for line, key := range map[string]string{
		"pjsip show endpoints": "endpoints", "pjsip list endpoints": "endpoints", "pjsip show endpoint 1003": "endpoint",
		"pjsip show aors": "aors", "pjsip show aor 1003": "aor", "pjsip show auths": "auths", "pjsip show auth 1003_auth": "auth",
		"pjsip show contacts": "contacts", "pjsip show contact SIP3/sip:198.51.100.52": "contact",
		"pjsip show identifies": "identifies", "pjsip show identify SIP3": "identify",
		"pjsip show transports": "transports", "pjsip show transport transport-udp": "transport",
		"pjsip show registrations": "registrations", "pjsip show settings": "global", "pjsip show identifiers": "identifiers",
		"pjsip show version": "version", "pjsip show scheduled_tasks": "tasks", "pjsip list ciphers": "ciphers", "acl show": "acls",
		"pjsip show qualify aor 1003": "aors",
	} {
		got := said(t, tr, line+" --json")
		var doc map[string]any
		if err := json.Unmarshal([]byte(got), &doc); err != nil || doc[key] == nil {
			t.Errorf("%s: %v, no %q in\n%s", line, err, key, got)
		}
		if strings.Contains(got, "1234567890") {
			t.Errorf("%s shows a password", line)
		}
	}
	if got := said(t, tr, "pjsip show aor 1003 --json"); !strings.Contains(got, `"contact": [`) {
		t.Errorf("two contacts are no list:\n%s", got)
	}
}
