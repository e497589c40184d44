// Package flow holds the applications that decide where a call goes in the
// dialplan, and those that keep or note something on its way.
package flow

import (
	"context"

	"branchline/pbx/app/form"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
)

// calls gives the applications their methods.
type calls struct{ form.Deps }

// Apps are the applications of this package.
func Apps(deps form.Deps) []dialplan.App {
	a := &calls{deps}
	return []dialplan.App{
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
		{Name: "Set", Synopsis: "Set a variable or function.", Syntax: "Set(name=value)", Run: a.set},
		{Name: "UserEvent", Synopsis: "Write an event of the user's own to the log.", Syntax: "UserEvent(eventname[,body])", Run: a.userEvent},
		{Name: "Verbose", Synopsis: "Show a line on the consoles.", Syntax: "Verbose([level,]message)", Run: a.verbose},
	}
}

// nothing is NoOp, and EndIf.
func (a *calls) nothing(context.Context, *channel.Channel, string) error { return nil }
