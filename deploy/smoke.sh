#!/usr/bin/env bash
# Brings docker-compose.yml up, waits until the generator's records are in
# MongoDB, checks the worker's log, stops the worker in an orderly way, and
# takes everything down again, volumes too.
#
# REDIS_IMAGE, MONGO_IMAGE and GO_IMAGE name the images, else stand-ins are
# built (deploy/images/standin.sh). DOCUMENTS is how many to wait for.
set -euo pipefail
cd "$(dirname "$0")/.."

documents=${DOCUMENTS:-20}
export COMPOSE_PROJECT_NAME=ingestion-smoke
export INGESTION_IMAGE=ingestion:smoke
export REDIS_PORT=0 MONGO_PORT=0 # free ones
export GEN_RPM=120 RATE_LIMIT_LIMIT=0 GEN_INVALID_RATE=0.1

if docker compose version >/dev/null 2>&1; then
  compose() { docker compose "$@"; }
elif command -v docker-compose >/dev/null; then
  compose() { docker-compose "$@"; }
else
  echo "smoke.sh: needs docker compose or docker-compose" >&2
  exit 1
fi
docker info >/dev/null 2>&1 || { echo "smoke.sh: no Docker engine answers" >&2; exit 1; }

missing=()
[ -n "${REDIS_IMAGE:-}" ] || { export REDIS_IMAGE=ingestion-standin/redis:7; missing+=(redis); }
[ -n "${MONGO_IMAGE:-}" ] || { export MONGO_IMAGE=ingestion-standin/mongo:7; missing+=(mongo); }
[ -n "${GO_IMAGE:-}" ] || { export GO_IMAGE=ingestion-standin/golang:1.26; missing+=(go); }
[ ${#missing[@]} -eq 0 ] || deploy/images/standin.sh "${missing[@]}"

finish() {
  status=$?
  [ $status -eq 0 ] || compose logs --tail=40 || true
  compose down --volumes --timeout 5 >/dev/null 2>&1 || echo "smoke.sh: compose down failed" >&2
  exit $status
}
trap finish EXIT

compose up --build --detach
address=$(compose port mongo 27017)
CGO_ENABLED=0 go run ./deploy/smoke -uri "mongodb://$address" -documents "$documents" -timeout 2m

# says WHAT: fails unless the worker's log has it.
says() {
  local log
  log=$(compose logs --no-color worker)
  [[ $log == *"$1"* ]] || { echo "smoke.sh: the worker's log has no $1" >&2; exit 1; }
}
says '"event":"worker_started"'
says '"event":"ingested","status":"success"'
compose stop --timeout 35 worker
says '"event":"worker_stopped","status":"success"'
container=$(compose ps --quiet --all worker 2>/dev/null || compose ps --quiet worker)
code=$(docker inspect --format '{{.State.ExitCode}}' "$container")
[ "$code" = 0 ] || { echo "smoke.sh: the worker ended with exit code $code" >&2; exit 1; }
echo "compose-smoke: documents arrived, the worker ended with exit code 0"
