package fn_test

import (
	"context"
	"strings"
	"testing"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/fn"
	"branchline/pbx/fn/fntest"
	"branchline/pbx/fn/office"
)

func TestRefusedFunctionsSayWhy(t *testing.T) {
	b := fntest.New(t)
	if v := b.System.Expand(context.Background(), b.Channel, "${SHELL(id)}"); v != "" || !strings.Contains(b.Log.String(), "starts no programs") {
		t.Errorf("%q, %s", v, b.Log.String())
	}
}

func TestWithoutChannel(t *testing.T) {
	b := fntest.New(t)
	for _, f := range b.System.Catalog.(fntest.Catalog) {
		for _, args := range []string{"", "a", "a,b", "a,b,c", "a/b", "1?x:y"} {
			if f.Read != nil {
				f.Read(context.Background(), nil, args) // must not panic
			}
			if f.Write != nil {
				f.Write(context.Background(), nil, args, "v")
			}
		}
	}
}

func TestWithoutParts(t *testing.T) {
	sys := live.New(nil)
	for _, f := range fn.Functions(office.Deps{System: sys}) {
		c := channel.New(fntest.NewLeg("X/1"), channel.NewMailbox())
		for _, args := range []string{"", "a", "a,b", "a/b", "1001,allow", "55@other"} {
			if f.Read != nil {
				f.Read(context.Background(), c, args)
			}
			if f.Write != nil {
				f.Write(context.Background(), c, args, "v")
			}
		}
	}
}
