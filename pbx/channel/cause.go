package channel

import (
	"strconv"
	"strings"
)

// A Cause is a release cause of ITU-T Q.850, the currency in which every
// technology says why a leg ended. Zero means that none was given.
type Cause int

const (
	NoCause                  Cause = 0
	Unallocated              Cause = 1
	NoRouteTransit           Cause = 2
	NoRoute                  Cause = 3
	NormalClearing           Cause = 16
	UserBusy                 Cause = 17
	NoUserResponse           Cause = 18
	NoAnswer                 Cause = 19
	SubscriberAbsent         Cause = 20
	CallRejected             Cause = 21
	NumberChanged            Cause = 22
	RedirectedToNew          Cause = 23
	AnsweredElsewhere        Cause = 26
	DestinationOutOfOrder    Cause = 27
	InvalidNumberFormat      Cause = 28
	FacilityRejected         Cause = 29
	NormalUnspecified        Cause = 31
	NormalCircuitCongestion  Cause = 34
	NetworkOutOfOrder        Cause = 38
	NormalTemporaryFailure   Cause = 41
	SwitchCongestion         Cause = 42
	RequestedChanUnavail     Cause = 44
	BearerCapabilityNotAvail Cause = 58
	ChanNotImplemented       Cause = 66
	IncompatibleDestination  Cause = 88
	RecoveryOnTimerExpire    Cause = 102
	Interworking             Cause = 127
)

// causeNames holds Asterisk's dialplan names, as accepted by Hangup(), and the
// texts its console shows.
var causeNames = []struct {
	cause      Cause
	name, text string
}{
	{Unallocated, "UNALLOCATED", "Unallocated (unassigned) number"},
	{NoRouteTransit, "NO_ROUTE_TRANSIT_NET", "No route to specified transmit network"},
	{NoRoute, "NO_ROUTE_DESTINATION", "No route to destination"},
	{6, "CHANNEL_UNACCEPTABLE", "Channel unacceptable"},
	{7, "CALL_AWARDED_DELIVERED", "Call awarded and being delivered in an established channel"},
	{NormalClearing, "NORMAL_CLEARING", "Normal Clearing"},
	{UserBusy, "USER_BUSY", "User busy"},
	{NoUserResponse, "NO_USER_RESPONSE", "No user responding"},
	{NoAnswer, "NO_ANSWER", "User alerting, no answer"},
	{SubscriberAbsent, "SUBSCRIBER_ABSENT", "Subscriber absent"},
	{CallRejected, "CALL_REJECTED", "Call Rejected"},
	{NumberChanged, "NUMBER_CHANGED", "Number changed"},
	{RedirectedToNew, "REDIRECTED_TO_NEW_DESTINATION", "Redirected to new destination"},
	{AnsweredElsewhere, "ANSWERED_ELSEWHERE", "Answered elsewhere"},
	{DestinationOutOfOrder, "DESTINATION_OUT_OF_ORDER", "Destination out of order"},
	{InvalidNumberFormat, "INVALID_NUMBER_FORMAT", "Invalid number format"},
	{FacilityRejected, "FACILITY_REJECTED", "Facility rejected"},
	{30, "RESPONSE_TO_STATUS_ENQUIRY", "Response to STATus ENQuiry"},
	{NormalUnspecified, "NORMAL_UNSPECIFIED", "Normal, unspecified"},
	{NormalCircuitCongestion, "NORMAL_CIRCUIT_CONGESTION", "Circuit/channel congestion"},
	{NetworkOutOfOrder, "NETWORK_OUT_OF_ORDER", "Network out of order"},
	{NormalTemporaryFailure, "NORMAL_TEMPORARY_FAILURE", "Temporary failure"},
	{SwitchCongestion, "SWITCH_CONGESTION", "Switching equipment congestion"},
	{43, "ACCESS_INFO_DISCARDED", "Access information discarded"},
	{RequestedChanUnavail, "REQUESTED_CHAN_UNAVAIL", "Requested channel not available"},
	{50, "FACILITY_NOT_SUBSCRIBED", "Facility not subscribed"},
	{52, "OUTGOING_CALL_BARRED", "Outgoing call barred"},
	{54, "INCOMING_CALL_BARRED", "Incoming call barred"},
	{57, "BEARERCAPABILITY_NOTAUTH", "Bearer capability not authorized"},
	{BearerCapabilityNotAvail, "BEARERCAPABILITY_NOTAVAIL", "Bearer capability not available"},
	{65, "BEARERCAPABILITY_NOTIMPL", "Bearer capability not implemented"},
	{ChanNotImplemented, "CHAN_NOT_IMPLEMENTED", "Channel not implemented"},
	{69, "FACILITY_NOT_IMPLEMENTED", "Facility not implemented"},
	{81, "INVALID_CALL_REFERENCE", "Invalid call reference value"},
	{IncompatibleDestination, "INCOMPATIBLE_DESTINATION", "Incompatible destination"},
	{95, "INVALID_MSG_UNSPECIFIED", "Invalid message unspecified"},
	{96, "MANDATORY_IE_MISSING", "Mandatory information element is missing"},
	{97, "MESSAGE_TYPE_NONEXIST", "Message type nonexist."},
	{98, "WRONG_MESSAGE", "Wrong message"},
	{99, "IE_NONEXIST", "Info. element nonexist or not implemented"},
	{100, "INVALID_IE_CONTENTS", "Invalid information element contents"},
	{101, "WRONG_CALL_STATE", "Message not compatible with call state"},
	{RecoveryOnTimerExpire, "RECOVERY_ON_TIMER_EXPIRE", "Recover on timer expiry"},
	{103, "MANDATORY_IE_LENGTH_ERROR", "Mandatory IE length error"},
	{111, "PROTOCOL_ERROR", "Protocol error, unspecified"},
	{Interworking, "INTERWORKING", "Interworking, unspecified"},
}

// CauseNamed reads a cause as Hangup() does: a number, or a name without
// prefix in any case. It reports false for anything else.
func CauseNamed(s string) (Cause, bool) {
	s = strings.TrimSpace(s)
	if n, err := strconv.Atoi(s); err == nil {
		return Cause(n), n >= 0 && n <= 127
	}
	for _, e := range causeNames {
		if strings.EqualFold(e.name, s) {
			return e.cause, true
		}
	}
	return NoCause, false
}

// String gives the wording Asterisk's console and logs use.
func (c Cause) String() string {
	if c == NoCause {
		return "Unknown"
	}
	for _, e := range causeNames {
		if e.cause == c {
			return e.text
		}
	}
	return "Unknown"
}
