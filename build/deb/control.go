package main

import (
	"fmt"

	"branchline/appliance"
)

// describe is the control file. The program takes the place of the package it
// speaks the language of: the name /usr/sbin/asterisk can belong to one only.
func describe(arch string, size int) []byte {
	return fmt.Appendf(nil, `Package: branchline
Version: %s
Architecture: %s
Maintainer: the authors of Branchline <branchline@localhost>
Installed-Size: %d
Section: comm
Priority: optional
Provides: asterisk
Conflicts: asterisk
Replaces: asterisk
Description: telephone exchange that reads Asterisk's configuration files
 A SIP registrar and back-to-back user agent in one program, with the console,
 the dialplan and the files of Asterisk: what is in /etc/asterisk stays in force,
 and the command asterisk -r answers. Samples are in
 /usr/share/doc/branchline/examples.
`, appliance.Version, arch, (size+1023)/1024)
}

// The scripts do nothing to a system that is put together somewhere else
// (DPKG_ROOT), or that systemd does not run.
const (
	postinst = `#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
[ -z "$DPKG_ROOT" ] || exit 0
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers branchline.conf
elif ! getent passwd asterisk >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/asterisk --shell /usr/sbin/nologin --groups dialout asterisk
fi
chown asterisk:asterisk /var/lib/asterisk /var/log/asterisk /var/spool/asterisk
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	if [ -n "$2" ]; then
		systemctl try-restart branchline.service
	else
		systemctl enable branchline.service
	fi
fi
`
	prerm = `#!/bin/sh
set -e
[ "$1" = remove ] || exit 0
[ -z "$DPKG_ROOT" ] || exit 0
if [ -d /run/systemd/system ]; then
	systemctl disable --now branchline.service
fi
`
	postrm = `#!/bin/sh
set -e
[ -z "$DPKG_ROOT" ] || exit 0
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
`
)
