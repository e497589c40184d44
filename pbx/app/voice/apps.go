// Package voice holds the applications a caller hears and dials to: prompts,
// tones, numbers spoken and read, recording.
package voice

import (
	"branchline/pbx/app/form"
	"branchline/pbx/dialplan"
)

// calls gives the applications their methods.
type calls struct{ form.Deps }

// Apps are the applications of this package.
func Apps(deps form.Deps) []dialplan.App {
	a := &calls{deps}
	return []dialplan.App{
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
		{Name: "Authenticate", Synopsis: "Ask for a password.", Syntax: "Authenticate(password[,options[,maxdigits[,prompt]]])", Run: a.authenticate},
		{Name: "BackGround", Synopsis: "Play files while waiting for a number to be dialled.", Syntax: "BackGround(filename[&...][,options[,langoverride[,context]]])", Run: a.background},
		{Name: "Read", Synopsis: "Read digits into a variable.", Syntax: "Read(variable[,filename[&...][,maxdigits[,options[,attempts[,timeout]]]]])", Run: a.read},
		{Name: "ReadExten", Synopsis: "Read a number that exists into a variable.", Syntax: "ReadExten(variable[,filename[,context[,option[,timeout]]]])", Run: a.readExten},
		{Name: "SendDTMF", Synopsis: "Send digits.", Syntax: "SendDTMF(digits[,gap_ms[,duration_ms[,channel[,options]]]])", Run: a.sendDTMF},
		{Name: "Wait", Synopsis: "Wait for some time.", Syntax: "Wait(seconds)", Run: a.wait},
		{Name: "WaitDigit", Synopsis: "Wait for one digit.", Syntax: "WaitDigit([seconds[,digits]])", Run: a.waitDigit},
		{Name: "WaitExten", Synopsis: "Wait for a number to be dialled.", Syntax: "WaitExten([seconds[,options]])", Run: a.waitExten},
		{Name: "MixMonitor", Synopsis: "Record a call and mix the audio during the recording.", Syntax: "MixMonitor(filename.extension[,options[,command]])", Run: a.mixMonitor},
		{Name: "StopMixMonitor", Synopsis: "Stop recording a call through MixMonitor.", Syntax: "StopMixMonitor([MixMonitorID])", Run: a.stopMixMonitor},
	}
}
