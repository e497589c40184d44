package header

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestReadAndWritten(t *testing.T) {
	req := sip.NewRequest(sip.INVITE, sip.Uri{})
	req.AppendHeader(sip.NewHeader("Supported", "100rel, Timer"))
	req.AppendHeader(sip.NewHeader("k", " replaces ,,"))
	req.AppendHeader(sip.NewHeader("Require", "Path"))
	if got := Tokens(req, "Supported", strings.ToLower); len(got) != 3 || !got["100rel"] || !got["timer"] || !got["replaces"] {
		t.Error(got)
	}
	if Tokens(req, "Allow", strings.ToUpper) != nil {
		t.Error("what is not there is not an empty list")
	}
	if !Requires(req, "path") || Requires(req, "timer") {
		t.Error("Require")
	}
	if First(req, "require") != "Path" || First(req, "X") != "" {
		t.Error("first header")
	}
	Carry(req, "text/plain", []byte("hello"))
	if req.ContentType().Value() != "text/plain" || string(req.Body()) != "hello" || req.ContentLength().Value() != "5" {
		t.Error(req.String())
	}
	Carry(req, "text/plain", nil)
	if len(req.Body()) != 0 || req.ContentLength().Value() != "0" {
		t.Error(req.String())
	}
}
