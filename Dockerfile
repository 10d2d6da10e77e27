# An image for each program: worker (the default), producer, archiver, console, ingestctl.
#
#   docker build -t ingestion-worker --build-arg VERSION="$(git describe --tags --always --dirty)" .
#   docker build -t ingestion-producer --target producer .
#   docker build -t ingestion --target all .         # all programs, as the Helm chart wants them
#   docker build -t ingestion-archiver --target archiver --build-arg STORAGE="gs azblob" .
#   docker run --rm -e REDIS_URL=… -e MONGO_URI=… ingestion-worker
#   docker run --rm -e REDIS_URL=… ingestion-producer generate
#
# VERSION is what --version and worker_started report: the image is built without
# version control. REVISION is the commit, for the label. STORAGE is where the programs find
# archives besides directories: any of s3, gs and azblob, only s3 by default. GO_IMAGE must contain Go and a shell.
# BASE_IMAGE may be empty, since the programs are statically linked.

ARG GO_IMAGE=golang:1.26
ARG BASE_IMAGE=scratch

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
ARG STORAGE=s3
RUN GOFLAGS=-trimpath cmd/image.sh /out && mkdir /archive

FROM ${BASE_IMAGE} AS base
# For TLS to Redis and MongoDB.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# An unprivileged user. Only the archiver writes to disk: a new volume at /archive belongs to that user.
COPY --from=build --chown=65532:65532 /archive /archive
USER 65532:65532
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="ingestion" \
      org.opencontainers.image.description="Customer records from a Redis queue into MongoDB" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM base AS all
COPY --from=build /out/ /usr/local/bin/
ENTRYPOINT ["worker"]

FROM base AS producer
COPY --from=build /out/producer /usr/local/bin/
ENTRYPOINT ["producer"]

FROM base AS archiver
COPY --from=build /out/archiver /usr/local/bin/
HEALTHCHECK --interval=10s --timeout=6s --start-period=90s --retries=3 CMD ["archiver", "healthcheck"]
ENTRYPOINT ["archiver"]

FROM base AS console
COPY --from=build /out/console /usr/local/bin/
HEALTHCHECK --interval=10s --timeout=6s --start-period=90s --retries=3 CMD ["console", "healthcheck"]
ENTRYPOINT ["console"]

FROM base AS ingestctl
COPY --from=build /out/ingestctl /usr/local/bin/
ENTRYPOINT ["ingestctl"]

FROM base AS worker
COPY --from=build /out/worker /usr/local/bin/
HEALTHCHECK --interval=10s --timeout=6s --start-period=90s --retries=3 CMD ["worker", "healthcheck"]
ENTRYPOINT ["worker"]
