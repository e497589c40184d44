package configuration

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"branchline/appliance/hardware"
	"branchline/media/sound"
	"branchline/media/sound/prompts"
	"branchline/pbx/app"
	"branchline/pbx/app/form"
	"branchline/pbx/astconf"
	"branchline/pbx/check/survey"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/exchange"
	"branchline/pbx/fn"
	"branchline/pbx/fn/office"
	"branchline/pbx/settings"
)

// A Judge is what it takes, beside the files, to judge a configuration.
type Judge struct {
	Process settings.Process
	Catalog dialplan.Catalog // nil: what there is, none of which can be run
	Here    bool             // the lines are those of this machine
}

// input is what the checks want: the files, and what this machine is like.
func (j Judge) input(files map[string]*astconf.File) survey.Input {
	catalog := j.Catalog
	if catalog == nil {
		system := live.New(nil)
		catalog = Catalog(system, office.Deps{System: system})
	}
	sounds := Sounds(j.Process.Directories)
	in := survey.Input{
		Files: files, Catalog: catalog,
		Language: j.Process.DefaultLanguage, HasSound: sounds.Has, Addresses: localAddresses(), Interfaces: localInterfaces(),
		Source: j.Source, Port: hardware.PortsOf(j.Process.Directories.Etc),
	}
	if j.Here {
		in.Exists = func(path string) bool { _, err := os.Stat(path); return err == nil }
	}
	return in
}

// Source reads a file named as in findings.
func (j Judge) Source(file string) ([]byte, error) {
	if !filepath.IsAbs(file) {
		file = filepath.Join(j.Process.Directories.Etc, file)
	}
	return os.ReadFile(file)
}

// Sounds holds the prompts of an exchange with these directories: those in files first, then those of the program.
func Sounds(d settings.Directories) *sound.Library {
	return &sound.Library{
		Dirs: []string{filepath.Join(d.Data, "sounds"), filepath.Join(d.VarLib, "sounds")}, Embedded: prompts.FS,
	}
}

// localAddresses are those of this machine's interfaces; none if they cannot be
// told.
func localAddresses() []netip.Addr {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range found {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLinkLocalUnicast() {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}

// localInterfaces are the names of this machine's interfaces; none if they cannot be
// told.
func localInterfaces() []string {
	found, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []string
	for _, i := range found {
		out = append(out, i.Name)
	}
	return out
}

// Catalog knows all applications and functions; what works on calls does not
// work.
func Catalog(system *live.System, deps office.Deps) dialplan.Catalog {
	return exchange.NewCatalog(app.All(form.Deps{System: system}), fn.Functions(deps), app.Refused(), fn.Refused())
}
