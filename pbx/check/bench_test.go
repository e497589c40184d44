package check

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// large is an exchange of n phones, each with an extension of its own.
func large(n int) fstest.MapFS {
	var sip, plan strings.Builder
	sip.WriteString("[udp]\ntype=transport\nbind=192.168.50.9\n")
	plan.WriteString("[default]\n")
	for i := range n {
		fmt.Fprintf(&sip, "[%[1]d]\ntype=endpoint\naors=%[1]d\nauth=%[1]d\nallow=ulaw\n[%[1]d]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n"+
			"[%[1]d]\ntype=auth\nusername=%[1]d\npassword=fr7w-93kd-%[1]d\n", 100000+i)
		fmt.Fprintf(&plan, "exten => %[1]d,1,Dial(PJSIP/${EXTEN},20)\n same => n,GotoIf($[\"${DIALSTATUS}\" = \"BUSY\"]?busy)\n same => n,Playback(invalid)\n"+
			" same => n,Hangup()\n same => n(busy),Busy(5)\n", 100000+i)
	}
	return fstest.MapFS{"pjsip.conf": {Data: []byte(sip.String())}, "extensions.conf": {Data: []byte(plan.String())}}
}

// BenchmarkCheck reads and checks exchanges of different size.
func BenchmarkCheck(b *testing.B) {
	catalog := everything()
	for _, n := range []int{100, 10000} {
		files := large(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if found := judge(files, catalog).diags; len(found) > 0 {
					b.Fatal(found[0])
				}
			}
		})
	}
}

// TestLarge holds a clean exchange of many phones to be without findings.
func TestLarge(t *testing.T) {
	for _, d := range judge(large(500), everything()).diags {
		t.Error(d)
	}
}
