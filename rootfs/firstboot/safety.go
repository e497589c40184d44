package firstboot

import (
	"os"
	"path/filepath"

	"branchline/rootfs/durable"
	"branchline/rootfs/firstboot/draft"
	"branchline/rootfs/firstboot/phones"
	"branchline/rootfs/firstboot/wish"
)

// Safe reports whether the machine is to run with a configuration in memory.
func (m *Machine) Safe() bool { return m.has(SafeFile) }

// Safety writes the default configuration into dir, for a start that leaves the
// user's alone, and its sheet to the boot partition. The phones keep the secrets they
// have. back tells how to have the user's own again.
func (m *Machine) Safety(dir, back string) error {
	known := map[string]string{}
	if present, err := os.ReadFile(filepath.Join(m.Etc, "pjsip.conf")); err == nil {
		known = draft.KnownSecrets(string(present))
	}
	w := wish.Default()
	all, err := phones.Of(w, known, m.Random)
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	for name, content := range draft.Files(w, all, "") {
		files[name] = []byte(content)
	}
	if err := durable.Tree(dir, files, m.Owner); err != nil {
		return err
	}
	s := phones.Sheet{Host: "branchline", Phones: all, Notes: []string{"This start is in safe mode: your configuration waits, untouched.", back}}
	return m.put(map[string][]byte{"branchline-safe-mode.txt": []byte(s.Text())}, nil)
}
