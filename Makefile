# Needs Go and make. race needs a C compiler too; images and compose-smoke need
# Docker and Debian's redis-server.

GO    ?= go
gofmt := $(shell $(GO) env GOROOT)/bin/gofmt
tool  := $(GO) tool -modfile=tools.mod

TESTFLAGS ?=
PACKAGES  ?= ./...
BENCH     ?= .
BENCH_SYSTEM ?=
SIT       ?=
FUZZTIME  ?= 20s
CHAOS     ?=

# auto: a container where a Docker engine has or gets the image, else local.
INTEGRATION_REDIS ?= auto
export INTEGRATION_REDIS

export CGO_ENABLED := 0

define usage
make demo           show the whole service at work, on embedded servers; ends by itself
make run            keep it running, ready for any Redis client to push records
make test           all tests; those that need redis-server are skipped where there is none
make integration    the main path against a Redis in a container, else a local one
make race           all tests with the race detector; needs a C compiler
make chaos          workers under kills, outages and broken connections, checked from outside
make crash          every pair of points at which a worker can be stopped, one after the other
make planted        known bugs, planted one at a time: each has to be noticed
make lint           gofmt, go vet, staticcheck, the import rule, go.mod
make fuzz           each fuzz target for FUZZTIME, $(FUZZTIME)
make bench          Go benchmarks; BENCH=regexp picks some
make bench-system   the worker as a process beside the bare loop of its commands; BENCH_SYSTEM=flags
make performance    all of docs/performance.md measured anew, some 20 minutes; SIT=flags
make peers          the worker beside asynq, Watermill and a plain loop, in one run; PEERS=flags
make build          the programs, into bin/
make images         stand-ins for the public images, where none can be pulled
make compose-smoke  docker-compose up on the stand-ins until documents arrive, then down
make clean          remove what the above have built

Variables: PACKAGES=./record/... and TESTFLAGS=-run=Name narrow test, race and integration;
INTEGRATION_REDIS=container|local|auto picks the Redis of integration;
CHAOS='--records 500000 --faults 1000 --seed 7' sets the flags of chaos, --help lists them.
endef

.PHONY: help demo run test integration race chaos crash planted lint fuzz bench bench-system performance peers build images compose-smoke clean
.DEFAULT_GOAL := help

help:
	$(info $(usage))
	@:

demo: bin/standalone
	@bin/standalone demo

run: bin/standalone
	@exec bin/standalone run

# gotest runs go test with the arguments given, without cached results, since
# those have seen no server, and prints at the end which servers were used.
define gotest
@servers=$$(mktemp) && trap 'rm -f "$$servers"' EXIT && TESTENV_TALLY=$$servers \
  $(tool) gotestsum --format-icons text --format-hide-empty-pkg \
  --post-run-command "$(GO) run ./internal/test/env/tally $$servers" -- -count=1 $(1)
endef

# The time limit is for tests that hang, not for slow ones on a busy machine.
test: export INTEGRATION_REDIS := local
test:
	$(call gotest,-timeout 45m $(TESTFLAGS) $(PACKAGES))

race: export CGO_ENABLED := 1
race: export INTEGRATION_REDIS := local
race:
	$(call gotest,-race -timeout 45m $(TESTFLAGS) $(PACKAGES))

integration:
	$(call gotest,-v $(TESTFLAGS) ./test/integration)

chaos:
	@mkdir -p bin && $(GO) build -o bin/chaos ./test/chaos && exec bin/chaos $(CHAOS)

crash:
	CRASH_EVERY=1 $(GO) test -count=1 -v -timeout 30m ./test/chaos/crash

planted:
	$(GO) test -count=1 -v -run Planted ./test/chaos/crash

lint:
	@unformatted=$$($(gofmt) -l .); if [ -n "$$unformatted" ]; then echo "gofmt -w is due for:"; echo "$$unformatted"; exit 1; fi
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
	        $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package </dev/null || exit 1; \
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

build:
	$(GO) build -o bin/ ./cmd/...

# go build knows best what is out of date.
.PHONY: bin/standalone
bin/standalone:
	@$(GO) build -o $@ ./cmd/standalone

images:
	deploy/images/standin.sh

compose-smoke:
	deploy/smoke.sh

clean:
	rm -rf bin .testenv
