#!/usr/bin/env bash
# On the machine with the card: unpacks the archive beside this file, once, and runs what is in it. Arguments are those of `npm run card`.
#   bash unpack-and-run.sh --parts probe,ops
#   bash unpack-and-run.sh --node ARGUMENTS   runs Node itself, with what was packed in its environment
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
archive=$here/packed.tar.xz
unpacked=${TMPDIR:-/tmp}/torchlet-card-$(cksum <"$archive" | tr ' ' '-')
if [ ! -d "$unpacked" ]; then
  work=$unpacked.$$
  mkdir -p "$work"
  # A slim machine has no xz, but wherever PyTorch is Python can do it.
  tar -xJf "$archive" -C "$work" 2>/dev/null ||
    python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$archive" "$work"
  mv "$work" "$unpacked"
fi
. "$unpacked/environment.sh"
node=$unpacked/node
[ -x "$node" ] || node=node
if [ "${1:-}" = --node ]; then
  shift
  exec "$node" "$@"
fi
exec "$node" --enable-source-maps "$unpacked/app/card.mjs" "$@"
