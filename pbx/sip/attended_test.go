package sip

import "testing"

// TestReplaces: an INVITE with Replaces finds the call it names.
func TestReplaces(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		p := s.phone("1001", "198.51.100.206")
		defer p.Close()
		inv := p.Send("INVITE", "sip:77@"+pbxAddr, p.SDP(4000, "0"))
		p.Want("100")
		ok := p.Want("200")
		p.Ack(inv, ok)
		to, _ := ok.Res.To().Params.Get("tag")
		from, _ := inv.From().Params.Get("tag")
		r := p.Send("INVITE", "sip:s@"+pbxAddr, "Call-ID: other", "Require: replaces",
			"Replaces: "+inv.CallID().Value()+";to-tag="+to+";from-tag="+from, p.SDP(4002, "0"))
		p.Want("100")
		p.Ack(r, p.Want("404")) // the toy exchange knows no such extension
		s.x.mu.Lock()
		if got, want := s.x.calls[len(s.x.calls)-1].Replaces, s.x.calls[0].Leg.Name(); got != want {
			t.Errorf("replaces %q, want %q", got, want)
		}
		s.x.mu.Unlock()
		p.Within(inv, ok, "BYE")
		p.Want("200 BYE")
		s.x.done.Wait()
	})
}
