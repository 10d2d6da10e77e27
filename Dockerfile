# One image with the programs of the service: worker, producer, archiver, console and ingestctl.
#
#   docker build -t ingestion --build-arg VERSION="$(git describe --tags --always --dirty)" .
#   docker run --rm -e REDIS_URL=… -e MONGO_URI=… ingestion                          # worker
#   docker run --rm -e REDIS_URL=… --entrypoint producer ingestion generate
#   docker run --rm -e REDIS_URL=… --entrypoint ingestctl ingestion reconcile
#
# VERSION is what --version and worker_started report: the image is built without
# version control. GO_IMAGE must contain Go and a shell. BASE_IMAGE may be empty, since the programs
# are statically linked.

ARG GO_IMAGE=golang:1.26
ARG BASE_IMAGE=scratch

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w -X 'ingestion/cmd/internal/app.stamp=${VERSION}'" -o /out/ ./cmd/worker ./cmd/producer ./cmd/archiver ./cmd/console ./cmd/ingestctl

FROM ${BASE_IMAGE}
# For TLS to Redis and MongoDB.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/ /usr/local/bin/
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# An unprivileged user: the programs write nothing to disk.
USER 65532:65532
# For the worker; start another program with --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=6s --start-period=90s --retries=3 CMD ["worker", "healthcheck"]
ENTRYPOINT ["worker"]
