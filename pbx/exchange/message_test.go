package exchange_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"branchline/pbx/channel"
	"branchline/pbx/exchange"
	"branchline/pbx/fn"
	"branchline/pbx/fn/office"
	"branchline/pbx/pbxtest"
)

const textConf = `[default]
exten => 1,1,Verbose(> ${MESSAGE(from)} to ${MESSAGE(to)}: ${MESSAGE(body)} ${MESSAGE_DATA(X-Mood)})
same => n,Answer()
same => n,Playback(demo-congrats)
same => n,Set(MESSAGE(body)=bye)
same => n,Set(MESSAGE_DATA(X-Mood)=bad)
same => n,Verbose(> ${MESSAGE(body)} ${MESSAGE_DATA(X-Mood)} on ${CHANNEL})
same => n,Wait(1)
same => n,MessageSend(test:1,me)
same => n,Verbose(> ${MESSAGE_SEND_STATUS})
same => n,MessageSend(1)
same => n,Verbose(> ${MESSAGE_SEND_STATUS})
exten => 2,1,Verbose(> [${MESSAGE(body)}])
same => n,SendText(hello)
same => n,Verbose(> ${SENDTEXTSTATUS})
`

func TestTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := pbxtest.OpenWith(t, "", exchange.Options{})
		o.System.Catalog = exchange.NewCatalog(o.Applications(), fn.Functions(office.Deps{System: o.System}))
		o.Load(textConf)
		defer o.Close()
		for i := range 2 {
			err := o.AcceptText(context.Background(), channel.IncomingText{Context: "default", Exten: "1", Text: channel.Text{
				To: "b", From: "a", Body: fmt.Sprint("hello ", i), Headers: []channel.Header{{Name: "X-Mood", Value: "good"}},
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := len(o.Channels()); n != 1 {
			t.Errorf("%d messages at a time", n)
		}
		wantTrace(o, "> a to b: hello 0 good", "> bye bad on Message/ast_msg_queue-00000000")
		o.Phone("a").Dial("2").Want("hangup 0")
		wantTrace(o, "> []", "> UNSUPPORTED")
		if strings.Contains(o.Trace.String(), "hello 1") {
			t.Error("the second message did not wait for the first")
		}
		o.Phone("a").Dial("2").After(3e9, "hangup 0")
		wantTrace(o, "hello 1 good", "> INVALID_PROTOCOL", "> INVALID_URI")
		if n := len(o.Channels()); n != 0 {
			t.Errorf("%d channels are left", n)
		}
		o.Refuse(true)
		if err := o.AcceptText(context.Background(), channel.IncomingText{}); err == nil {
			t.Error("accepted while stopping")
		}
	})
}
