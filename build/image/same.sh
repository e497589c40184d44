#!/bin/sh
# same.sh BOARD [FLAVOUR]: builds the image in two fresh checkouts of this one, at
# different paths and times, and compares the bytes.
set -eu
board=$1
name=$1${2:+-$2}
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$top/bin/image/cache"
for n in one two/deeper; do
	git clone -q "$top" "$work/$n"
	(cd "$work/$n" && umask "$([ "$n" = one ] && echo 022 || echo 077)" &&
		go run ./build/image -board "$board" -flavour "${2:-}" -out out -cache "$top/bin/image/cache" | grep "branchline-$name" | sed "s/^ *//" >"$work/$(basename "$n").sums")
done
cat "$work"/one.sums
cmp "$work/one.sums" "$work/deeper.sums" || { cat "$work/deeper.sums"; echo "the images differ"; exit 1; }
cmp "$work/one/out/branchline-$name.img" "$work/two/deeper/out/branchline-$name.img"
echo "two builds, the same bytes"
