.DEFAULT_GOAL := help
.PHONY: run test soak bench generate build help

run: ## Start closeloop with sample data on http://127.0.0.1:8080
	@[ -n "$$DATABASE_URL" ] || ./.ci/install-postgres
	CGO_ENABLED=0 go build -trimpath -o closeloop .
	CLOSELOOP_ADMIN_TOKEN=$${CLOSELOOP_ADMIN_TOKEN:-sample-admin-token-of-this-machine} ./closeloop serve --sample

test: ## Run all tests, with the race detector
	@./.ci/install-postgres
	go test -race -timeout 30m ./...

soak: ## Put the feed under fire for as long as SOAK says (10m), with kill -9 of servers and of PostgreSQL
	@./.ci/install-postgres
	CLOSELOOP_SOAK=$${SOAK:-10m} go test -race -count 1 -timeout 0 -v -run '^TestLogUnderFire$$' ./e2e/chaos

bench: ## Ask closeloop and its peers (pgx by hand, PostGraphile, pgbench) the same questions; BENCH has options, such as '-only list'
	@./.ci/install-postgres
	@./.ci/install-node || true
	CGO_ENABLED=0 go build -trimpath -o closeloop .
	go run ./bench/peers $(BENCH)

generate: ## Write the GraphQL code in graph/ from its schema
	go run ./graph/generate

build: ## Build the program ./closeloop
	CGO_ENABLED=0 go build -trimpath -o closeloop .

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12
