// Package q850 says in the telephone network's terms (ITU-T Q.850) what SIP says
// with a status, and the other way round, as it was measured on Asterisk: the
// final response that a cause becomes, the cause that a response is, and the one
// that a message gives itself.
package q850

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
)

// Status is the final response an unanswered caller gets for a cause, as measured
// on Asterisk 22. It is no 302: without a target there is nothing to move to.
func Status(c channel.Cause) int {
	switch c {
	case channel.Unallocated, channel.NoRouteTransit, channel.NoRoute:
		return 404
	case channel.UserBusy:
		return 486
	case channel.NoUserResponse:
		return 408
	case channel.NoAnswer, channel.SubscriberAbsent, channel.NormalUnspecified:
		return 480
	case channel.CallRejected:
		return 403
	case channel.NumberChanged:
		return 410
	case channel.DestinationOutOfOrder:
		return 502
	case channel.InvalidNumberFormat:
		return 484
	case channel.FacilityRejected:
		return 501
	case channel.NormalCircuitCongestion, channel.SwitchCongestion, channel.ChanNotImplemented:
		return 503
	case channel.NetworkOutOfOrder, channel.Interworking:
		return 500
	case channel.BearerCapabilityNotAvail:
		return 488
	default:
		return 603
	}
}

// Cause is why a leg failed that got this final response, as measured.
func Cause(status int) channel.Cause {
	switch status {
	case 401, 403, 407, 603:
		return channel.CallRejected
	case 404, 485, 604:
		return channel.Unallocated
	case 408:
		return channel.NoUserResponse
	case 410:
		return channel.NumberChanged
	case 420:
		return channel.NoRoute
	case 480, 483:
		return channel.NoAnswer
	case 484:
		return channel.InvalidNumberFormat
	case 486, 600:
		return channel.UserBusy
	case 488, 606:
		return channel.BearerCapabilityNotAvail
	case 500:
		return channel.NetworkOutOfOrder
	case 501:
		return channel.FacilityRejected
	case 502:
		return channel.DestinationOutOfOrder
	case 504:
		return channel.RecoveryOnTimerExpire
	case 505:
		return channel.Interworking
	}
	switch {
	case status >= 300 && status < 400:
		return channel.NoCause
	case status >= 500 && status < 600:
		return channel.NormalCircuitCongestion
	default:
		return channel.Interworking
	}
}

// Told is the cause a message gives itself (RFC 3326, Q.850), which outweighs
// what its status says.
func Told(m sip.Message) (channel.Cause, bool) {
	for _, h := range m.GetHeaders("Reason") {
		for _, value := range strings.Split(h.Value(), ",") {
			parts := strings.Split(value, ";")
			if !strings.EqualFold(strings.TrimSpace(parts[0]), "Q.850") {
				continue
			}
			for _, p := range parts[1:] {
				k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
				n, err := strconv.Atoi(strings.TrimSpace(v))
				if strings.EqualFold(strings.TrimSpace(k), "cause") && err == nil && n > 0 && n <= 127 {
					return channel.Cause(n), true
				}
			}
		}
	}
	return 0, false
}
