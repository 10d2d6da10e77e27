#!/bin/sh
# Runs go build with the arguments given, and shows how far it is if it has much to
# do: the first build compiles FerretDB and SQLite, which takes minutes. On a
# terminal the progress is one line that is overwritten, elsewhere a line for every
# 100 packages. With a warm cache nothing is printed. GO is the go command.
set -u
go=${GO:-go}
few=20 # packages that are compiled without a word

for last; do :; done # the last argument: what to build

step() {
  if [ $compiled -eq $few ]; then
    total=$("$go" list -deps "$last" | wc -l)
    echo "Compiling with an empty build cache takes minutes; later builds take seconds." >&2
  fi
  if [ $compiled -lt $few ]; then
    return
  elif [ -t 2 ]; then
    printf '\r\033[K%d of %d packages: %.50s' $compiled "$total" "$1" >&2
  elif [ $((compiled % 100)) -eq 0 ]; then
    printf '%d of %d packages\n' $compiled "$total" >&2
  fi
}

finish() {
  if [ $compiled -ge $few ] && [ -t 2 ]; then
    printf '\r\033[K' >&2
  fi
}

# go build -v prints the import path of each package that it compiles. A line with
# any other character is a message.
{ "$go" build -v "$@" 2>&1; echo "exit $?"; } | {
  compiled=0 total=0 status=1
  while IFS= read -r line; do
    case $line in
      'exit '*) status=${line#exit } ;;
      'go: downloading '*) finish; echo "$line" >&2 ;;
      '' | *[!A-Za-z0-9._/~+-]*) finish; printf '%s\n' "$line" >&2 ;;
      *) compiled=$((compiled + 1)); step "$line" ;;
    esac
  done
  finish
  exit "$status"
}
