// Package app holds the dialplan applications, one file per application or
// family. An application is a method of calls that gets a channel and its
// arguments; All lists them. To add one, write its file and its line in All.
package app

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"branchline/pbx/bridge"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/prompt"
)

// Exchange is what applications need of the exchange.
type Exchange interface {
	Tech(name string) (channel.Tech, bool)
	Lookup(context, exten, caller string) (exists, more bool)
	// Adopt makes a channel of a leg about to be dialled; Release gives such a
	// channel a life of its own; Linger waits for it to hang up by itself.
	Adopt(leg channel.Leg, parent *channel.Channel) (*channel.Channel, error)
	Release(owner, c *channel.Channel, place channel.Place)
	Linger(owner, c *channel.Channel, done <-chan struct{})
	// Sub runs a subroutine, Exec one application, Epilogue the h extension.
	Sub(ctx context.Context, c *channel.Channel, target string, args []string) error
	Exec(ctx context.Context, c *channel.Channel, app, args string) error
	Epilogue(ctx context.Context, c *channel.Channel)
	Originate(ctx context.Context, o Order) Outcome
	Find(name string) (*channel.Channel, bool)
}

// An Order asks for a call to be set up from here: Tech/Dest is called, and
// once it has answered it runs App, or the dialplan at Place.
type Order struct {
	Tech, Dest string
	Caller     channel.Party
	Timeout    time.Duration // for the answer
	App, Data  string        // if set, instead of Place
	Place      channel.Place
	Vars       []channel.Header
	LinkedID   string // "" for a call of its own
	Account    string
}

// Outcome is what became of an Order: ORIGINATE_STATUS and a cause.
type Outcome struct {
	Status string // SUCCESS, BUSY, CONGESTION, HANGUP, RINGING (no answer in time), FAILED
	Cause  channel.Cause
}

// Store is the small database behind DBdel and DBdeltree.
type Store interface {
	Del(family, key string) (bool, error)
	DelTree(family, key string) (int, error)
}

// Deps is what the applications work with. Store may be nil.
type Deps struct {
	System   *dialplan.System
	Exchange Exchange
	Booth    *prompt.Booth
	Bridges  *bridge.Bridges
	Store    Store
	Trace    channel.Tracer // nil: nobody listens
	Log      *slog.Logger
}

// calls gives the applications their methods.
type calls struct{ Deps }

// All lists the applications.
func All(deps Deps) []dialplan.App {
	a := &calls{deps}
	if a.Log == nil {
		a.Log = slog.Default()
	}
	return []dialplan.App{
		// the state of the call
		{Name: "Answer", Synopsis: "Answer a channel if ringing.", Syntax: "Answer([delay[,options]])", Run: a.answer},
		{Name: "Busy", Synopsis: "Indicate the Busy condition.", Syntax: "Busy([timeout])", Run: a.busy},
		{Name: "Congestion", Synopsis: "Indicate the Congestion condition.", Syntax: "Congestion([timeout])", Run: a.congestion},
		{Name: "Hangup", Synopsis: "Hang up the calling channel.", Syntax: "Hangup([causecode])", Run: a.hangup},
		{Name: "PJSIPHangup", Synopsis: "Hang up with a SIP status.", Syntax: "PJSIPHangup(status)", Run: a.judge},
		{Name: "Incomplete", Synopsis: "Say that the number is not complete.", Syntax: "Incomplete([n])", Run: a.incomplete},
		{Name: "Proceeding", Synopsis: "Indicate proceeding.", Syntax: "Proceeding()", Run: a.proceeding},
		{Name: "Progress", Synopsis: "Indicate progress.", Syntax: "Progress()", Run: a.progress},
		{Name: "Ringing", Synopsis: "Indicate ringing tone.", Syntax: "Ringing()", Run: a.ringing},
		// other parties
		{Name: "Dial", Synopsis: "Call devices and connect the first that answers.", Syntax: "Dial(Technology/Resource[&...][,timeout[,options[,URL]]])", Run: a.dial},
		{Name: "ChannelRedirect", Synopsis: "Send another channel to a place in the dialplan.", Syntax: "ChannelRedirect(channel,[[context,]extension,]priority)", Run: a.channelRedirect},
		{Name: "Originate", Synopsis: "Set up a call between a device and a place or application.", Syntax: "Originate(tech_data,type,arg1[,arg2[,arg3[,timeout[,options]]]])", Run: a.originate},
		{Name: "Flash", Synopsis: "Break the loop of the telephone line for a moment.", Syntax: "Flash()", Run: a.flash},
		{Name: "SoftHangup", Synopsis: "Ask another channel to hang up.", Syntax: "SoftHangup(Technology/Resource[,options])", Run: a.softHangup},
		{Name: "Transfer", Synopsis: "Send the caller to another address.", Syntax: "Transfer([Tech/]destination)", Run: a.transfer},
		{Name: "SIPAddHeader", Synopsis: "Add a SIP header to the calls dialled from here.", Syntax: "SIPAddHeader(Header:Content)", Run: a.addHeader},
		{Name: "SIPRemoveHeader", Synopsis: "Forget headers added by SIPAddHeader.", Syntax: "SIPRemoveHeader([Header])", Run: a.removeHeader},
		{Name: "MessageSend", Synopsis: "Send the text message of the channel.", Syntax: "MessageSend(destination[,from[,to]])", Run: a.messageSend},
		{Name: "SendText", Synopsis: "Send text to the party of the call.", Syntax: "SendText([text])", Run: a.sendText},
		// sound
		{Name: "ControlPlayback", Synopsis: "Play a file with keys to stop and restart it.", Syntax: "ControlPlayback(filename[,skipms[,ff[,rew[,stop[,pause[,restart[,options[,offsetms]]]]]]]])", Run: a.controlPlayback},
		{Name: "Echo", Synopsis: "Echo audio back to the caller until # is dialled.", Syntax: "Echo()", Run: a.echo},
		{Name: "Milliwatt", Synopsis: "Play a test tone of 1004 Hz.", Syntax: "Milliwatt([options])", Run: a.milliwatt},
		{Name: "MusicOnHold", Synopsis: "Play the waiting tone for some time.", Syntax: "MusicOnHold([class[,duration]])", Run: a.musicOnHold},
		{Name: "Playback", Synopsis: "Play files.", Syntax: "Playback(filename[&...][,options])", Run: a.playback},
		{Name: "PlayTones", Synopsis: "Play a tone while the dialplan goes on.", Syntax: "PlayTones(tone)", Run: a.playTones},
		{Name: "SayAlpha", Synopsis: "Spell a text.", Syntax: "SayAlpha(string)", Run: a.sayAlpha},
		{Name: "SayDigits", Synopsis: "Say digits one by one.", Syntax: "SayDigits(digits)", Run: a.sayDigits},
		{Name: "SayNumber", Synopsis: "Say a number.", Syntax: "SayNumber(number[,gender])", Run: a.sayNumber},
		{Name: "SayPhonetic", Synopsis: "Spell a text in the phonetic alphabet.", Syntax: "SayPhonetic(string)", Run: a.sayPhonetic},
		{Name: "SayUnixTime", Synopsis: "Say a date and time.", Syntax: "SayUnixTime([unixtime[,timezone[,format[,options]]]])", Run: a.sayUnixTime},
		{Name: "StartMusicOnHold", Synopsis: "Begin the waiting tone.", Syntax: "StartMusicOnHold([class])", Run: a.startMusic},
		{Name: "StopMusicOnHold", Synopsis: "End the waiting tone.", Syntax: "StopMusicOnHold()", Run: a.stopMusic},
		{Name: "StopPlayTones", Synopsis: "Stop a tone begun by PlayTones.", Syntax: "StopPlayTones()", Run: a.stopTones},
		// digits
		{Name: "Authenticate", Synopsis: "Ask for a password.", Syntax: "Authenticate(password[,options[,maxdigits[,prompt]]])", Run: a.authenticate},
		{Name: "BackGround", Synopsis: "Play files while waiting for a number to be dialled.", Syntax: "BackGround(filename[&...][,options[,langoverride[,context]]])", Run: a.background},
		{Name: "Read", Synopsis: "Read digits into a variable.", Syntax: "Read(variable[,filename[&...][,maxdigits[,options[,attempts[,timeout]]]]])", Run: a.read},
		{Name: "ReadExten", Synopsis: "Read a number that exists into a variable.", Syntax: "ReadExten(variable[,filename[,context[,option[,timeout]]]])", Run: a.readExten},
		{Name: "SendDTMF", Synopsis: "Send digits.", Syntax: "SendDTMF(digits[,gap_ms[,duration_ms[,channel[,options]]]])", Run: a.sendDTMF},
		{Name: "Wait", Synopsis: "Wait for some time.", Syntax: "Wait(seconds)", Run: a.wait},
		{Name: "WaitDigit", Synopsis: "Wait for one digit.", Syntax: "WaitDigit([seconds[,digits]])", Run: a.waitDigit},
		{Name: "WaitExten", Synopsis: "Wait for a number to be dialled.", Syntax: "WaitExten([seconds[,options]])", Run: a.waitExten},
		// where to go
		{Name: "ContinueWhile", Synopsis: "Go back to the While.", Syntax: "ContinueWhile()", Run: a.continueWhile},
		{Name: "Else", Synopsis: "The other branch of If.", Syntax: "Else()", Run: a.elseBranch},
		{Name: "ElseIf", Synopsis: "A further branch of If.", Syntax: "ElseIf(expr)", Run: a.elseIf},
		{Name: "EndIf", Synopsis: "End an If.", Syntax: "EndIf()", Run: a.nothing},
		{Name: "EndWhile", Synopsis: "End a While loop.", Syntax: "EndWhile()", Run: a.continueWhile},
		{Name: "Exec", Synopsis: "Run an application given as text.", Syntax: "Exec(appname(arguments))", Run: a.exec},
		{Name: "ExecIf", Synopsis: "Run an application if a condition holds.", Syntax: "ExecIf(expr?app[(args)][:app[(args)]])", Run: a.execIf},
		{Name: "ExecIfTime", Synopsis: "Run an application at certain times.", Syntax: "ExecIfTime(times,weekdays,mdays,months[,timezone]?app[(args)])", Run: a.execIfTime},
		{Name: "ExitWhile", Synopsis: "Leave a While loop.", Syntax: "ExitWhile()", Run: a.exitWhile},
		{Name: "Gosub", Synopsis: "Go to a subroutine.", Syntax: "Gosub([[context,]exten,]priority[(arg1[,...])])", Run: a.gosub},
		{Name: "GosubIf", Synopsis: "Go to a subroutine if a condition holds.", Syntax: "GosubIf(condition?[label1[(args)]][:label2[(args)]])", Run: a.gosubIf},
		{Name: "Goto", Synopsis: "Go to another place.", Syntax: "Goto([[context,]extension,]priority)", Run: a.jump},
		{Name: "GotoIf", Synopsis: "Go to another place if a condition holds.", Syntax: "GotoIf(condition?[label1][:label2])", Run: a.jumpIf},
		{Name: "GotoIfTime", Synopsis: "Go to another place at certain times.", Syntax: "GotoIfTime(times,weekdays,mdays,months[,timezone]?[label1][:label2])", Run: a.jumpIfTime},
		{Name: "If", Synopsis: "Run the steps up to EndIf if a condition holds.", Syntax: "If(expr)", Run: a.ifBranch},
		{Name: "Macro", Synopsis: "Go to the subroutine macro-name,s,1.", Syntax: "Macro(name[,arg1[,...]])", Run: a.macro},
		{Name: "Return", Synopsis: "Return from a subroutine.", Syntax: "Return([value])", Run: a.ret},
		{Name: "StackPop", Synopsis: "Forget one Gosub.", Syntax: "StackPop()", Run: a.stackPop},
		{Name: "TryExec", Synopsis: "Run an application given as text, and go on if it fails.", Syntax: "TryExec(appname(arguments))", Run: a.tryExec},
		{Name: "While", Synopsis: "Repeat the steps up to EndWhile.", Syntax: "While(expr)", Run: a.while},
		// variables and notes
		{Name: "DBdel", Synopsis: "Delete a key from the database.", Syntax: "DBdel(family/key)", Run: a.dbDel},
		{Name: "DBdeltree", Synopsis: "Delete a family of keys from the database.", Syntax: "DBdeltree(family[/keytree])", Run: a.dbDelTree},
		{Name: "DumpChan", Synopsis: "Show what is known about the channel.", Syntax: "DumpChan([level])", Run: a.dumpChan},
		{Name: "Log", Synopsis: "Write a line to the log.", Syntax: "Log(level,message)", Run: a.log},
		{Name: "MSet", Synopsis: "Set several variables.", Syntax: "MSet(name1=value1[,name2=value2[,...]])", Run: a.mset},
		{Name: "NoCDR", Synopsis: "Ask for no call record of this call.", Syntax: "NoCDR()", Run: a.noCDR},
		{Name: "NoOp", Synopsis: "Do nothing.", Syntax: "NoOp([text])", Run: a.nothing},
		{Name: "ResetCDR", Synopsis: "Begin the call record anew.", Syntax: "ResetCDR([options])", Run: a.noCDR},
		{Name: "MixMonitor", Synopsis: "Record a call and mix the audio during the recording.", Syntax: "MixMonitor(filename.extension[,options[,command]])", Run: a.mixMonitor},
		{Name: "StopMixMonitor", Synopsis: "Stop recording a call through MixMonitor.", Syntax: "StopMixMonitor([MixMonitorID])", Run: a.stopMixMonitor},
		{Name: "Set", Synopsis: "Set a variable or function.", Syntax: "Set(name=value)", Run: a.set},
		{Name: "UserEvent", Synopsis: "Write an event of the user's own to the log.", Syntax: "UserEvent(eventname[,body])", Run: a.userEvent},
		{Name: "Verbose", Synopsis: "Show a line on the consoles.", Syntax: "Verbose([level,]message)", Run: a.verbose},
	}
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

// tracef shows a line of the verbose trace.
func (a *calls) tracef(level int, format string, args ...any) {
	if a.Trace != nil && a.Trace.Level() >= level {
		a.Trace.Trace(level, fmt.Sprintf(format, args...))
	}
}

// nothing is NoOp, and EndIf.
func (a *calls) nothing(context.Context, *channel.Channel, string) error { return nil }

// seconds reads a number of seconds with or without a fraction; false if it is
// none or negative.
func seconds(s string) (time.Duration, bool) {
	var f float64
	if _, err := fmt.Sscan(strings.TrimSpace(s), &f); err != nil || f < 0 || f != f {
		return 0, false
	}
	const most = float64(100 * 365 * 24 * 3600)
	return time.Duration(min(f, most) * float64(time.Second)), true
}

// arg gives the nth argument, "" if there are fewer.
func arg(args []string, n int) string {
	if n < len(args) {
		return strings.TrimSpace(args[n])
	}
	return ""
}
