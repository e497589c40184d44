package way

import (
	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/digest"
)

// Credentials answer challenges with the endpoint's outbound_auth.
type Credentials struct {
	client digest.Client
	Auths  []*settings.Auth
	signed uint32 // CSeq of the last request with credentials
}

// Authorize answers the challenge in res on req. Only a challenge to a request
// that had credentials refuses them: each request within a dialog is challenged
// for itself.
func (c *Credentials) Authorize(req *sip.Request, res *sip.Response) error {
	if h := res.CSeq(); h == nil || c.signed == 0 || h.SeqNo != c.signed {
		c.client = digest.Client{}
	}
	if err := c.client.Answer(req, res, c.Auths); err != nil {
		return err
	}
	if h := req.CSeq(); h != nil {
		c.signed = h.SeqNo
	}
	return nil
}
