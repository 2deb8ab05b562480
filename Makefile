# Two commands do everything on a fresh Debian 12: `make run` and `make test`.
# Each sets up what it needs first; nothing is set up twice.

PYTHON ?= python3
CONFIG ?= config/sample.toml
LISTEN ?=
SOAK_SECONDS ?= 1800
ENGINE ?= docker podman buildah
IMAGE_FLAGS ?=
BIN := .venv/bin
# Wheels only, save for pyasn, which has none; nothing that is not in the lock.
# -qq: Debian's pip warns of its own future, which pyasn's wheel does not depend on.
INSTALL := $(BIN)/pip install -qq --require-hashes --only-binary :all: --no-binary pyasn --no-build-isolation --use-pep517
SYSTEM := python3-venv python3-dev gcc libc6-dev librtr-dev pkg-config \
	libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core
TEST_SYSTEM := bgpdump bird2 bzip2 chromium exabgp frr gobgpd openssh-client openssl prometheus stayrtr
BENCH_SYSTEM := wrk bgpdump bird2
KERNELS := $(shell grep -rlE '^@(kernel|step|inlined)' --include='*.py' validator collectors)

.PHONY: help run test checks tests setup sample lint types bench browser fuzz contract clients map soak image clean again

help: ## What there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: setup sample ## Serve the sample world (CONFIG=config/live.toml for the Internet)
	@$(BIN)/originsight serve --config $(CONFIG) $(if $(LISTEN),--listen $(LISTEN))

test: .venv/test-ready ## Everything that must hold: lint, types, layers, tests
	@$(MAKE) --no-print-directory --jobs=2 checks tests

checks: .venv/test-ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

tests: .venv/test-ready
	@$(BIN)/pytest --numprocesses 3 --dist loadscope --no-loadscope-reorder

setup: .venv/kernels ## The virtual environment, system packages, compiled kernels

sample: var/sample/history/README.txt ## The files that config/sample.toml names, and 20 years of history

# Made anew if the sample has changed; once a day the history is continued to the day before.
SAMPLE_TODAY := $(shell find var/sample/history/README.txt -newermt "$$(date -u +%F) UTC" 2>/dev/null)
var/sample/history/README.txt: .venv/kernels $(wildcard validator/sample/*.py) $(if $(SAMPLE_TODAY),,again)
	@$(BIN)/python -m validator.sample var/sample --history var/sample/history

again:

lint: .venv/test-ready ## Format, and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: .venv/test-ready ## Side by side with the best peers; P="P1 P3" for some
	@.ci/packages $(BENCH_SYSTEM)
	@$(BIN)/python -m bench $(P)

fuzz: .venv/test-ready ## Each decoder against mutated files (CASES=100000) and BGP, BMP (LIVE_CASES=500000)
	@$(BIN)/python -m bench.fuzz $(if $(CASES),--cases $(CASES)) $(if $(LIVE_CASES),--live-cases $(LIVE_CASES))

contract: .venv/test-ready ## schemathesis over every operation; EXAMPLES=2000
	@ORIGINSIGHT_CONTRACT_EXAMPLES=$(or $(EXAMPLES),2000) $(BIN)/pytest tests/integration/test_openapi_contract.py

clients: .venv/test-ready ## Published clients (npm, PyPI) pointed at us
	@command -v npm >/dev/null || .ci/packages nodejs npm
	@test -x var/clients/bin/python || $(PYTHON) -m venv var/clients
	@var/clients/bin/pip install -qq --require-hashes --only-binary :all: --requirement tests/clients/requirements.lock
	@cp tests/clients/package*.json var/clients/
	@npm ci --silent --ignore-scripts --prefix var/clients
	@$(BIN)/pytest tests/integration/test_real_clients.py

soak: .venv/test-ready ## Updates, VRP changes and queries for SOAK_SECONDS (1800): nothing may be lost
	@$(BIN)/python -m bench.soak --seconds $(SOAK_SECONDS)
	@ulimit -n 65536 2>/dev/null; $(BIN)/python -m bench.soak_abuse --seconds $$(( $(SOAK_SECONDS) / 6 ))

browser: .venv/test-ready ## Every page of the sample in Chromium; screenshots in var/screens
	@$(BIN)/pytest tests/integration/test_pages_in_a_browser.py

map: ## Make validator/pages/map/world.json again (Node 20 and npm)
	@cd tools/map && npm ci --silent --no-audit --no-fund && npm run --silent build

image: ## A container image with the compiled kernels in it; IMAGE_FLAGS=... go to the engine
	@for engine in $(ENGINE); do \
		$$engine info >/dev/null 2>&1 || continue; \
		case $$engine in docker) keep= ;; *) keep="--format docker" ;; esac; \
		exec $$engine build $$keep --tag originsight $(IMAGE_FLAGS) .; \
	done; \
	echo "none of these works here: $(ENGINE)" >&2; exit 1

clean: ## Remove what was made here
	rm -rf .venv var build bench/out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/ready: requirements.lock requirements-build.lock pyproject.toml collectors/_rtrlib_build.py $(wildcard collectors/rtrlib_*.[ch])
	@.ci/packages $(SYSTEM)
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(INSTALL) --requirement requirements-build.lock
	@$(INSTALL) --requirement requirements.lock
	@$(BIN)/pip install -qq --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m collectors._rtrlib_build
	@touch $@

# numba keeps compiled kernels beside their source, but does not see that a step they took in from
# another file has changed. So when any of these changes, all are compiled anew.
.venv/kernels: .venv/ready $(KERNELS)
	@find validator collectors -name '*.nb[ic]' -delete
	@echo "compiling kernels (once)"
	@$(BIN)/python -m validator.warm
	@touch $@

# Kernels keep the processors busy, packages the network: both at once.
.venv/test-ready: .venv/ready requirements-test.lock Makefile $(KERNELS)
	@$(MAKE) --no-print-directory --jobs=2 .venv/kernels .venv/tools
	@touch $@

.venv/tools: .venv/ready requirements-test.lock Makefile
	@.ci/packages $(TEST_SYSTEM)
	@$(INSTALL) --requirement requirements-test.lock
	@touch $@
