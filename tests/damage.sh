#!/bin/sh
# damage.sh FILE OFFSET: turn one byte of FILE into another. Whatever stands there, it is not the same afterwards: a fixed byte
# written over it would change nothing once in 256 times.
set -eu
byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
[ -n "$byte" ] || { echo "damage: '$1' has no byte $2" >&2; exit 1; }
printf "\\$(printf %03o $((255 - byte)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
