package office

import (
	"testing"
	"testing/fstest"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/settings"
	"branchline/pbx/settings/pjsipconf"
	"branchline/pbx/settings/sipconf"
)

func TestSIPPEER(t *testing.T) {
	f, _ := astconf.Load(fstest.MapFS{"sip.conf": {Data: []byte("[general]\ncontext=office\nallowguest=no\n" +
		"[1001]\ntype=friend\nhost=dynamic\nsecret=x\nsetvar=A=b\ncallerid=\"Ann\" <1001>\ncallgroup=1,3\nqualify=yes\ndisallow=all\nallow=alaw,ulaw\n" +
		"[gw]\ntype=peer\nhost=198.51.100.77\nport=5070\n[u]\ntype=user\nsecret=x\n")}}, "sip.conf")
	legacy, _ := sipconf.Read(f)
	snap, _ := pjsipconf.Read(nil)
	legacy.Join(snap)
	db := astdb.Memory()
	if err := db.Put("SIP/Registry", "1001", "198.51.100.206:5062:120:1001:sip:1001@10.0.0.5"); err != nil {
		t.Fatal(err)
	}
	d := Deps{Store: db, Settings: func() *settings.Snapshot { return snap }, Contacts: func(aor string) []Contact {
		if aor != "SIP/1001" {
			return nil
		}
		return []Contact{{AOR: aor, Status: "Reachable", RTT: 12 * time.Millisecond, UserAgent: "phone/1", Expires: time.Now().Add(time.Hour)}}
	}}
	for args, want := range map[string]string{
		"1001": "198.51.100.206", "1001,ip": "198.51.100.206", "1001,port": "5062", "1001,status": "OK (12 ms)", "1001,useragent": "phone/1",
		"1001,dynamic": "yes", "1001,context": "office", "1001,callerid_name": "Ann", "1001,callerid_num": "1001", "1001,callgroup": "1, 3",
		"1001,codecs": "(alaw|ulaw)", "1001,codec[1]": "ulaw", "1001,codec[9]": "", "1001,chanvar[A]": "b", "1001,chanvar[B]": "", "1001,curcalls": "0",
		"gw,ip": "198.51.100.77", "gw,port": "5070", "gw,dynamic": "no", "gw,expire": "-1", "gw,status": "Unmonitored",
	} {
		if got, err := d.sippeer(args); err != nil || got != want {
			t.Errorf("SIPPEER(%s) = %q, %v, want %q", args, got, err, want)
		}
	}
	for _, args := range []string{"nobody", "u,ip", "1001,secret"} {
		if got, err := d.sippeer(args); err == nil {
			t.Errorf("SIPPEER(%s) = %q", args, got)
		}
	}
	if _, err := (Deps{}).sippeer("1001"); err == nil {
		t.Error("no settings, and no error")
	}
}
