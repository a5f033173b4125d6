# Everyday commands. `.ci/run` runs all checks of a review.

GOLANGCI = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
WORKSPACE = . cmd/offboard examples examples/river fleet internal/conformance telemetry telemetry/example
OTHERS = fleet/dev internal/conformance/vendors internal/tools

.PHONY: help test race lint generate site guards bench check

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

test: ## run all tests
	go test work

race: ## run all tests with the race detector
	go test -race work

lint: ## run golangci-lint in every module
	@for module in $(WORKSPACE); do \
		echo "golangci-lint: $$module"; \
		(cd $$module && go run $(GOLANGCI) run ./...) || exit 1; \
	done
	@for module in $(OTHERS); do \
		echo "golangci-lint: $$module"; \
		(cd $$module && GOWORK=off go run $(GOLANGCI) run ./...) || exit 1; \
	done

generate: ## generate code, schemas and pages
	go generate ./openapi ./teardown
	GOWORK=off go -C internal/tools generate ./...

site: ## build the documentation as web pages in public, and check them
	GOWORK=off go -C internal/tools run ./site -o $(CURDIR)/public

guards: ## run the test of each guard without the guard (takes minutes)
	go run ./internal/conformance/guards

bench: ## compare calls with net/http and with the vendors' clients
	go test -run '^$$' -bench /ratio .
	GOWORK=off go -C internal/conformance/vendors test -run '^$$' -bench .

check: ## run all checks of a review
	.ci/run
