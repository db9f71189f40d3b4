# make run and make test each work alone on a fresh machine that has Rust, a C compiler and make (in Debian: build-essential).

CARGO ?= cargo
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# What the tests run besides Rust, as command:package. Packages are named as in Debian.
TEST_TOOLS := redis-server:redis-server promtool:prometheus systemd-analyze:systemd chromium:chromium node:nodejs script:bsdutils espeak-ng:espeak-ng ffmpeg:ffmpeg openssl:openssl ps:procps zip:zip

# How long each stretch of `make bench` is measured, and each target of `make fuzz` is tried.
SECONDS ?= 5

# How many tests run at once: most of the time they wait for each other's kills and time-outs, not for a processor.
TEST_THREADS ?= $(shell echo $$(( 2 * $$(nproc) )))

# For how long `make chaos` injects faults.
MINUTES ?= 10

# Which inputs `make fuzz` makes: others every time, unless named.
FUZZ_SEED := $(or $(FUZZ_SEED),$(shell date +%s))

# How many runs `make sim` makes, and from which seed on; SEED is the one that `make sim-trace` shows. KIND is chatwoot,
# green-api or kommo; all, or the first, unless named.
SEEDS ?= 20000
FIRST ?= 0
SEED ?= 0
KIND ?=

# Where `make kommo-widget` leaves the widget.
WIDGET ?= target/kommo-widget.zip

.DEFAULT_GOAL := help
.PHONY: kommo-widget help run test fuzz release bench sim sim-trace chaos lint format check-config need-rust need-redis need-test-tools

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

run: need-rust ## Build and start the desk; without settings it is a demo on http://127.0.0.1:8080
	@echo "== building frontdesk (a first build takes a few minutes, later ones seconds); stop it with Ctrl-C"
	@$(CARGO) run --bin frontdesk -- serve

test: need-rust need-test-tools ## Install what the tests need, then run all of them
	@echo "== building and running every test (a first build takes a few minutes)"
	RUST_TEST_THREADS=$(TEST_THREADS) $(CARGO) test --workspace --no-fail-fast

fuzz: need-rust ## Try everything that reads what comes from outside or from the store; SECONDS=600 for each of the nine
	@echo "== fuzzing each of the nine for $(SECONDS) s; seed $(FUZZ_SEED)"
	FUZZ_SECONDS=$(SECONDS) FUZZ_SEED=$(FUZZ_SEED) $(CARGO) test -p frontdesk-actors -p frontdesk --test fuzz -- --nocapture --test-threads=1

release: need-rust need-redis ## Build the daemon guided by a profile of the bench: a sixth less CPU, three times as long to build
	@CARGO="$(CARGO)" BENCH_SECONDS=$(SECONDS) deploy/release.sh

bench: need-rust need-redis ## Measure speed and memory beside the goals; SECONDS=2 for a shorter run
	@echo "== building for speed (a first build takes some minutes), then measuring: some minutes, longer with more SECONDS"
	@$(CARGO) bench --bench flow
	@BENCH_SECONDS=$(SECONDS) $(CARGO) bench --bench process

sim: need-rust ## Simulate nodes, store and vendors with faults; SEEDS=100000 for more, FIRST=7 to begin elsewhere, KIND=kommo for one
	@echo "== building for speed, then simulating $(SEEDS) runs"
	@SEEDS=$(SEEDS) FIRST=$(FIRST) KIND=$(KIND) $(CARGO) test --release -p frontdesk-actors --test simulation -- --ignored --exact campaign::campaign --nocapture

sim-trace: need-rust ## Show everything that happens in one simulated run: SEED=17, KIND=green-api for another vendor
	@SEED=$(SEED) KIND=$(KIND) $(CARGO) test --release -p frontdesk-actors --test simulation -- --ignored --exact campaign::trace --nocapture

chaos: need-rust need-redis ## Inject faults into the real desk for MINUTES=10 and write docs/chaos-report.md
	@echo "== building for speed (a first build takes some minutes), then $(MINUTES) minutes of faults"
	@CHAOS_SECONDS=$$(( $(MINUTES) * 60 )) CHAOS_REPORT=docs/chaos-report.md \
	  $(CARGO) test --release --test chaos -- --nocapture the_promises_hold_under_faults

kommo-widget: ## Pack the widget that is uploaded to Kommo into target/kommo-widget.zip
	@command -v zip >/dev/null || { echo "zip is missing: apt-get install zip"; exit 1; }
	@mkdir -p $(dir $(abspath $(WIDGET))) && rm -f $(abspath $(WIDGET))
	@cd widgets/kommo && zip -q -r $(abspath $(WIDGET)) manifest.json script.js i18n
	@echo "== $(WIDGET); docs/setup-kommo.md says where it goes"

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
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing: install it from https://rustup.rs (then open a new shell, so that cargo is found), and run make again"; exit 1; }
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
	if [ -n "$(SUDO)" ] && ! $(SUDO) true && ! command -v brew >/dev/null; then \
	  echo "Installing$$missing needs root, and sudo did not give it: install them as root (Debian: apt-get install$$missing), then run make test again"; exit 1; \
	fi; \
	echo "== installing$$missing with the system's package manager"; \
	if command -v apt-get >/dev/null; then \
	  $(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; \
	elif command -v dnf >/dev/null; then \
	  $(SUDO) dnf install -y $$(echo $$missing | sed 's/redis-server/redis/; s/prometheus/golang-github-prometheus/; s/bsdutils/util-linux/; s/procps/procps-ng/'); \
	elif command -v pacman >/dev/null; then \
	  $(SUDO) pacman -S --needed --noconfirm $$(echo $$missing | sed 's/redis-server/redis/; s/bsdutils/util-linux/; s/procps/procps-ng/'); \
	elif command -v zypper >/dev/null; then \
	  $(SUDO) zypper --non-interactive install $$(echo $$missing | sed 's/redis-server/redis/; s/prometheus/golang-github-prometheus-prometheus/; s/bsdutils/util-linux/'); \
	elif command -v brew >/dev/null; then \
	  brew install $$(echo $$missing | sed 's/redis-server/redis/'); \
	else \
	  echo "No package manager that is known here; install$$missing by hand, then run make test again"; exit 1; \
	fi
