#!/bin/sh
# Compiles the programs of the images into a directory: image.sh DIRECTORY [PROGRAM ...]. VERSION
# is what they report, since images are built without version control. STORAGE is where
# archives may be, besides directories: any of s3, gs and azblob, whose clients take
# megabytes of each program that knows archives; s3 is the default.
set -eu
export CGO_ENABLED=0

# The first leaves out a way to Google's storage that the service doesn't use, with 13 MB.
# The second leaves out gRPC's debug pages: with their templates the linker keeps every
# exported method of all types.
tags=disable_grpc_modules,grpcnotrace
storage=${STORAGE-s3}
for cloud in $storage; do
  case $cloud in
    s3 | gs | azblob) ;;
    *) echo "image.sh: STORAGE: $cloud is not one of s3, gs, azblob" >&2; exit 2 ;;
  esac
done
for cloud in s3 gs azblob; do
  case " $storage " in *" $cloud "*) ;; *) tags=$tags,no_$cloud ;; esac
done

directory=$1
shift
[ $# -gt 0 ] || set -- worker producer archiver console ingestctl
for program; do
  set -- "$@" "./cmd/$program"
  shift
done
# Inlining makes the client of S3 larger, not faster.
exec "${GO:-go}" build -buildvcs=false -tags="$tags" -gcflags=github.com/aws/...=-l \
  -ldflags="-s -w -X 'ingestion/cmd/internal/app.stamp=${VERSION:-}'" -o "$directory/" "$@"
