#!/bin/sh
# Compiles the programs of the images into a directory: image.sh DIRECTORY. VERSION is
# what they report, since images are built without version control. The tag leaves out a
# way to Google's storage that the service doesn't use, and 13 MB of each program that knows archives.
set -eu
export CGO_ENABLED=0
exec "${GO:-go}" build -buildvcs=false -tags=disable_grpc_modules \
  -ldflags="-s -w -X 'ingestion/cmd/internal/app.stamp=${VERSION:-}'" -o "$1/" \
  ./cmd/worker ./cmd/producer ./cmd/archiver ./cmd/console ./cmd/ingestctl
