# The programs of the service in one image: worker, producer, ingestctl.
#
#   docker build -t ingestion .
#   docker run --rm -e REDIS_URL=… -e MONGO_URI=… ingestion               the worker
#   docker run --rm -e REDIS_URL=… --entrypoint producer ingestion generate
#   docker run --rm -e REDIS_URL=… --entrypoint ingestctl ingestion reconcile
#
# GO_IMAGE needs Go and a shell, BASE_IMAGE nothing: the programs are static.

ARG GO_IMAGE=golang:1.26
ARG BASE_IMAGE=scratch

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='-s -w' -o /out/ ./cmd/worker ./cmd/producer ./cmd/ingestctl

FROM ${BASE_IMAGE}
# For rediss:// and MongoDB with TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/ /usr/local/bin/
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# Nobody's: the programs write nothing to disk.
USER 65532:65532
ENTRYPOINT ["worker"]
