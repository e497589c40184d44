package appliance

import (
	"context"
	"errors"
	"fmt"
	"os"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
)

// notifyDevice is `sip notify`; the types are in sip_notify.conf, which is read
// each time.
func (d *daemon) notifyDevice(ctx context.Context, dev *settings.Device, kind string) error {
	file, diags := astconf.Load(os.DirFS(d.process.Directories.Etc), "sip_notify.conf")
	if astconf.Failed(diags) || file == nil {
		return errors.New("sip_notify.conf, which says what to send, cannot be read")
	}
	what := file.Section(kind)
	if what == nil {
		return fmt.Errorf("sip_notify.conf has no section [%s]", kind)
	}
	return d.agent.NotifyDevice(ctx, dev, what)
}
