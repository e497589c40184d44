// Package app lists the dialplan applications. They stand in the packages below
// it: Dial in dial, what else is told to parties in parties, what they hear and
// dial in voice, where the call goes and what it notes in flow.
package app

import (
	"log/slog"
	"slices"
	"strings"

	"branchline/pbx/app/dial"
	"branchline/pbx/app/flow"
	"branchline/pbx/app/form"
	"branchline/pbx/app/parties"
	"branchline/pbx/app/voice"
	"branchline/pbx/dialplan"
)

// All lists the applications.
func All(deps form.Deps) []dialplan.App {
	if deps.Log == nil {
		deps.Log = slog.Default()
	}
	return slices.Concat(dial.Apps(deps), parties.Apps(deps), voice.Apps(deps), flow.Apps(deps))
}

// Refused explains the applications that are known but not there.
func Refused() map[string]string {
	out := map[string]string{}
	for why, names := range map[string]string{
		"programs are never started from a call":             "System TrySystem AGI EAGI DeadAGI ExternalIVR",
		"planned: needs the recording store":                 "Record Monitor StopMonitor Dictate",
		"planned: needs mailboxes":                           "VoiceMail VoiceMailMain VMAuthenticate VMSayName Directory",
		"planned: needs queues":                              "Queue AddQueueMember RemoveQueueMember PauseQueueMember UnpauseQueueMember QueueLog",
		"planned: needs conferences":                         "ConfBridge MeetMe Page ChanSpy ExtenSpy",
		"planned: needs parking":                             "Park ParkedCall ParkAndAnnounce",
		"planned: needs pickup groups":                       "Pickup PickupChan",
		"planned: needs message routing":                     "ReceiveText",
		"needs hardware or services a gateway lacks":         "AlarmReceiver Festival MP3Player Jack SMS SendFAX ReceiveFAX Stasis StatsD",
		"belongs to digital lines, which are not supported":  "DAHDISendCallreroutingFacility DAHDISendKeypadFacility DAHDIAcceptR2Call DAHDIRAS",
		"listening to other people's calls is not supported": "DAHDIBarge DAHDIScan",
		"use BackGround: there is no speech detection":       "BackgroundDetect WaitForSilence WaitForNoise AMD",
		"planned": "RetryDial FollowMe DISA PrivacyManager Zapateller ForkCDR SayAlphaCase SayOrdinal SayMoney DateTime WaitUntil SIPDtmfMode ClearHash StreamEcho",
		"old bridge applications are not supported":      "Bridge BridgeWait BridgeAdd",
		"obsolete: use Set(GLOBAL(name)=value)":          "SetGlobalVar",
		"obsolete: use Set(CALLERID(num)=number)":        "SetCallerID SetCIDNum SetCIDName",
		"obsolete: use Gosub":                            "MacroExclusive MacroExit MacroIf",
		"codecs other than G.711 are relayed, not mixed": "SpeechCreate SpeechBackground SpeechDestroy",
	} {
		for _, n := range strings.Fields(names) {
			out[n] = why
		}
	}
	return out
}
