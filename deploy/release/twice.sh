#!/usr/bin/env bash
# Builds a release of the commit twice, in different directories and environments, and
# compares all that was built. The second time starts with an empty build cache, so that
# everything is compiled again, which takes minutes for each platform; the first time uses
# what make release left in the usual one. TARGETS names the platforms and PROGRAMS the
# programs; by default all are built.
#
#   TARGETS=linux/amd64 PROGRAMS=producer deploy/release/twice.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD go=${GO:-go}

if [ -n "$(git status --porcelain)" ]; then
  echo "twice.sh: what is not committed is left out" >&2
fi
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT

# once DIRECTORY clones the repository into a directory and builds a release in it.
once() {
  git clone --quiet "$root" "$1/source"
  (cd "$1/source" && "$go" run ./deploy/release -out "$1/dist" \
    ${VERSION:+-version "$VERSION"} ${TARGETS:+-targets "$TARGETS"} ${PROGRAMS:+-programs "$PROGRAMS"})
}

first=$work/a second="$work/a second/directory"
mkdir -p "$first" "$second"
echo "twice.sh: the first build" >&2
once "$first"
echo "twice.sh: the second build, with an empty cache" >&2
(
  umask 077
  export GOCACHE=$second/cache TZ=Asia/Tokyo LC_ALL=C GOFLAGS=-buildvcs=true
  export GOMAXPROCS=$(($(getconf _NPROCESSORS_ONLN) + 1)) # another order of compilation
  once "$second"
)

if ! diff -r "$first/dist" "$second/dist"; then
  echo "twice.sh: the two builds differ" >&2
  exit 1
fi
cat "$first/dist/SHA256SUMS"
echo "both builds are identical"
