package appliance

import (
	"context"
	"errors"
	"fmt"
	"os"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
)

// notifyDevice is `sip notify`; the types are in sip_notify.conf.
func (d *daemon) notifyDevice(ctx context.Context, dev *settings.Device, kind string) error {
	what, err := d.notice("sip_notify.conf", kind)
	if err != nil {
		return err
	}
	if what == nil {
		return fmt.Errorf("sip_notify.conf has no section [%s]", kind)
	}
	return d.agent.NotifyDevice(ctx, dev, what)
}

// notify is `pjsip send notify`; the types are in pjsip_notify.conf. known is
// false if there is none of that name.
func (d *daemon) notify(ctx context.Context, dest, kind string) (known bool, err error) {
	what, err := d.notice("pjsip_notify.conf", kind)
	if what == nil {
		return false, err
	}
	if dest == "" {
		return true, nil
	}
	return true, d.agent.Notify(ctx, dest, what)
}

// notice is the section of a file that says what to send. The file is read each
// time; nil: there is no such section.
func (d *daemon) notice(name, kind string) (*astconf.Section, error) {
	file, diags := astconf.Load(os.DirFS(d.process.Directories.Etc), name)
	if astconf.Failed(diags) || file == nil {
		return nil, errors.New(name + ", which says what to send, cannot be read")
	}
	return file.Section(kind), nil
}

// notices are the types of NOTIFY that pjsip_notify.conf describes.
func (d *daemon) notices() []string {
	file, diags := astconf.Load(os.DirFS(d.process.Directories.Etc), "pjsip_notify.conf")
	if astconf.Failed(diags) || file == nil {
		return nil
	}
	var names []string
	for _, s := range file.Sections {
		if s.Name != "general" {
			names = append(names, s.Name)
		}
	}
	return names
}
