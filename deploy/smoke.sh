#!/usr/bin/env bash
# Starts docker-compose.yml with its profiles, on a single Redis and then on a Redis Cluster, each
# with three workers, one of which is killed under load. Every document has to arrive
# exactly once, what Grafana's dashboard asks for in Prometheus, entries in the archive, and the
# others have to end cleanly. Removes everything at the end, including volumes.
#
# REDIS_IMAGE, MONGO_IMAGE, PROMETHEUS_IMAGE and GRAFANA_IMAGE name the images; by default, stand-ins
# are built (deploy/images/standin.sh). Our own images are assembled from what the local Go compiles; with
# GO_IMAGE, compose builds them as users do. RECORDS is the number of records of a load.
set -euo pipefail
cd "$(dirname "$0")/.."

records=${RECORDS:-40000}
export COMPOSE_PROJECT_NAME=ingestion-smoke
export INGESTION_IMAGE=ingestion-smoke
export VERSION=smoke-$$
export REDIS_PORT=0 MONGO_PORT=0 PROMETHEUS_PORT=0 GRAFANA_PORT=0 CONSOLE_PORT=0 # any free ports
export GEN_RPM=120 RATE_LIMIT_LIMIT=0 GEN_INVALID_RATE=0.1 STREAM_CLAIM_IDLE_MS=3000
export GRAFANA_PASSWORD=smoke
programs="worker producer archiver console ingestctl"

if docker compose version >/dev/null 2>&1; then
  compose() { docker compose "$@"; }
elif command -v docker-compose >/dev/null; then
  compose() { docker-compose "$@"; }
else
  echo "smoke.sh: neither docker compose nor docker-compose found" >&2
  exit 1
fi
docker info >/dev/null 2>&1 || { echo "smoke.sh: no Docker engine is running" >&2; exit 1; }

# A quiet compose: what it did is shown only after a failure.
work=$(mktemp -d)
quietly() { "$@" >>"$work/log" 2>&1; }
all_profiles=(--profile observability --profile archive --profile console --profile cluster --profile tools)
down() { quietly compose "${all_profiles[@]}" down --volumes --timeout 5; }

finish() {
  status=$?
  if [ $status -ne 0 ]; then
    tail -n 40 "$work/log" >&2
    compose "${all_profiles[@]}" ps || true
    compose "${all_profiles[@]}" logs --no-color --tail=20 2>&1 | grep -v '"event":"\(ingested\|queued\)"' || true
  fi
  down || echo "smoke.sh: compose down failed" >&2
  for program in $programs; do quietly docker rmi "$INGESTION_IMAGE-$program:$VERSION" || true; done
  rm -rf "$work"
  exit $status
}
trap finish EXIT

fail() { echo "smoke.sh: $*" >&2; exit 1; }
say() { printf 'compose-smoke: %3d s: %s\n' $SECONDS "$*"; }

# The console's password, which its user must be able to read.
printf 'smoke' >"$work/password"
chmod 755 "$work"
export CONSOLE_PASSWORD_FILE=$work/password

build() {
  local missing=()
  [ -n "${REDIS_IMAGE:-}" ] || { export REDIS_IMAGE=ingestion-standin/redis:7; missing+=(redis); }
  [ -n "${MONGO_IMAGE:-}" ] || { export MONGO_IMAGE=ingestion-standin/mongo:7; missing+=(mongo); }
  [ -n "${PROMETHEUS_IMAGE:-}" ] || { export PROMETHEUS_IMAGE=ingestion-standin/prometheus:2; missing+=(prometheus); }
  [ -n "${GRAFANA_IMAGE:-}" ] || { export GRAFANA_IMAGE=ingestion-standin/grafana:12; missing+=(grafana); }
  [ -n "${GO_IMAGE:-}" ] || missing+=(programs)
  [ ${#missing[@]} -eq 0 ] || quietly deploy/images/standin.sh "${missing[@]}"
  [ -z "${GO_IMAGE:-}" ] || quietly compose "${all_profiles[@]}" build
}

# check_images: small, unprivileged, labelled.
check_images() {
  local program image size
  for program in $programs; do
    image=$INGESTION_IMAGE-$program:$VERSION
    size=$(docker image inspect --format '{{.Size}}' "$image")
    say "$(printf '%-10s %5.1f MB' "$program" "$(bc_mb "$size")")"
    [ "$size" -lt 40000000 ] || fail "the image of the $program has $size bytes, want less than 40 MB"
    [ "$(docker image inspect --format '{{.Config.User}}' "$image")" = 65532:65532 ] || fail "$image runs as root"
    [ "$(docker image inspect --format '{{index .Config.Labels "org.opencontainers.image.version"}}' "$image")" = "$VERSION" ] || fail "$image has no version"
  done
}
bc_mb() { echo "$(($1 / 1000000)).$((($1 / 100000) % 10))"; }

# eventually SECONDS WHAT COMMAND... repeats a command until it succeeds.
eventually() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until quietly "$@"; do
    [ $SECONDS -lt $end ] || fail "$what: not within the time"
    sleep 1
  done
}

# documents [AT_LEAST] prints how many documents there are, once there are so many.
documents() {
  "$work/smoke" -uri "mongodb://$(docker port "$(containers mongo)" 27017)/?directConnection=true" -documents "${1:-0}" -timeout 5m | cut -d' ' -f1
}

ingestctl() { compose run --rm -T ingestctl "$@"; }
# containers SERVICE [--all] lists its running containers, or all.
containers() { docker ps ${2:-} --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter "label=com.docker.compose.service=$1"; }
scaled_to() { [ "$(containers "$1" | wc -l)" -eq "$2" ]; }
healthy() {
  local container=
  for container in $(containers "$1"); do
    [ "$(docker inspect --format '{{.State.Health.Status}}' "$container")" = healthy ] || return 1
  done
  [ -n "$container" ]
}

# expect_log SERVICE TEXT: fails unless the service's log contains the text.
expect_log() { logged "$1" "$2" || fail "the log of $1 does not contain $2"; }
logged() {
  local container
  for container in $(containers "$1" --all); do
    if docker logs "$container" 2>&1 | grep -cF -- "$2" >/dev/null; then return; fi
  done
  return 1
}

# load_and_kill sends records to three workers and kills one while they work.
load_and_kill() {
  local before after victim
  quietly compose stop --timeout 10 generator
  quietly ingestctl reconcile --wait --timeout 1m --documents || fail "the account is wrong before the load"
  before=$(documents)
  quietly compose up --detach --no-recreate --scale worker=3 worker
  scaled_to worker 3 || fail "want 3 workers"
  eventually 90 "three healthy workers" healthy worker
  victim=$(containers worker | head -n 1)
  seq -f '{"customerId":"c%.0f","name":"Ada","email":"ada@lovelace.org","createdAt":"2024-01-31T12:00:00Z"}' "$records" |
    quietly compose run --rm -T generator load -
  documents $((before + records / 20)) >/dev/null
  quietly docker kill "$victim"
  after=$(documents)
  [ "$after" -lt $((before + records)) ] || fail "the worker was killed after the load: raise RECORDS"
  say "a worker was killed at $((after - before)) of $records documents"
  documents $((before + records)) >/dev/null
  ingestctl reconcile --wait --timeout 5m --documents >"$work/account" 2>>"$work/log" || { cat "$work/account" >&2; fail "the account is wrong after the load"; }
  after=$(documents)
  [ $((after - before)) -eq "$records" ] || fail "$((after - before)) documents arrived, want $records"
  logged worker '"event":"claimed"' || fail "nobody took over what the killed worker held: raise RECORDS"
  scaled_to worker 2 || fail "want two workers besides the killed one"
  say "$records documents arrived exactly once"
}

# stop_workers checks that those that still run end in order.
stop_workers() {
  local container codes=
  local left
  left=$(containers worker)
  quietly compose stop --timeout 35 worker
  for container in $left; do codes+=" $(docker inspect --format '{{.State.ExitCode}}' "$container")"; done
  [ "$codes" = " 0 0" ] || fail "the workers exited with codes$codes, want 0 0"
  expect_log worker '"event":"worker_stopped","status":"success"'
}

# expect_metric EXPRESSION: waits until Prometheus has a result of the expression.
query() { [ -n "$(compose exec -T prometheus promtool query instant http://localhost:9090 "$1" 2>/dev/null)" ]; }
expect_metric() { eventually 90 "Prometheus has no result of $1" query "$1"; }

# expect_dashboard EXPRESSION...: waits until Grafana gets a result from Prometheus for every query of
# its home dashboard, and for the expressions.
expect_dashboard() {
  local address
  address=$(docker port "$(containers grafana)" 3000)
  "$work/dashboard" -url "http://$address" -password "$GRAFANA_PASSWORD" -timeout 5m "$@" >"$work/queries" || fail "Grafana does not show everything"
  say "Grafana gets results for $(cat "$work/queries")"
}

CGO_ENABLED=0 go build -o "$work/" ./deploy/smoke/...
build
say "the images are built"
check_images

# A single Redis, first without a profile.
quietly compose up --detach
documents 20 >/dev/null
expect_log init "MongoDB at mongodb://mongo:27017 is ready"
expect_log worker '"event":"worker_started","status":"success","version":"'"$VERSION"' go'
expect_log worker '"event":"ingested","status":"success"'
worker=$(containers worker)
[ "$(docker inspect --format '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}' "$worker")" = "true [ALL]" ] || fail "the worker may write or has capabilities"
for service in archiver console prometheus grafana redis-1 ingestctl; do
  [ -z "$(containers $service)" ] || fail "$service is in a profile, and is not to start by itself"
done
say "records arrive"
quietly compose --profile archive --profile console --profile observability up --detach --no-recreate archiver console prometheus grafana
load_and_kill
for service in archiver console prometheus grafana; do
  eventually 60 "a healthy $service" healthy $service
done
expect_metric 'count(up{job="ingestion"} == 1) == 3'
expect_metric 'ingestion_records_settled_total{outcome="ingested"} > 0'
expect_metric 'partition:ingestion_lag_seconds:max'
expect_dashboard "sum(max by (partition) (ingestion_ledger_outcomes_total{outcome=\"ingested\"})) == $(documents)"
stop_workers
quietly compose stop --timeout 35 archiver
quietly ingestctl archive verify || fail "the archive is not whole"
say "console, archive and metrics are in order"
down

# A Redis Cluster.
export INGESTION_REDIS_URL=redis+cluster://redis-1:6379,redis-2:6379,redis-3:6379 STREAM_PARTITIONS=3
quietly compose --profile cluster up --detach
documents 20 >/dev/null
load_and_kill
stop_workers
for node in redis-1 redis-2 redis-3; do
  [ "$(compose exec -T $node redis-cli dbsize | tr -dc 0-9)" -gt 0 ] || fail "$node has no keys"
done
say "passed, on a single Redis and on a Cluster"
