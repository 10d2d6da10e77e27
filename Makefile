# Needs Go and make. race also needs a C compiler; images and compose-smoke need
# Docker and Debian's redis-server.

GO    ?= go
gofmt := $(shell $(GO) env GOROOT)/bin/gofmt
tool  := $(GO) tool -modfile=tools.mod

TESTFLAGS ?=
PACKAGES  ?= ./...
BENCH     ?= .
BENCH_SYSTEM ?=
SIT       ?=
RUN       ?=
FUZZTIME  ?= 20s
RERUNS    ?=
CHAOS     ?=
TARGETS   ?=
PROGRAMS  ?=

# auto: a container if a Docker engine has or gets the image, otherwise local.
INTEGRATION_REDIS ?= auto
INTEGRATION_MONGO ?= auto
export INTEGRATION_REDIS INTEGRATION_MONGO

export CGO_ENABLED := 0

# Leaves out FerretDB's PostgreSQL backend. All targets have the same tags, so that
# they share what is compiled.
goflags := $(shell $(GO) env GOFLAGS)
ifeq (,$(findstring -tags,$(goflags)))
export GOFLAGS := $(strip $(goflags) -tags=ferretdb_no_postgresql)
endif

define usage
Usual:
  make demo           run the whole service on embedded servers, check the result, and exit
  make run            run the service and its console on embedded servers until Ctrl-C,
                      with a record a second; RUN=flags, RUN='--example 0' for no records
  make test           run all tests; those that need redis-server are skipped without one
  make lint           gofmt, go vet, staticcheck, the import rule, go.mod
  make build          build the programs into bin/

More tests:
  make race           all tests with the race detector; needs a C compiler
  make rules          what Prometheus and Grafana get, with a Prometheus that scrapes a worker
  make chart          the Helm chart, rendered and checked against the types of Kubernetes
  make integration    the main path, on servers in containers or else local ones
  make chaos          workers under kills, outages and broken connections, checked from outside
  make crash          stop a worker at every pair of points, one after the other
  make planted        plant known bugs one at a time; each must be noticed
  make fuzz           each fuzz target for FUZZTIME ($(FUZZTIME))

Measuring:
  make bench          Go benchmarks; BENCH=regexp selects some
  make bench-system   the worker as a process, compared with a bare loop; BENCH_SYSTEM=flags
  make peers          compare the worker with asynq, Watermill and a plain loop; PEERS=flags
  make performance    measure docs/performance.md again, in about 20 minutes; SIT=flags

Releases, images and cleaning up:
  make release        reproducible archives for all platforms into dist/; VERSION=v1.2.3
  make release-twice  build a release twice in different places, once with an empty cache, and compare
  make images         build stand-ins for the public images, if none can be pulled
  make compose-smoke  run docker-compose with its profiles on the stand-ins, and kill a worker
  make clean          remove everything built

Variables: PACKAGES=./record/... and TESTFLAGS=-run=Name narrow test, race and integration;
RERUNS=1 runs a failed test once more and says so;
INTEGRATION_REDIS=container|local|auto selects the Redis of integration, and
INTEGRATION_MONGO its MongoDB;
TARGETS=linux/amd64 and PROGRAMS=worker,producer narrow release and release-twice;
CHAOS='--records 500000 --faults 1000 --seed 7' sets the flags of chaos; --help lists them.
endef

.PHONY: help demo run test rules chart integration race chaos crash planted lint fuzz bench bench-system performance peers build release release-twice images compose-smoke clean
.DEFAULT_GOAL := help

help:
	$(info $(usage))
	@:

demo: bin/standalone
	@bin/standalone demo

run: bin/standalone
	@exec bin/standalone run --example 60 $(RUN)

# gotest runs go test with the flags $(1) on the packages $(2), without cached
# results, since those have seen no server, and prints at the end which servers
# were used. RERUNS=1 runs a failed test once more, unless many failed or there was
# a data race; the report names what failed at first.
define gotest
@servers=$$(mktemp) && trap 'rm -f "$$servers"' EXIT && TESTENV_TALLY=$$servers \
  $(tool) gotestsum --format-icons text --format-hide-empty-pkg \
  $(if $(RERUNS),--rerun-fails=$(RERUNS) --rerun-fails-max-failures=5 --rerun-fails-abort-on-data-race --rerun-fails-run-root-test --rerun-fails-report=/dev/stdout) \
  --post-run-command "$(GO) run ./internal/test/env/tally $$servers" --packages='$(2)' -- -count=1 $(1)
endef

# The time limit is for tests that hang, not for slow ones on a busy machine.
test: export INTEGRATION_REDIS := local
test: export INTEGRATION_MONGO := local
test:
	$(call gotest,-timeout 45m $(TESTFLAGS),$(PACKAGES))

# By default, each program with the race detector waits a second before it exits.
race: export GORACE := atexit_sleep_ms=10
race: export CGO_ENABLED := 1
race: export INTEGRATION_REDIS := local
race: export INTEGRATION_MONGO := local
race:
	$(call gotest,-race -timeout 45m $(TESTFLAGS),$(PACKAGES))

rules:
	$(call gotest,-v $(TESTFLAGS),./test/deploy)

# Without vet, which takes as long as compiling Helm's dependencies.
chart: check := deploy/helm/check
chart:
	$(GO) test -C $(check) -vet=off -count=1 $(TESTFLAGS) ./...
	$(GO) mod tidy -C $(check) -diff

integration:
	$(call gotest,-v $(TESTFLAGS),./test/integration)

chaos:
	@mkdir -p bin && $(GO) build -o bin/chaos ./test/chaos && exec bin/chaos $(CHAOS)

crash:
	CRASH_EVERY=1 $(GO) test -count=1 -v -timeout 30m ./test/chaos/crash

planted:
	$(GO) test -count=1 -v -run Planted ./test/chaos/crash

lint:
	@unformatted=$$($(gofmt) -l .); if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -C bench/peers ./...
	$(tool) staticcheck ./...
	$(tool) depguard ./...
	$(GO) mod tidy -diff
	$(GO) mod tidy -C bench/peers -diff

fuzz:
	@targets=$$($(GO) test -list '^Fuzz' $(PACKAGES)) || { echo "$$targets"; exit 1; }; \
	echo "$$targets" | while read -r word package rest; do case $$word in \
	  Fuzz*) pending="$$pending $$word" ;; \
	  ok) for target in $$pending; do echo "$$package $$target"; \
	        GO="$(GO)" test/fuzz.sh $$package $$target $(FUZZTIME) || exit 1; \
	      done; pending= ;; \
	esac; done

bench:
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem $(TESTFLAGS) $(PACKAGES)

bench-system:
	$(GO) run ./bench/system drain $(BENCH_SYSTEM)

performance:
	$(GO) run ./bench/system sit --out bench/results/sitting.jsonl $(SIT)
	$(GO) run ./bench/system report bench/results/sitting.jsonl --into docs/performance.md --plots docs

peers:
	@$(GO) build -o bin/worker ./cmd/worker
	@$(GO) run -C bench/peers . --worker $(CURDIR)/bin/worker --into $(CURDIR)/README.md $(PEERS)

# The go command takes the version from git; VERSION=v1.2.3 overrides it.
build:
	@GO='$(GO)' cmd/build.sh $(if $(VERSION),-ldflags "-X 'ingestion/cmd/internal/app.stamp=$(VERSION)'") -o bin/ ./cmd/...

# Always run go build: it knows what is out of date.
.PHONY: bin/standalone
bin/standalone:
	@GO='$(GO)' cmd/build.sh -o $@ ./cmd/standalone

release:
	GO='$(GO)' $(GO) run ./deploy/release $(if $(VERSION),-version '$(VERSION)') $(if $(TARGETS),-targets '$(TARGETS)') $(if $(PROGRAMS),-programs '$(PROGRAMS)')

release-twice:
	GO='$(GO)' VERSION='$(VERSION)' TARGETS='$(TARGETS)' PROGRAMS='$(PROGRAMS)' deploy/release/twice.sh

images:
	deploy/images/standin.sh

compose-smoke:
	deploy/smoke.sh

clean:
	rm -rf bin dist .testenv
