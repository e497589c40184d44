// Package systemd tells the service manager how the daemon is doing, in the
// protocol of sd_notify(3): datagrams to the socket named by NOTIFY_SOCKET.
// Without a service manager it does nothing. branchline.service, beside this
// file, is the unit that goes with it.
package systemd

import (
	"fmt"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
)

// States of a service, as systemd spells them.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
)

// Status is the line that `systemctl status` shows.
func Status(format string, args ...any) string {
	return "STATUS=" + strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ")
}

// Notify sends assignments to the service manager, if there is one.
func Notify(assignments ...string) error {
	if _, err := daemon.SdNotify(false, strings.Join(assignments, "\n")); err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	return nil
}
