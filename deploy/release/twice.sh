#!/usr/bin/env bash
# Builds a release of the commit twice, in different directories, with empty build caches
# and in different environments, and compares all that was built. TARGETS names the
# platforms and PROGRAMS the programs; by default all are built, which takes long.
#
#   TARGETS=linux/amd64 PROGRAMS=producer deploy/release/twice.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD go=${GO:-go}

if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
  echo "twice.sh: what is not committed is left out" >&2
fi
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT

# once DIRECTORY clones the repository into a directory and builds a release in it.
once() {
  git clone --quiet "$root" "$1/source"
  (cd "$1/source" && GOCACHE=$1/cache \
    "$go" run ./deploy/release -out "$1/dist" ${VERSION:+-version "$VERSION"} ${TARGETS:+-targets "$TARGETS"} ${PROGRAMS:+-programs "$PROGRAMS"})
  rm -rf "$1/cache"
}

mkdir -p "$work/a" "$work/a second/directory"
once "$work/a"
(umask 077 && export TZ=Asia/Tokyo LC_ALL=C GOFLAGS=-buildvcs=true GOMAXPROCS=1 && once "$work/a second/directory")

if ! diff -r "$work/a/dist" "$work/a second/directory/dist"; then
  echo "twice.sh: the two builds differ" >&2
  exit 1
fi
cat "$work/a/dist/SHA256SUMS"
echo "both builds are identical"
