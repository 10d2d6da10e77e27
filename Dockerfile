# One image with the programs of the service: worker, producer and ingestctl.
#
#   docker build -t ingestion .
#   docker run --rm -e REDIS_URL=… -e MONGO_URI=… ingestion                          # worker
#   docker run --rm -e REDIS_URL=… --entrypoint producer ingestion generate
#   docker run --rm -e REDIS_URL=… --entrypoint ingestctl ingestion reconcile
#
# GO_IMAGE must contain Go and a shell. BASE_IMAGE may be empty, since the programs
# are statically linked.

ARG GO_IMAGE=golang:1.26
ARG BASE_IMAGE=scratch

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='-s -w' -o /out/ ./cmd/worker ./cmd/producer ./cmd/ingestctl

FROM ${BASE_IMAGE}
# For TLS to Redis and MongoDB.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/ /usr/local/bin/
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# An unprivileged user: the programs write nothing to disk.
USER 65532:65532
ENTRYPOINT ["worker"]
