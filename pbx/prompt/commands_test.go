package prompt

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"branchline/media/sound"
	"branchline/media/tone"
	"branchline/pbx/cli"
)

// The layouts are those Asterisk 22 prints.
func TestCommands(t *testing.T) {
	lib := &sound.Library{Embedded: fstest.MapFS{
		"en/invalid.ulaw": {}, "en/digits/1.ulaw": {}, "zh_TW/digits/1.ulaw": {}, "own/x.wav": {}, "own/readme.txt": {},
	}}
	tree := cli.NewTree()
	if err := tree.Add(Commands(lib, lib.Names, sound.Formats(), tone.Builtin)...); err != nil {
		t.Fatal(err)
	}
	run := func(line string) string {
		var b bytes.Buffer
		tree.Run(context.Background(), &b, line)
		return b.String()
	}
	for line, want := range map[string]string{
		"core show sounds":        "Available audio files:\ndigits/1\ninvalid\nown/x\n",
		"core show sound invalid": "Indexed Information for invalid:\n  can be played\n",
		"core show sound nope":    "ERROR: File nope not found in index\nCommand 'core show sound nope' failed.\n",
		"core show file formats": "Format     Name       Extensions          \n------     ----       ----------          \n" +
			"ulaw       ulaw       ulaw                \nalaw       alaw       alaw                \nslin       sln        sln                 \n" +
			"slin       wav        wav                 \nulaw       ul         ul                  \nulaw       pcm        pcm                 \n" +
			"alaw       al         al                  \n7 file formats registered.\n",
		"indication show xx": "Indications for 'xx' not found.\n",
		"moh show classes":   "Class: default\n\tMode: tone\n\tTone: 0/4000,425/200,0/5800\n",
		"moh show files":     "",
		"say load":           "say mode is [old]\n",
		"say load new":       "say.conf is not read: there is only the old mode\nCommand 'say load new' failed.\n",
		"core show sounds x": "Usage: core show sounds\n       Lists the prompts, built in or in the sounds directories.\n",
	} {
		if got := run(line); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", line, got, want)
		}
	}
	if got := run("indication show"); !strings.HasPrefix(got, "Country   Description\n===========================\nat       Austria\nau       Australia\n") ||
		!strings.HasSuffix(got, "za       South Africa\n===========================\nDefault tone zone: us\n") {
		t.Error(got)
	}
	if got := run("indication show tw"); !strings.Contains(got, "tw      busy            480+620/500,0/500\n") {
		t.Error(got)
	}
	for line, key := range map[string]string{"core show sounds": "sounds", "core show file formats": "formats", "indication show": "countries",
		"indication show us": "indications", "moh show classes": "classes", "moh show files": "classes"} {
		var doc map[string]any
		if got := run(line + " --json"); json.Unmarshal([]byte(got), &doc) != nil || doc[key] == nil {
			t.Errorf("%s: no %q in\n%s", line, key, got)
		}
	}
}
