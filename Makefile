# Targets for people and CI. Run make help for a list.

GO          ?= go
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
ACTIONLINT  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.8.0
GORELEASE   := golang.org/x/exp/cmd/gorelease@v0.0.0-20261014143641-f0251eb4aa3e

GENERATED   := gen/connect.gen.go client/stackonetest/internal/description/description.gen.go client/internal/repository/testdata/api.txt
APILIST     := $(GO) test ./client/internal/repository -run '^TestExportedAPI$$' -update

# Every module of the repository. make test MODULES=. tests one.
MODULES     ?= $(sort $(patsubst %/go.mod,%,$(shell find . -name go.mod -not -path "./bin/*")))

define newline


endef
# $(call each,vet ./...,GOOS=linux) runs GOOS=linux go vet ./... in every module.
each = $(foreach module,$(MODULES),$(2) $(GO) -C $(module) $(1)$(newline))

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## run the quickstart, with a fake StackOne unless STACKONE_API_KEY is set
	@$(GO) run ./client/examples/quickstart

.PHONY: demo-web
demo-web: ## start the example backend in the same way
	@$(GO) -C client/examples/backend run .

.PHONY: fake
fake: ## start a fake StackOne for other programs; ARGS='-help' lists its flags
	@$(GO) run ./client/cmd/stackone-fake $(ARGS)

# Tests the modules side by side: each has a target, and its output stays together
# where make can do that (from version 4 on). The last line says which have failed.
TESTS       := $(addprefix test-of/,$(MODULES))

.PHONY: test $(TESTS)
test: ## run every test
	@mkdir -p bin && rm -f bin/failed
	@$(MAKE) -j8 -k --no-print-directory $(if $(filter output-sync,$(.FEATURES)),-Otarget) $(TESTS) || \
		{ echo "$@ failed in: $$(tr '\n' ' ' <bin/failed)" >&2; exit 1; }

$(TESTS): test-of/%:
	@echo $(GO) -C $* test $(RACE) ./...
	@$(GO) -C $* test $(RACE) ./... || { echo $* >>bin/failed; exit 1; }

# The modules with concurrent code of ours. The tests of allocations are only in make
# test, because the race detector allocates.
.PHONY: race
race: ## run the tests of concurrent code with the race detector; needs a C compiler
	@$(MAKE) --no-print-directory test RACE=-race MODULES="$(filter . ./client/examples/backend,$(MODULES))"

.PHONY: generate
generate: ## write the generated code and the list of exported names
	$(GO) generate ./...
	$(APILIST)

.PHONY: api
api: ## compare the exported API with the last release, for the next VERSION=
	$(GO) run $(GORELEASE) $${VERSION:+-version="$$VERSION"}

.PHONY: check
check: ## run the linters, and check workflows, modules, generated code and other systems
	$(call each,run $(GOLANGCI) run --allow-parallel-runners)
	GOARCH=386 $(GO) vet ./client/... ./gen/...
	$(call each,vet ./...,GOOS=windows)
	$(call each,vet ./...,GOOS=darwin)
	$(GO) run $(ACTIONLINT)
	$(call each,mod tidy -diff)
	@set -e; before=$$(cat $(GENERATED) | cksum); $(MAKE) -s generate; after=$$(cat $(GENERATED) | cksum); \
	test "$$before" = "$$after" || { echo "generated files were out of date; commit what make generate has written"; exit 1; }

bin/drift: $(wildcard openapi/drift/*.go) openapi/drift/go.mod
	$(GO) build -C openapi/drift -o $(CURDIR)/$@ .

# SOURCE as one word, whatever is in it: make hands its variables to the shell,
# which would take an address with an & apart.
FROM        := $${SOURCE:+"$$SOURCE"}

.PHONY: drift
drift: bin/drift ## compare the description with upstream, or with SOURCE=, a file or address
	@bin/drift $(FROM)

CHECKED_BY  ?= $(APILIST) && $(MAKE) test
TAKE        := GO="$(GO)" GENERATED="$(GENERATED)" CHECKED_BY="$(CHECKED_BY)" .ci/refresh

.PHONY: refresh
refresh: bin/drift ## take upstream's description (SOURCE= likewise), generate, tidy and test
	@$(TAKE) -update $(FROM)

.PHONY: page
page: bin/drift ## add the operations of another documentation page, SOURCE=, likewise
	@test "$$SOURCE" || { echo 'make page needs SOURCE=, a documentation page' >&2; exit 1; }
	@$(TAKE) -add $(FROM)

.PHONY: catalogue
catalogue: ## take every change that the drift check is tried on into a copy of the tree
	DRIFT_CATALOGUE=1 $(GO) -C openapi/drift test -run 'TestRefresh$$' -count=1 -v -timeout 2h .

.PHONY: vuln
vuln: ## look for known vulnerabilities in the code that is called
	$(call each,run $(GOVULNCHECK) ./...)

FUZZTIME ?= 30s

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (30s)
	@grep -rl --include='*_test.go' '^func Fuzz' client | xargs -n1 dirname | sort -u | while read -r dir; do \
		for target in $$(grep -h '^func Fuzz' $$dir/*_test.go | sed 's/func \(Fuzz[A-Za-z]*\).*/\1/'); do \
			echo "== $$dir $$target"; $(GO) test ./$$dir -fuzzminimizetime 1s -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; \
		done; \
	done

.PHONY: soak
soak: ## make 100000 calls with random faults and compare both sides of each
	SOAK_CALLS=100000 $(GO) test ./client -run 'TestSoak|TestOutage' -count=1 -v

.PHONY: smoke
smoke: ## compare StackOne, or STACKONE_BASE_URL=, with its description; needs STACKONE_API_KEY
	@test "$$STACKONE_API_KEY" || { echo 'make smoke needs STACKONE_API_KEY; it creates sessions of type test' >&2; exit 1; }
	@$(GO) test ./client/stackonetest/internal/conformance -count=1 -v -smoke $${STACKONE_BASE_URL:+-base-url "$$STACKONE_BASE_URL"}

.PHONY: rig
rig: ## call through real proxies that fail, and compare both sides of each call
	@$(GO) build -C client/internal/lab -o $(CURDIR)/bin/rig ./rig
	@bin/rig

RUNS    ?= 15
RESULTS := client/internal/lab/bench/results.txt

.PHONY: bench
bench: ## compare calls with hand-written ones and other clients, RUNS (15) times: ten minutes
	$(GO) -C client/internal/lab test -c -tags peers -o $(CURDIR)/bin/bench ./bench
	GOEXPERIMENT=jsonv2 $(GO) -C client/internal/lab test -c -tags peers -o $(CURDIR)/bin/bench-jsonv2 ./bench
	bin/bench -test.bench Down -test.benchtime 1x > $(RESULTS)
	@set -e; for run in $$(seq $(RUNS)); do \
		bin/bench -test.bench . -test.skip 'Down|/wire=http' -test.benchtime 5000x >> $(RESULTS); \
		bin/bench -test.bench /wire=http -test.benchtime 3000x >> $(RESULTS); \
		bin/bench-jsonv2 -test.bench 'Call/wire=memory/callers=1$$/way=(by-hand|client)$$' -test.benchtime 5000x >> $(RESULTS); \
	done
	@sed -n '/^## Waiting/,$$p' client/BENCHMARKS.md > bin/waiting.md # of other commands, named there
	$(GO) -C client/internal/lab run ./bench < $(RESULTS) > bin/BENCHMARKS.md
	@cat bin/BENCHMARKS.md bin/waiting.md > client/BENCHMARKS.md

SLOW        ?= TestSoak|TestOutage|TestAllocations|TestSimulation

# Each mutant is compiled, in a build cache that goes away: it grows to gigabytes.
.PHONY: mutants
mutants: ## break client/ in small ways, and list what no test notices
	@$(GO) build -C client/internal/lab -o $(CURDIR)/bin/mutants ./mutants
	@set -e; GOCACHE=$$(mktemp -d); export GOCACHE; trap 'rm -rf "$$GOCACHE"' EXIT; \
	for dir in client client/internal/wire client/internal/body client/internal/redact; do \
		bin/mutants -skip '$(SLOW)' $$dir ./$$dir ./client; \
	done; for dir in client/connect client/webhook; do \
		bin/mutants -skip '$(SLOW)' $$dir ./$$dir; \
	done
