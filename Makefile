# make run and make test each work alone on a fresh machine that has Rust and a C compiler.

CARGO ?= cargo
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# What the tests run besides Rust, as command:package. Packages are named as in Debian.
TEST_TOOLS := redis-server:redis-server promtool:prometheus systemd-analyze:systemd chromium:chromium node:nodejs

# How long each stretch of `make bench` is measured.
SECONDS ?= 5

.DEFAULT_GOAL := help
.PHONY: help run test bench lint format check-config need-rust need-redis need-test-tools

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

run: need-rust ## Build and start the desk; without settings it is a demo on http://127.0.0.1:8080
	@echo "== building frontdesk (a first build takes a few minutes, later ones seconds); stop it with Ctrl-C"
	@$(CARGO) run --bin frontdesk -- serve

test: need-rust need-test-tools ## Install what the tests need, then run all of them
	@echo "== building and running every test (a first build takes a few minutes)"
	$(CARGO) test --workspace

bench: need-rust need-redis ## Measure speed and memory beside the goals; SECONDS=2 for a shorter run
	@echo "== building for speed (a first build takes some minutes), then measuring: about two and a half minutes with SECONDS=5"
	@$(CARGO) bench --bench flow
	@BENCH_SECONDS=$(SECONDS) $(CARGO) bench --bench process

lint: need-rust ## Check formatting and lints
	@echo "== cargo fmt --check"
	@$(CARGO) fmt --all -- --check
	@echo "== cargo clippy"
	@$(CARGO) clippy --workspace --all-targets -- -D warnings

format: need-rust ## Format the code
	@$(CARGO) fmt --all

check-config: need-rust ## Show the settings in force, and what is wrong with them
	@$(CARGO) run --quiet --bin frontdesk -- check-config

need-rust:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing: install it from https://rustup.rs, then run make again"; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is missing: install gcc (Debian: apt-get install build-essential), then run make again"; exit 1; }

need-redis:
	@command -v redis-server >/dev/null || { echo "redis-server is missing: make test installs it, or apt-get install redis-server"; exit 1; }

need-test-tools:
	@missing=""; \
	for pair in $(TEST_TOOLS); do \
	  tool=$${pair%%:*}; package=$${pair##*:}; \
	  if command -v $$tool >/dev/null; then echo "== $$tool is here"; \
	  elif [ "$$tool" = systemd-analyze ] && [ "$$(uname -s)" != Linux ]; then echo "== $$tool is not needed here"; \
	  else echo "== $$tool is missing"; missing="$$missing $$package"; fi; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	echo "== installing$$missing with the system's package manager"; \
	if command -v apt-get >/dev/null; then \
	  $(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; \
	elif command -v dnf >/dev/null; then \
	  $(SUDO) dnf install -y $$(echo $$missing | sed 's/redis-server/redis/; s/prometheus/golang-github-prometheus/'); \
	elif command -v pacman >/dev/null; then \
	  $(SUDO) pacman -S --needed --noconfirm $$(echo $$missing | sed 's/redis-server/redis/'); \
	elif command -v zypper >/dev/null; then \
	  $(SUDO) zypper --non-interactive install $$(echo $$missing | sed 's/redis-server/redis/; s/prometheus/golang-github-prometheus-prometheus/'); \
	elif command -v brew >/dev/null; then \
	  brew install $$(echo $$missing | sed 's/redis-server/redis/'); \
	else \
	  echo "No package manager that is known here; install$$missing by hand, then run make test again"; exit 1; \
	fi
