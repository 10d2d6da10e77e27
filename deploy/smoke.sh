#!/usr/bin/env bash
# Starts docker-compose.yml, waits until generated records are in MongoDB and their
# metrics in Prometheus, checks the worker's log, shuts the worker down cleanly, and
# removes everything, including volumes. Grafana is left out.
#
# REDIS_IMAGE, MONGO_IMAGE, PROMETHEUS_IMAGE and GO_IMAGE name the images; by default, stand-ins are
# built (deploy/images/standin.sh). DOCUMENTS is the number of documents to wait for.
set -euo pipefail
cd "$(dirname "$0")/.."

documents=${DOCUMENTS:-20}
export COMPOSE_PROJECT_NAME=ingestion-smoke
export INGESTION_IMAGE=ingestion:smoke
export VERSION=smoke-$$
export REDIS_PORT=0 MONGO_PORT=0 PROMETHEUS_PORT=0 # any free ports
export GEN_RPM=120 RATE_LIMIT_LIMIT=0 GEN_INVALID_RATE=0.1

if docker compose version >/dev/null 2>&1; then
  compose() { docker compose "$@"; }
elif command -v docker-compose >/dev/null; then
  compose() { docker-compose "$@"; }
else
  echo "smoke.sh: neither docker compose nor docker-compose found" >&2
  exit 1
fi
docker info >/dev/null 2>&1 || { echo "smoke.sh: no Docker engine is running" >&2; exit 1; }

missing=()
[ -n "${REDIS_IMAGE:-}" ] || { export REDIS_IMAGE=ingestion-standin/redis:7; missing+=(redis); }
[ -n "${MONGO_IMAGE:-}" ] || { export MONGO_IMAGE=ingestion-standin/mongo:7; missing+=(mongo); }
[ -n "${PROMETHEUS_IMAGE:-}" ] || { export PROMETHEUS_IMAGE=ingestion-standin/prometheus:2; missing+=(prometheus); }
[ -n "${GO_IMAGE:-}" ] || { export GO_IMAGE=ingestion-standin/golang:1.26; missing+=(go); }
[ ${#missing[@]} -eq 0 ] || deploy/images/standin.sh "${missing[@]}"

finish() {
  status=$?
  [ $status -eq 0 ] || compose logs --tail=40 || true
  compose --profile observability down --volumes --timeout 5 >/dev/null 2>&1 || echo "smoke.sh: compose down failed" >&2
  exit $status
}
trap finish EXIT

compose up --build --detach
address=$(compose port mongo 27017)
CGO_ENABLED=0 go run ./deploy/smoke -uri "mongodb://$address" -documents "$documents" -timeout 2m

if compose ps --services --filter status=running 2>/dev/null | grep -qE 'prometheus|grafana'; then
  echo "smoke.sh: the profile observability is not to start by itself" >&2
  exit 1
fi
compose --profile observability up --detach prometheus

# expect_metric EXPRESSION: waits until Prometheus has a result of the expression.
expect_metric() {
  local end=$((SECONDS + 60))
  until [ -n "$(compose exec -T prometheus promtool query instant http://localhost:9090 "$1" 2>/dev/null)" ]; do
    [ $SECONDS -lt $end ] || { echo "smoke.sh: Prometheus has no result of $1" >&2; exit 1; }
    sleep 1
  done
}
expect_metric 'count(up{job="ingestion"} == 1) == 2'
expect_metric 'ingestion_records_settled_total{outcome="ingested"} > 0'
expect_metric 'partition:ingestion_lag_seconds:max'

# expect_log TEXT: fails unless the worker's log contains the text.
expect_log() {
  local log
  log=$(compose logs --no-color worker)
  [[ $log == *"$1"* ]] || { echo "smoke.sh: the worker's log does not contain $1" >&2; exit 1; }
}
expect_log '"event":"worker_started","status":"success","version":"'"$VERSION"' go'
expect_log '"event":"ingested","status":"success"'
compose stop --timeout 35 worker
expect_log '"event":"worker_stopped","status":"success"'
container=$(compose ps --quiet --all worker 2>/dev/null || compose ps --quiet worker)
code=$(docker inspect --format '{{.State.ExitCode}}' "$container")
[ "$code" = 0 ] || { echo "smoke.sh: the worker exited with code $code" >&2; exit 1; }
echo "compose-smoke: documents were inserted, their metrics scraped, and the worker exited with code 0"
