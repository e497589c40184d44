package call_test

import (
	"testing"
	"testing/synctest"

	"branchline/pbx/dialplan/live"
	"branchline/pbx/fn"
	"branchline/pbx/fn/office"
	"branchline/pbx/pbxtest"
)

func TestPassingHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys := live.New(nil)
		functions := fn.Functions(office.Deps{System: sys})
		o := pbxtest.Open(t, `[default]
exten => 1,1,Set(PJSIP_INHERITABLE_HEADER(add,X-A)=one)
same => n,Set(PJSIP_INHERITABLE_HEADER(add,X-A)=two)
same => n,Set(PJSIP_INHERITABLE_HEADER(add,X-B)=gone)
same => n,Set(PJSIP_INHERITABLE_HEADER(add,X-C)=gone)
same => n,Set(PJSIP_INHERITABLE_HEADER(add,Y)=gone)
same => n,Set(PJSIP_INHERITABLE_HEADER(add,Yes)=gone)
same => n,Set(PJSIP_INHERITABLE_HEADER(update,X-A,2)=three)
same => n,Set(PJSIP_INHERITABLE_HEADER(update,X-Z)=none)
same => n,Set(PJSIP_INHERITABLE_HEADER(add,bad name)=x)
same => n,Set(PJSIP_INHERITABLE_HEADER(dance,X)=x)
same => n,Set(PJSIP_INHERITABLE_HEADER(remove,X-A,x)=)
same => n,Set(PJSIP_INHERITABLE_HEADER(remove,X-B)=)
same => n,Set(PJSIP_INHERITABLE_HEADER(remove,X-C,1)=)
same => n,Set(PJSIP_INHERITABLE_HEADER(remove,y*)=)
same => n,Verbose(> ${PJSIP_INHERITABLE_HEADER(read,x-a,2)}${PJSIP_INHERITABLE_HEADER(read,X-B)})
same => n,SIPAddHeader(X-S: s)
same => n,Dial(Local/2@default)
exten => 2,1,Dial(Test/b)
`, functions...)
		defer o.Close()
		o.Phone("a").Dial("1")
		got := ""
		for _, h := range o.Phone("b").Last().Request.Headers {
			got += h.Name + "=" + h.Value + " "
		}
		if want := "X-A=one X-A=three X-S=s "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
