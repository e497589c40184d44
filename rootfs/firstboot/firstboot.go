// Package firstboot makes a configuration of what a person has put on the boot
// partition: branchline.txt, or a folder named asterisk with files of their own, or
// nothing at all. It puts back there what belongs to the person who asked, the sheet
// with the phones' passwords above all, and obeys the files factory-reset and
// safe-mode.
//
// Nothing on the boot partition can stop a start: what cannot be understood is left
// out and told in branchline-errors.txt, by line.
package firstboot

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"branchline/rootfs/durable"
	"branchline/rootfs/firstboot/draft"
	"branchline/rootfs/firstboot/phones"
	"branchline/rootfs/firstboot/wish"
)

// Files on the boot partition: what a person puts there, and what comes back.
const (
	FolderName = "asterisk"
	ResetFile  = "factory-reset"
	SafeFile   = "safe-mode"

	DoneFile   = "branchline.done.txt"
	DoneFolder = "asterisk.done"
	ErrorsFile = "branchline-errors.txt"
	CheckFile  = "branchline-check.txt"
	SheetText  = "branchline-phones.txt"
	SheetSVG   = "branchline-phones.svg"
)

// aliases are what a file is called as well: some systems hide the end of a name from
// whoever gives it.
func aliases(name string) []string { return []string{name, name + ".txt"} }

// A Machine is where first boot reads and writes.
type Machine struct {
	Boot string // the boot partition, to be read
	// WriteBoot runs f while the boot partition can be written.
	WriteBoot func(f func(dir string) error) error
	Etc       string // the configuration; what makes it is put beside it and exchanged
	Localtime string // link to the time zone's file, as localtime(5)
	ZoneInfo  string // directory of the time zones
	Button    string // a file: where the push button is. It belongs to the box, so no reset removes it
	State     string // a file: which folder was refused, so that it is not judged at every start
	Wipe      []string
	// Check judges a directory of configuration files and reports on it; an error means
	// that the exchange would refuse it.
	Check  func(dir string, w io.Writer) error
	Device func() string // the interface for a fixed address
	Random io.Reader
	Owner  int // user and group of the configuration; -1: whoever runs this
}

// pendingDir lies in a configuration until what belongs to it is on the boot
// partition. It came there with the configuration itself, by one rename: a power cut
// finds both or neither.
const pendingDir = ".firstboot"

// pending is what pendingDir's plan says.
type pending struct {
	Input   string // sum of branchline.txt and the folder it was made of
	Folder  bool   // the folder was taken over
	ByDHCP  bool   // the sheet lacks the address
	Phones  []phones.Phone
	Notes   []string
	Host    string
	Written bool // all but the address is on the boot partition
}

// Run makes the configuration if there is something to make it of, and puts back what
// belongs to the person who asked for it. The lines are for the log. An error tells
// what could not be done; a configuration is in place, new or as it was, all the
// same.
func (m *Machine) Run() (said []string, err error) {
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	if m.has(ResetFile) {
		if err := m.reset(); err != nil {
			return said, fmt.Errorf("factory reset: %w", err)
		}
		say("factory reset: configuration, database, messages and logs are gone")
	}
	if err := m.configure(say); err != nil {
		return said, err
	}
	return said, m.PutBack("")
}

// rewire notes where the button is, if the wish speaks of it.
func (m *Machine) rewire(w wish.Wish) error {
	switch w.Button {
	case "":
		return nil
	case wish.NoButton:
		return durable.Remove(m.Button)
	}
	return durable.File(m.Button, []byte(w.Button+"\n"), -1)
}

// AskReset puts the file on the boot partition that asks for a factory reset, so that
// a power cut in the middle of it has it done by the next start.
func (m *Machine) AskReset() error {
	return m.put(map[string][]byte{ResetFile: []byte("by the button\r\n")}, nil)
}

// has reports whether a file of that name, or of an alias, is on the boot partition.
func (m *Machine) has(name string) bool {
	for _, n := range aliases(name) {
		if info, err := os.Stat(filepath.Join(m.Boot, n)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// wishText is branchline.txt, nil without one.
func (m *Machine) wishText() ([]byte, error) {
	for _, n := range aliases(wish.File) {
		f, err := os.Open(filepath.Join(m.Boot, n))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(io.LimitReader(f, wish.MaxFile+1))
		return text, errors.Join(err, f.Close())
	}
	return nil, nil
}

func (m *Machine) surroundings() wish.Surroundings {
	return wish.Surroundings{HasZone: func(name string) bool {
		info, err := os.Stat(filepath.Join(m.ZoneInfo, filepath.Clean("/"+name)))
		return err == nil && info.Mode().IsRegular()
	}}
}

// configure makes a configuration of what is new on the boot partition, or the
// default one where there is none at all.
func (m *Machine) configure(say func(string, ...any)) error {
	text, complaint := m.wishText()
	folder, folderErr := readFolder(filepath.Join(m.Boot, FolderName))
	input := sum(text, folder)
	if p, _ := m.pending(); p != nil && p.Input == input {
		return nil // a power cut came between the making and the putting back
	}
	present, err := m.present()
	if err != nil {
		return err
	}
	if text == nil && folder == nil && present && complaint == nil {
		return nil
	}
	w, complaints := wish.Read(text, m.surroundings())
	for _, err := range []error{complaint, folderErr} {
		if err != nil {
			complaints = append(complaints, wish.Complaint{Text: err.Error()})
		}
	}
	var report string
	var usable bool
	if folder != nil && !m.refusedBefore(folder) {
		report, usable, err = m.judge(folder)
		if err != nil {
			return err
		}
	}
	if text == nil && !usable && present {
		// Nothing to change: tell why, and leave what runs.
		m.remember(folder)
		if report == "" && len(complaints) == 0 {
			return nil
		}
		say("the folder %s is not taken over: see %s", FolderName, CheckFile)
		return m.put(map[string][]byte{CheckFile: []byte(report), ErrorsFile: errorText(complaints)}, nil)
	}
	p := pending{Input: input, Folder: usable, ByDHCP: !w.Address.IsValid(), Host: "branchline"}
	files := map[string][]byte{}
	if usable {
		// The folder is the whole exchange; what is not the exchange's comes from the wish.
		if text != nil {
			if n := draft.Network(w, m.device(w)); n != "" {
				files["network.conf"] = []byte(n)
			}
			if w.Country != "" {
				files["indications.conf"] = []byte(draft.Files(w, nil, "")["indications.conf"])
			}
		}
		for name, data := range folder {
			files[name] = data
		}
	} else {
		known := map[string]string{}
		if old, err := os.ReadFile(filepath.Join(m.Etc, "pjsip.conf")); err == nil {
			known = draft.KnownSecrets(string(old))
		}
		if p.Phones, err = phones.Of(w, known, m.Random); err != nil {
			return err
		}
		for name, content := range draft.Files(w, p.Phones, m.device(w)) {
			files[name] = []byte(content)
		}
		p.Notes = notes(w)
	}
	if w.Address.IsValid() {
		p.Host = w.Address.Addr().String()
		if w.Address.Addr().Is6() {
			p.Host = "[" + p.Host + "]"
		}
	}
	plan, err := json.Marshal(p)
	if err != nil {
		return err
	}
	files[filepath.Join(pendingDir, "plan")] = plan
	files[filepath.Join(pendingDir, ErrorsFile)] = errorText(complaints)
	files[filepath.Join(pendingDir, CheckFile)] = []byte(report)
	if text != nil {
		files[filepath.Join(pendingDir, DoneFile)] = wish.Strip(text)
	}
	if err := m.zone(w, text != nil || !present); err != nil {
		say("time zone: %v", err)
	}
	if err := m.rewire(w); err != nil {
		say("button: %v", err)
	}
	if err := durable.Replace(m.Etc, files, m.Owner); err != nil {
		return err
	}
	switch {
	case usable:
		say("the configuration in the folder %s is taken over", FolderName)
	case text != nil:
		say("%s is turned into a configuration for %d phones, %d complaints", wish.File, w.Phones, len(complaints))
	default:
		say("there was no configuration: the default one has %d phones", w.Phones)
	}
	return nil
}

// notes are what the sheet says besides the phones.
func notes(w wish.Wish) []string {
	out := []string{"Dial *43 to hear yourself, *65 to hear your number."}
	if w.Trunk.Host != "" || w.Line.Kind != "" {
		n := "Outside numbers: just dial them."
		if w.Prefix != "" {
			n = "Outside numbers: dial " + w.Prefix + " first."
		}
		if len(w.Emergency) > 0 {
			n += " Emergency: " + strings.Join(w.Emergency, ", ") + "."
		}
		return append(out, n)
	}
	return append(out, "There is no way out of the house: emergency numbers cannot be dialled.")
}

// device is the interface that a wish for a network speaks of.
func (m *Machine) device(w wish.Wish) string {
	if !w.Address.IsValid() && len(w.DNS) == 0 && len(w.NTP) == 0 || m.Device == nil {
		return ""
	}
	return cmp.Or(m.Device(), "eth0")
}

// present reports whether there is a configuration.
func (m *Machine) present() (bool, error) {
	entries, err := os.ReadDir(m.Etc)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), ".conf") }), err
}

// zone makes the link to the time zone's file. Without a wish for one the link stays
// as it is.
func (m *Machine) zone(w wish.Wish, wished bool) error {
	if !wished || w.TimeZone == "" {
		return nil
	}
	return durable.Link(m.Localtime, filepath.Join(m.ZoneInfo, filepath.Clean("/"+w.TimeZone)))
}

// reset removes everything of the user's. What is configured goes first, and the file
// that asked for it last: a power cut has it all done again.
func (m *Machine) reset() error {
	if err := durable.Replace(m.Etc, nil, m.Owner); err != nil {
		return err
	}
	err := errors.Join(os.RemoveAll(durable.Old(m.Etc)), durable.Remove(m.Localtime), durable.Remove(m.State))
	for _, dir := range m.Wipe {
		entries, e := os.ReadDir(dir)
		if e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
		for _, entry := range entries {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, entry.Name())))
		}
	}
	if err != nil {
		return err
	}
	return m.put(map[string][]byte{SheetText: nil, SheetSVG: nil, ErrorsFile: nil, CheckFile: nil}, aliases(ResetFile))
}

// pending reads the plan of what is to be put back; nil if there is none.
func (m *Machine) pending() (*pending, error) {
	text, err := os.ReadFile(filepath.Join(m.Etc, pendingDir, "plan"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &pending{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return p, nil
}

// Waits reports whether the sheet waits for the address that the network gives.
func (m *Machine) Waits() bool {
	p, err := m.pending()
	return err == nil && p != nil && p.Written && p.ByDHCP
}

// PutBack writes sheet, report and what is left of branchline.txt to the boot
// partition. host is the address that the network has given, "" if that is not known
// yet: then the sheet is written again by a later call.
func (m *Machine) PutBack(host string) error {
	p, err := m.pending()
	if err != nil || p == nil || p.Written && host == "" {
		return err
	}
	s := phones.Sheet{Host: cmp.Or(host, p.Host), Phones: p.Phones, Notes: p.Notes}
	if p.ByDHCP && host == "" {
		s.Notes = append(slices.Clone(s.Notes), "The address comes from the network (DHCP): this sheet is written again once it is known.")
	}
	out := map[string][]byte{}
	if len(p.Phones) > 0 {
		drawing, err := s.SVG()
		if err != nil {
			return err
		}
		out[SheetText], out[SheetSVG] = []byte(s.Text()), []byte(drawing)
	}
	var gone []string
	if !p.Written {
		for _, name := range []string{ErrorsFile, CheckFile, DoneFile} {
			text, err := os.ReadFile(filepath.Join(m.Etc, pendingDir, name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if name != DoneFile || err == nil {
				out[name] = text
			}
		}
		if out[DoneFile] != nil {
			gone = aliases(wish.File)
		}
	}
	if err := m.put(out, gone); err != nil {
		return err
	}
	if p.Folder && !p.Written {
		if err := m.WriteBoot(func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, DoneFolder)), os.Rename(filepath.Join(dir, FolderName), filepath.Join(dir, DoneFolder)))
		}); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if p.ByDHCP && host == "" && len(p.Phones) > 0 {
		p.Written = true
		plan, err := json.Marshal(p)
		if err != nil {
			return err
		}
		return durable.File(filepath.Join(m.Etc, pendingDir, "plan"), plan, m.Owner)
	}
	return os.RemoveAll(filepath.Join(m.Etc, pendingDir))
}

// put writes files to the boot partition, empty ones being removed, and then removes
// others. Nothing is written that is there already.
func (m *Machine) put(files map[string][]byte, gone []string) error {
	for name, data := range files {
		if there, err := os.ReadFile(filepath.Join(m.Boot, name)); err == nil && bytes.Equal(there, data) || err != nil && len(data) == 0 {
			delete(files, name)
		}
	}
	if len(files) == 0 && len(gone) == 0 {
		return nil
	}
	return m.WriteBoot(func(dir string) error {
		var err error
		for name, data := range files {
			if len(data) == 0 {
				err = errors.Join(err, durable.Remove(filepath.Join(dir, name)))
			} else {
				err = errors.Join(err, durable.File(filepath.Join(dir, name), data, -1))
			}
		}
		if err != nil {
			return err // what was asked for stays until it is answered
		}
		for _, name := range gone {
			err = errors.Join(err, durable.Remove(filepath.Join(dir, name)))
		}
		return errors.Join(err, durable.SyncDir(dir))
	})
}

func errorText(complaints []wish.Complaint) []byte {
	if len(complaints) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("These lines were left out or changed; everything else is in force.\r\nCorrect them in " + DoneFile + ", rename it to " + wish.File + ", and start again.\r\n\r\n")
	for _, c := range complaints {
		fmt.Fprintf(&b, "%v\r\n", c)
	}
	return []byte(b.String())
}

// sum tells inputs apart.
func sum(text []byte, folder map[string][]byte) string {
	if text == nil && folder == nil {
		return "default"
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d %s\n", len(text), text)
	for _, name := range sortedNames(folder) {
		fmt.Fprintf(h, "%s %d %s\n", name, len(folder[name]), folder[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
