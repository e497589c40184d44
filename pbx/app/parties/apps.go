// Package parties holds the applications that tell the parties of calls
// something: the state of the call, where else to go, a message; and those that
// act on other calls.
package parties

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
		{Name: "Answer", Synopsis: "Answer a channel if ringing.", Syntax: "Answer([delay[,options]])", Run: a.answer},
		{Name: "Busy", Synopsis: "Indicate the Busy condition.", Syntax: "Busy([timeout])", Run: a.busy},
		{Name: "Congestion", Synopsis: "Indicate the Congestion condition.", Syntax: "Congestion([timeout])", Run: a.congestion},
		{Name: "Hangup", Synopsis: "Hang up the calling channel.", Syntax: "Hangup([causecode])", Run: a.hangup},
		{Name: "PJSIPHangup", Synopsis: "Hang up with a SIP status.", Syntax: "PJSIPHangup(status)", Run: a.judge},
		{Name: "Incomplete", Synopsis: "Say that the number is not complete.", Syntax: "Incomplete([n])", Run: a.incomplete},
		{Name: "Proceeding", Synopsis: "Indicate proceeding.", Syntax: "Proceeding()", Run: a.proceeding},
		{Name: "Progress", Synopsis: "Indicate progress.", Syntax: "Progress()", Run: a.progress},
		{Name: "Ringing", Synopsis: "Indicate ringing tone.", Syntax: "Ringing()", Run: a.ringing},
		{Name: "ChannelRedirect", Synopsis: "Send another channel to a place in the dialplan.", Syntax: "ChannelRedirect(channel,[[context,]extension,]priority)", Run: a.channelRedirect},
		{Name: "Originate", Synopsis: "Set up a call between a device and a place or application.", Syntax: "Originate(tech_data,type,arg1[,arg2[,arg3[,timeout[,options]]]])", Run: a.originate},
		{Name: "Flash", Synopsis: "Break the loop of the telephone line for a moment.", Syntax: "Flash()", Run: a.flash},
		{Name: "SoftHangup", Synopsis: "Ask another channel to hang up.", Syntax: "SoftHangup(Technology/Resource[,options])", Run: a.softHangup},
		{Name: "Transfer", Synopsis: "Send the caller to another address.", Syntax: "Transfer([Tech/]destination)", Run: a.transfer},
		{Name: "SIPAddHeader", Synopsis: "Add a SIP header to the calls dialled from here.", Syntax: "SIPAddHeader(Header:Content)", Run: a.addHeader},
		{Name: "SIPRemoveHeader", Synopsis: "Forget headers added by SIPAddHeader.", Syntax: "SIPRemoveHeader([Header])", Run: a.removeHeader},
		{Name: "MessageSend", Synopsis: "Send the text message of the channel.", Syntax: "MessageSend(destination[,from[,to]])", Run: a.messageSend},
		{Name: "SendText", Synopsis: "Send text to the party of the call.", Syntax: "SendText([text])", Run: a.sendText},
	}
}
