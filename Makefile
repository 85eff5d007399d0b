# Every target that a person or CI runs. `make help` lists them.

GO          ?= go
RACE        := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
ACTIONLINT  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.8.0

GENERATED   := gen/connect.gen.go client/stackonetest/internal/description/description.gen.go client/testdata/api.txt
APILIST     := $(GO) test ./client -run '^TestExportedAPI$$' -update

# Every module of the tree; make test MODULES=. takes one.
MODULES     ?= $(sort $(patsubst %/go.mod,%,$(shell find . -name go.mod -not -path "./bin/*")))

define newline


endef
# $(call each,vet ./...) runs go vet ./... in every module.
each = $(foreach module,$(MODULES),$(GO) -C $(module) $(1)$(newline))

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## create and authenticate a session, in a fake unless STACKONE_API_KEY is set
	@$(GO) run ./client/examples/quickstart

.PHONY: demo-web
demo-web: ## start the example backend to click through, with a fake likewise
	@$(GO) -C client/examples/backend run .

# Allocations are counted without the race detector, which makes some of its own.
.PHONY: test
test: ## run every test, under the race detector where there is a C compiler
	$(call each,test $(RACE) ./...)
	$(if $(RACE),$(GO) test ./client -run Allocations)

.PHONY: generate
generate: ## write the generated code, and the list of what is exported
	$(GO) generate ./...
	$(APILIST)

.PHONY: api
api: ## compare the exported API with the last release; VERSION=, if it may break
	@.ci/api "$$VERSION"

.PHONY: check
check: ## formatting, linters, other systems, workflows, modules, generated files
	@set -e; files=$$(gofmt -l .); test -z "$$files" || { echo "not formatted; run gofmt -w:" $$files; exit 1; }
	$(call each,run $(GOLANGCI) run --allow-parallel-runners)
	GOARCH=386 $(GO) vet ./client/... ./gen/...
	@set -e; for os in windows darwin; do for module in $(MODULES); do \
		echo GOOS=$$os $(GO) -C $$module vet ./...; GOOS=$$os $(GO) -C $$module vet ./...; \
	done; done
	$(GO) run $(ACTIONLINT)
	.ci/release_test
	@set -e; for module in $(MODULES); do \
		grep -qx " *- /$$(echo $$module | sed 's,^[.]/*,,')" .github/dependabot.yml || { echo "$$module is not in .github/dependabot.yml"; exit 1; }; \
	done
	$(call each,mod tidy -diff)
	@set -e; before=$$(cat $(GENERATED) | cksum); $(MAKE) -s generate; after=$$(cat $(GENERATED) | cksum); \
	test "$$before" = "$$after" || { echo "a generated file was not up to date; commit what 'make generate' has written"; exit 1; }

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
vuln: ## look for known vulnerabilities in what is called
	$(call each,run $(GOVULNCHECK) ./...)

.PHONY: notes
notes: ## print what CHANGELOG.md says of VERSION=
	@.ci/notes "$$VERSION"

.PHONY: module
module: ## write what Go downloads of a tagged VERSION= into bin
	@.ci/module "$$VERSION"

FUZZTIME ?= 30s

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (30s)
	@grep -rl --include='*_test.go' '^func Fuzz' client | xargs -n1 dirname | sort -u | while read -r dir; do \
		for target in $$(grep -h '^func Fuzz' $$dir/*_test.go | sed 's/func \(Fuzz[A-Za-z]*\).*/\1/'); do \
			echo "== $$dir $$target"; $(GO) test ./$$dir -fuzzminimizetime 1s -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; \
		done; \
	done

.PHONY: soak
soak: ## make 100000 calls over random faults, and compare both sides of each
	SOAK_CALLS=100000 $(GO) test ./client -run 'TestSoak|TestOutage' -count=1 -v

.PHONY: bench
bench: ## measure calls beside hand-written ones, and write client/BENCHMARKS.md
	$(GO) run ./client/internal/bench

.PHONY: mutants
mutants: ## break client/ in every way that gremlins knows; what no test notices
	$(GO) run github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0 unleash ./client --workers 2 --timeout-coefficient 4 \
		--exclude-files '^(webhook|stackonetest|examples|internal|testdata)/'
