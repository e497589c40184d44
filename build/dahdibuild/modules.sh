#!/bin/sh
# modules.sh HEADERS WORK PART...: compiles DAHDI's kernel modules, from the source that
# Debian's package dahdi-source installs, for the kernel whose headers lie in HEADERS.
# The modules end up in WORK/made. A PART is a word of DAHDI's Kbuild files that follows
# CONFIG_, such as DAHDI_DYNAMIC; of the rest nothing is compiled.
#
# It needs tar, bzip2, make, the compiler that the headers name, and its binutils.
set -eu
headers=$1
work=$2
shift 2

# Nothing in a module tells when, where and by whom it was compiled.
export LC_ALL=C SOURCE_DATE_EPOCH=1767225600 KBUILD_BUILD_TIMESTAMP=@1767225600 KBUILD_BUILD_USER=branchline KBUILD_BUILD_HOST=branchline

rm -rf "$work/modules" "$work/made"
mkdir -p "$work/made"
tar xf /usr/src/dahdi.tar.bz2 --no-same-owner -C "$work"
top=$work/modules/dahdi
# An echo canceller that is compiled whenever its source is there.
rm -rf "$top/drivers/staging"
make -s -C "$top" include/dahdi/version.h

for part; do
	shift
	set -- "$@" "CONFIG_$part=m"
done
# Firmware is loaded by name, if it is there, and not made part of a module: it is not
# free. Debugging sections would be ten times as large as all else.
make -s -j"$(nproc)" -C "$headers" M="$top/drivers/dahdi" DAHDI_INCLUDE="$top/include" DAHDI_MODULES_EXTRA=" " \
	HOTPLUG_FIRMWARE=yes DAHDI_BUILD_ALL= CONFIG_DEBUG_INFO= CONFIG_DEBUG_INFO_BTF_MODULES= "$@" modules

cross=$(sed -n 's/^override CROSS_COMPILE = \([a-z0-9_-]*-\)$/\1/p' "$headers/.kernelvariables")
find "$top/drivers/dahdi" -name '*.ko' | while read -r module; do
	"${cross}objcopy" -g "$module" "$work/made/${module##*/}"
done
