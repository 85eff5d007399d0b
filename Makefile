# Targets for developers and CI. Run make help for a list.

GO          ?= go
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
ACTIONLINT  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.8.0
GORELEASE   := golang.org/x/exp/cmd/gorelease@v0.0.0-20261014143641-f0251eb4aa3e

GENERATED   := gen/connect.gen.go client/stackonetest/internal/description/description.gen.go client/internal/repository/testdata/api.txt
APILIST     := $(GO) test ./client/internal/repository -run '^TestExportedAPI$$' -update

# All modules of the repository. make test MODULES=. tests only the main module.
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
demo-web: ## start the example backend, with a fake StackOne unless STACKONE_API_KEY is set
	@$(GO) -C client/examples/backend run .

.PHONY: fake
fake: ## start a fake StackOne for other programs; ARGS='-help' lists its flags
	@$(GO) run ./client/cmd/stackone-fake $(ARGS)

# Each module has a target, so that make tests them in parallel. The output of each module
# is kept together by GNU Make 4 or later. The last line lists the modules that failed.
TESTS       := $(addprefix test-of/,$(MODULES))

.PHONY: test $(TESTS)
test: ## run all tests
	@mkdir -p bin && rm -f bin/failed
	@$(MAKE) -j8 -k --no-print-directory $(if $(filter output-sync,$(.FEATURES)),-Otarget) $(TESTS) || \
		{ echo "$@ failed in: $$(tr '\n' ' ' <bin/failed)" >&2; exit 1; }

# With -trimpath, the copies of the tree that tests of openapi/drift build share the
# build cache.
$(TESTS): test-of/%:
	@echo $(GO) -C $* test -trimpath $(RACE) ./...
	@$(GO) -C $* test -trimpath $(RACE) ./... || { echo $* >>bin/failed; exit 1; }

# Only the modules with concurrent code. Tests that count allocations are skipped, because
# the race detector allocates.
.PHONY: race
race: ## run the tests of concurrent code with the race detector; needs a C compiler
	@$(MAKE) --no-print-directory test RACE=-race MODULES="$(filter . ./client/examples/backend,$(MODULES))"

.PHONY: generate
generate: ## write the generated code and the list of exported names
	$(GO) generate ./...
	$(APILIST)

.PHONY: api
api: ## compare the exported API with the last release; VERSION= checks the next version
	$(GO) run $(GORELEASE) $${VERSION:+-version="$$VERSION"}

.PHONY: check
check: ## run linters; check workflows, go.mod files, generated code and other platforms
	$(call each,run $(GOLANGCI) run --allow-parallel-runners)
	GOARCH=386 $(GO) vet ./client/... ./gen/...
	$(call each,vet ./...,GOOS=windows)
	$(call each,vet ./...,GOOS=darwin)
	$(GO) run $(ACTIONLINT)
	$(call each,mod tidy -diff)
	@set -e; before=$$(cat $(GENERATED) | cksum); $(MAKE) -s generate; after=$$(cat $(GENERATED) | cksum); \
	test "$$before" = "$$after" || { echo "generated files were out of date; commit the changes that make generate has made"; exit 1; }

bin/drift: $(wildcard openapi/drift/*.go) openapi/drift/go.mod
	$(GO) build -C openapi/drift -o $(CURDIR)/bin/ . tool

# The value of SOURCE as a single argument. The shell would split a URL that contains &
# if make expanded it.
FROM        := $${SOURCE:+"$$SOURCE"}

.PHONY: drift
drift: bin/drift ## compare the description with upstream, or with SOURCE=, a file or URL
	@bin/drift $(FROM)

CHECKED_BY  ?= $(APILIST) && $(MAKE) test
TAKE        := GO="$(GO)" GENERATED="$(GENERATED)" CHECKED_BY="$(CHECKED_BY)" .ci/refresh

.PHONY: refresh
refresh: bin/drift ## replace the description with upstream's or SOURCE=, generate, tidy and test
	@$(TAKE) -update $(FROM)

.PHONY: page
page: bin/drift ## add the operations of another documentation page, SOURCE=; generate, tidy and test
	@test "$$SOURCE" || { echo 'make page needs SOURCE=, a documentation page' >&2; exit 1; }
	@$(TAKE) -add $(FROM)

.PHONY: catalogue
catalogue: ## run make refresh on a copy of the tree, for every change in the catalogue of the drift tests
	DRIFT_CATALOGUE=1 $(GO) -C openapi/drift test -run 'TestRefresh$$' -count=1 -v -timeout 2h .

.PHONY: vuln
vuln: ## find known vulnerabilities in functions that are called
	$(call each,run $(GOVULNCHECK) ./...)

FUZZTIME ?= 30s

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME= (30s)
	@grep -rl --include='*_test.go' '^func Fuzz' client | xargs -n1 dirname | sort -u | while read -r dir; do \
		for target in $$(grep -h '^func Fuzz' $$dir/*_test.go | sed 's/func \(Fuzz[A-Za-z]*\).*/\1/'); do \
			echo "== $$dir $$target"; $(GO) test ./$$dir -fuzzminimizetime 1s -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; \
		done; \
	done

.PHONY: soak
soak: ## make 100,000 calls with random faults, and compare both sides of each
	SOAK_CALLS=100000 $(GO) test ./client -run 'TestSoak|TestOutage' -count=1 -v

.PHONY: smoke
smoke: ## test StackOne, or STACKONE_BASE_URL=, against the description; needs STACKONE_API_KEY
	@test "$$STACKONE_API_KEY" || { echo 'make smoke needs STACKONE_API_KEY; it creates sessions of type test' >&2; exit 1; }
	@$(GO) test ./client/stackonetest/internal/conformance -count=1 -v -smoke $${STACKONE_BASE_URL:+-base-url "$$STACKONE_BASE_URL"}

.PHONY: rig
rig: ## make calls through real proxies that fail, and compare both sides of each
	@$(GO) build -C client/internal/lab -o $(CURDIR)/bin/rig ./rig
	@bin/rig

RUNS    ?= 15
RESULTS := client/internal/lab/bench/results.txt

.PHONY: bench
bench: ## run the benchmarks RUNS= (15) times and write client/BENCHMARKS.md; takes ten minutes
	$(GO) -C client/internal/lab test -c -tags peers -o $(CURDIR)/bin/bench ./bench
	GOEXPERIMENT=jsonv2 $(GO) -C client/internal/lab test -c -tags peers -o $(CURDIR)/bin/bench-jsonv2 ./bench
	bin/bench -test.bench Down -test.benchtime 1x > $(RESULTS)
	@set -e; for run in $$(seq $(RUNS)); do \
		bin/bench -test.bench . -test.skip 'Down|/wire=http' -test.benchtime 20000x >> $(RESULTS); \
		bin/bench -test.bench /wire=http -test.benchtime 5000x >> $(RESULTS); \
		bin/bench-jsonv2 -test.bench 'Call/wire=memory/callers=1$$/way=(by-hand|client)$$' -test.benchtime 20000x >> $(RESULTS); \
	done
	@sed -n '/^## Waiting/,$$p' client/BENCHMARKS.md > bin/waiting.md # measured with the commands in that section
	$(GO) -C client/internal/lab run ./bench < $(RESULTS) > bin/BENCHMARKS.md
	@cat bin/BENCHMARKS.md bin/waiting.md > client/BENCHMARKS.md

SLOW        ?= TestSoak|TestOutage|TestAllocations|TestSimulation

# Uses a temporary build cache, because compiling the mutants fills it with gigabytes.
.PHONY: mutants
mutants: ## mutate the code in client/, and list the mutants that no test detects
	@$(GO) build -C client/internal/lab -o $(CURDIR)/bin/mutants ./mutants
	@set -e; GOCACHE=$$(mktemp -d); export GOCACHE; trap 'rm -rf "$$GOCACHE"' EXIT; \
	for dir in client client/internal/wire client/internal/body client/internal/redact; do \
		bin/mutants -skip '$(SLOW)' $$dir ./$$dir ./client; \
	done; for dir in client/connect client/webhook; do \
		bin/mutants -skip '$(SLOW)' $$dir ./$$dir; \
	done
