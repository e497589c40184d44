package main

import (
	"fmt"
	"strings"
	"testing/fstest"

	"branchline/appliance/e2e/lan"
)

const password = "1234567890"

// number is the name of the i-th extension.
func number(i int) string { return fmt.Sprint(10000 + i) }

// configuration has that many extensions with digest authentication, and a pair of trunks without
// for calls: load calls from callerAt to 5xxxx end at calleeAt.
func configuration(extensions int) fstest.MapFS {
	var b strings.Builder
	fmt.Fprintf(&b, "[udp]\ntype=transport\nprotocol=udp\nbind=%s%d\n\n", lan.Prefix, exchangeAt)
	b.WriteString("[phone](!)\ntype=endpoint\ncontext=bench\ndisallow=all\nallow=ulaw\ndirect_media=no\n" +
		"[login](!)\ntype=auth\nauth_type=userpass\npassword=" + password + "\n" +
		"[place](!)\ntype=aor\nmax_contacts=1\nremove_existing=yes\n")
	for i := range extensions {
		n := number(i)
		fmt.Fprintf(&b, "[%[1]s](phone)\nauth=%[1]s\naors=%[1]s\n[%[1]s](login)\nusername=%[1]s\n[%[1]s](place)\n", n)
	}
	fmt.Fprintf(&b, "[caller](phone)\n[caller]\ntype=identify\nendpoint=caller\nmatch=%[1]s%[2]d\n"+
		"[callee](phone)\naors=callee\n[callee]\ntype=aor\ncontact=sip:callee@%[1]s%[3]d:5060\n",
		lan.Prefix, callerAt, calleeAt)
	return fstest.MapFS{
		"pjsip.conf": {Data: []byte(b.String())},
		"extensions.conf": {Data: []byte("[general]\nstatic=yes\n[bench]\n" +
			"exten => _5XXXX,1,Dial(PJSIP/callee,30)\n same => n,Hangup()\n")},
	}
}
