# Type "make" for the list of targets.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c

GO       ?= go
FUZZTIME ?= 10s
SOAKFLAGS ?=
MODULE   := github.com/suitekey/suitekey

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the command into ./suitekey
	$(GO) build -o suitekey ./cmd/suitekey

.PHONY: test
test: deps check ## install what the tests need when it is missing, check, and run every test
	$(GO) test -race -timeout 20m ./...
	$(GO) -C cmd/suitekey-pkcs11 test -race ./...

.PHONY: test-fast
test-fast: ## the inner loop: no race detector, no browser, no foreign clients, no crash tests
	packages=$$($(GO) list ./... | grep -v '^$(MODULE)/test\(/\|$$\)') && $(GO) test $$packages

.PHONY: deps
deps: ## install Chromium, fonts, PostgreSQL, a JDK and the npm packages of the tests (needs root when something is missing)
	scripts/install-test-deps.sh

.PHONY: check
check: ## format, vet and staticcheck; says what is wrong and changes nothing
	unformatted=$$($(GO) tool gofumpt -l .); if [ -n "$$unformatted" ]; then echo "not formatted (run: make fmt):"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) -C cmd/suitekey-pkcs11 vet ./...

.PHONY: fmt
fmt: ## format every Go file
	$(GO) tool gofumpt -w .

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (10s)
	GO=$(GO) scripts/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: deps ## measure the hand-out of a token against a bare handler, 100,000 connections, our own part of an onboarding, SuiteQL, and the emulator
	$(GO) test -run '^$$' -bench . -timeout 30m ./internal/bench/...

.PHONY: soak
soak: deps ## let 200 connections live through two years with three replicas on PostgreSQL, which are killed; SOAKFLAGS=-soak.seed=1 repeats
	$(GO) test -count=1 -v -timeout 3h -run TestYears ./internal/soak -soak.days=730 -soak.step=1 -soak.connections=200 -soak.kills=10 $(SOAKFLAGS)
	$(GO) test -count=1 -v -timeout 30m -run TestDatabaseIsAway ./internal/app -app.standstill=30s

.PHONY: storybook
storybook: ## serve every screen of the wizard from canned runs
	$(GO) run ./internal/web/cmd/storybook

.PHONY: screenshots
screenshots: deps ## photograph every screen into docs/
	UPDATE_SCREENSHOTS=1 $(GO) test -count=1 -timeout 20m ./test/browser/...

.PHONY: vuln
vuln: ## look for known vulnerabilities; needs a database: GOVULNDB=https://vuln.go.dev or file:///a/copy
	@if [ -z "$${GOVULNDB:-}" ]; then echo "set GOVULNDB to a vulnerability database, for example GOVULNDB=https://vuln.go.dev make vuln" >&2; exit 2; fi
	$(GO) tool govulncheck -db "$$GOVULNDB" ./...
