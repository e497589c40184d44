// Package systemd is how the daemon lives under the service manager: it tells how it
// is doing in the protocol of sd_notify(3), proves that it still works as a watchdog
// asks (WatchdogSec=), leaves its sockets with the manager while it is started again
// (FileDescriptorStoreMax=), and writes to the journal in fields. Without a service
// manager all of it does nothing. branchline.service, beside this file, is the unit
// that goes with it.
package systemd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
)

// States of a service, as systemd spells them.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
	alive    = "WATCHDOG=1"
)

// Reloading says that the configuration is being read again; Ready ends it. The
// manager wants to know since when, in microseconds of the monotonic clock.
func Reloading() string { return "RELOADING=1\n" + strings.TrimSpace(daemon.SdNotifyMonotonicUsec()) }

// Status is the line that `systemctl status` shows.
func Status(format string, args ...any) string {
	return "STATUS=" + strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ")
}

// Managed reports whether a service manager waits to be told.
func Managed() bool { return os.Getenv("NOTIFY_SOCKET") != "" }

// Notify sends assignments to the service manager, if there is one.
func Notify(assignments ...string) error {
	if _, err := daemon.SdNotify(false, strings.Join(assignments, "\n")); err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	return nil
}

// applianceVariable is set in the environment of a daemon whose machine is a telephone
// exchange and nothing else: its network is the daemon's business even when there is
// no network.conf.
const applianceVariable = "BRANCHLINE_APPLIANCE"

// OnAppliance reports whether this machine is a telephone exchange and nothing else, as
// the unit of such a machine says.
func OnAppliance() bool { return os.Getenv(applianceVariable) == "1" }

// RuntimeDirectory is where the service manager lets the service of this name leave
// files for others; "" if there is none.
func RuntimeDirectory(name string) string {
	for _, dir := range filepath.SplitList(os.Getenv("RUNTIME_DIRECTORY")) {
		if filepath.Base(dir) == name {
			return dir
		}
	}
	return ""
}
