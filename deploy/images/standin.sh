#!/usr/bin/env bash
# Builds stand-ins for the public images of docker-compose.yml, on machines that
# can't pull them: from the local redis-server, Prometheus and Go, from the embedded
# MongoDB (FerretDB on SQLite), and from what there is of Grafana in deploy/images/grafana.
# They support the same commands and health checks.
# They are for trials and tests, not for production.
#
#   deploy/images/standin.sh [redis] [mongo] [prometheus] [grafana] [go] [programs]
#
# The default is all but programs, which are our own images, compiled by the local Go and
# assembled by the last stages of the Dockerfile, in seconds if the build cache is warm:
#
#   ingestion-standin/redis:7       redis-server, redis-cli, and a shell for deploy/redis/cluster.sh
#   ingestion-standin/mongo:7       FerretDB that takes mongod's flags, and a mongosh that only pings
#   ingestion-standin/prometheus:2  prometheus, promtool
#   ingestion-standin/grafana:12    what shows no pages, but reads what Grafana reads, and answers
#                                   its HTTP API; and a curl that only says whether a page is there
#   ingestion-standin/golang:1.26   Go, a shell, CA certificates and all modules of
#                                   go.sum, so that builds need no network
#   $INGESTION_IMAGE-worker:$VERSION and so on for producer, archiver, console, ingestctl
#
# Requires Docker and Go; redis also requires Debian's redis-server and redis-tools,
# and prometheus Debian's prometheus.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo dev)}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# with_libraries ROOT PROGRAM... copies programs and their shared libraries.
with_libraries() {
  local root=$1 program
  shift
  for program in "$@"; do
    { echo "$program"; ldd "$program" | grep -o '/[^ ]*'; } | xargs -I{} cp -L --parents {} "$root"
  done
}

# import ROOT NAME CHANGE... creates an image from a directory.
import() {
  local root=$1 name=$2 changes=() change
  shift 2
  for change in "$@"; do changes+=(--change "$change"); done
  mkdir -p "$root/tmp"
  chmod 1777 "$root/tmp"
  tar -C "$root" --owner=0 --group=0 -c . | docker import "${changes[@]}" - "$name" >/dev/null
  echo "$name"
}

# require PROGRAM PACKAGE... fails unless the program is there.
require() {
  local program=$1
  shift
  command -v "$program" >/dev/null || { echo "standin.sh: $program not found: apt-get install $*" >&2; exit 1; }
}

redis() {
  local root=$work/redis
  require redis-server redis-server redis-tools
  require redis-cli redis-server redis-tools
  mkdir -p "$root/data"
  with_libraries "$root" "$(command -v redis-server)" "$(command -v redis-cli)" /bin/sh /usr/bin/getent /bin/sleep
  import "$root" ingestion-standin/redis:7 \
    'ENV PATH=/usr/local/bin:/usr/bin:/bin' 'WORKDIR /data' 'EXPOSE 6379' \
    'CMD ["redis-server", "--protected-mode", "no"]'
}

mongo() {
  local root=$work/mongo
  mkdir -p "$root/usr/local/bin" "$root/data/db"
  go build -tags=ferretdb_no_postgresql -o "$root/usr/local/bin/" ./deploy/images/mongod ./deploy/images/mongosh
  import "$root" ingestion-standin/mongo:7 \
    'ENV PATH=/usr/local/bin' 'VOLUME /data/db' 'EXPOSE 27017' \
    'ENTRYPOINT ["mongod"]'
}

prometheus_() {
  local root=$work/prometheus
  require prometheus prometheus
  require promtool prometheus
  mkdir -p "$root/prometheus"
  chmod 777 "$root/prometheus"
  with_libraries "$root" "$(command -v prometheus)" "$(command -v promtool)"
  import "$root" ingestion-standin/prometheus:2 \
    'ENV PATH=/usr/bin' 'VOLUME /prometheus' 'WORKDIR /prometheus' 'EXPOSE 9090' 'USER 65534:65534' \
    'ENTRYPOINT ["prometheus"]'
}

grafana() {
  local root=$work/grafana
  mkdir -p "$root/usr/local/bin" "$root/var/lib/grafana"
  chmod 777 "$root/var/lib/grafana"
  go build -o "$root/usr/local/bin/" ./deploy/images/grafana ./deploy/images/curl
  import "$root" ingestion-standin/grafana:12 \
    'ENV PATH=/usr/local/bin' 'VOLUME /var/lib/grafana' 'EXPOSE 3000' 'USER 472:0' \
    'ENTRYPOINT ["grafana"]'
}

go_() {
  local root=$work/go
  mkdir -p "$root/usr/local/go" "$root/modules" "$root/root"
  with_libraries "$root" /bin/sh /bin/mkdir
  cp -L --parents /etc/ssl/certs/ca-certificates.crt "$root"
  tar -C "$(go env GOROOT)" --exclude=./test --exclude=./api --exclude=./doc -c . | tar -C "$root/usr/local/go" -x
  go mod download
  tar -C "$(go env GOMODCACHE)/cache/download" --exclude=./sumdb -c . | tar -C "$root/modules" -x
  import "$root" ingestion-standin/golang:1.26 \
    'ENV PATH=/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin' 'ENV HOME=/root' \
    'ENV GOPATH=/go' 'ENV GOPROXY=file:///modules' 'ENV GOSUMDB=off' 'ENV GOTOOLCHAIN=local' 'WORKDIR /go'
}

# programs builds from the local Go what the Dockerfile builds in GO_IMAGE.
programs() {
  local root=$work/programs target
  mkdir -p "$root/archive" "$root/etc/ssl/certs"
  VERSION=$version cmd/image.sh "$root/out"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  # The stage of all programs is left out: the classic builder makes each stage before the target.
  {
    printf 'FROM scratch AS build\nCOPY . /\n'
    sed -n '/^FROM .* AS base$/,$p' Dockerfile | sed -e 's/^FROM ${BASE_IMAGE}/FROM scratch/' -e '/^FROM base AS all$/,/^$/d'
  } >"$root/Dockerfile"
  for target in worker producer archiver console ingestctl; do
    docker build --quiet --target "$target" --build-arg VERSION="$version" --tag "${INGESTION_IMAGE:-ingestion}-$target:$version" "$root" >/dev/null
    echo "${INGESTION_IMAGE:-ingestion}-$target:$version"
  done
}

[ $# -gt 0 ] || set -- redis mongo prometheus grafana go
for image in "$@"; do
  case $image in
    redis | mongo | grafana | programs) "$image" ;;
    prometheus | go) "${image}_" ;;
    *) echo "standin.sh: unknown image $image: want redis, mongo, prometheus, grafana, go or programs" >&2; exit 2 ;;
  esac
done
