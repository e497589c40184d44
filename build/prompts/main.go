// Command prompts speaks the word lists beside it into the sounds that the exchange
// carries: raw 8 kHz G.711 u-law, one file per prompt, packed. It needs espeak-ng;
// its output is committed, so that nobody who builds does.
//
//	go run ./build/prompts [-list build/prompts] [-out media/sound/prompts/prompts.pack] [-from DIR]
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"branchline/media/g711"
	"branchline/media/sound/prompts"
)

// voices are the word lists and who speaks them, at how many words a minute.
var voices = []struct{ language, voice, speed string }{
	{"en", "en-us", "190"},
	{"zh_TW", "cmn-latn-pinyin", "170"},
}

func main() {
	lists := flag.String("list", "build/prompts", "directory of the word lists")
	out := flag.String("out", "media/sound/prompts/prompts.pack", "the pack that the sounds go to")
	from := flag.String("from", "", "speak nothing: pack the files of this directory, which has one directory per language")
	flag.Parse()
	if err := run(*lists, *from, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(lists, from, out string) error {
	files := map[string][]byte{}
	var err error
	if from != "" {
		err = collect(from, files)
	} else {
		for _, v := range voices {
			err = errors.Join(err, language(filepath.Join(lists, v.language+".txt"), v.language, v.voice, v.speed, files))
		}
	}
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	return errors.Join(prompts.Write(f, files), f.Close())
}

// collect reads the sounds below a directory.
func collect(dir string, files map[string][]byte) error {
	return fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".ulaw") {
			return err
		}
		files[name], err = os.ReadFile(filepath.Join(dir, name))
		return err
	})
}

// language makes all sounds of one list.
func language(list, dir, voice, speed string, files map[string][]byte) error {
	f, err := os.Open(list)
	if err != nil {
		return err
	}
	defer f.Close()
	total, count := 0, 0
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, text, ok := strings.Cut(line, "\t")
		if !ok {
			return fmt.Errorf("%s: %q: no tab", list, line)
		}
		if _, spelled, ok := strings.Cut(text, "\t"); ok {
			text = spelled
		}
		samples, err := sound(text, voice, speed)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", list, name, err)
		}
		ulaw := make([]byte, len(samples))
		g711.ULaw().Encode(ulaw, samples)
		files[dir+"/"+name+".ulaw"] = ulaw
		total, count = total+len(ulaw), count+1
	}
	fmt.Printf("%s: %d sounds, %.1f s, %d kB\n", dir, count, float64(total)/rate, total/1000)
	return lines.Err()
}

// sound gives one prompt at 8 kHz: spoken, or made if the text begins with ~.
func sound(text, voice, speed string) ([]int16, error) {
	if recipe, ok := strings.CutPrefix(text, "~"); ok {
		return signal(recipe)
	}
	wav, err := exec.Command("espeak-ng", "-v", voice, "-s", speed, "--stdout", "--", text).Output()
	if err != nil {
		return nil, fmt.Errorf("espeak-ng: %w", err)
	}
	samples, from, err := decodeWAV(wav)
	if err != nil {
		return nil, err
	}
	return level(trim(resample(samples, from))), nil
}
