# Lifecycle Mail. `make` alone lists the targets; every target makes the virtual environment it needs first.
#
# Needs Python 3.11+, make and git. PYTHON=… picks another interpreter, DEMO_DIR=… another place for the demo.
# IMAGES=registry takes the images of `make compose-test` from a registry. KEEP=… names the file for the findings of
# `make compose-test` or `make faults`.

VENV := .venv
DEMO_DIR ?= .demo
IMAGES ?= local
UV_VERSION := 0.13.9
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))
PYTHON ?= $(shell for name in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$name -c '$(SUPPORTED)' 2>/dev/null && echo $$name && break; done)

BIN := $(VENV)/bin
RUNTIME := $(VENV)/.installed-requirements
DEVELOPMENT := $(VENV)/.installed-requirements-dev

# Seconds since this make began, for the progress lines; the demo goes on counting from the same moment.
STARTED := $(shell date +%s)
SAY = seconds=$$(( $$(date +%s) - $(STARTED) )); printf '[%2d:%02d] %s\n' $$((seconds / 60)) $$((seconds % 60))

# A test run starts hundreds of Python processes. Without this line each of them would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

STACK = DEMO_DIR='$(DEMO_DIR)' LIFECYCLE_STARTED_AT=$(STARTED) PYTHONPATH=include $(BIN)/python -m local_stack

# uv installs the same pins several times faster. If uv cannot work, pip does it.
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --requirement
INSTALL_BY_PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo down test test-long lint compose-test bench docs lock clean faults

help: ## list the targets
	@echo 'Lifecycle Mail: purchases in, e-mails out, every number a table.'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  After `make demo`, `. $(DEMO_DIR)/environment` points the command line at the demo:'
	@echo '  $(BIN)/python -m lifecycle_mail --help'

demo: $(RUNTIME) ## run everything here: real purchases to e-mails to KPI tables, through Airflow
	@$(STACK) demo

down: ## stop what `make demo` started, and only that (its data stays in .demo)
	@if [ -x $(BIN)/python ]; then $(STACK) down; else echo 'nothing to stop: there is no $(VENV)'; fi

test: $(DEVELOPMENT) ## run the test suite on its own PostgreSQL, without network (9 minutes on two cores)
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not faults and not long" $(TESTS)

test-long: $(DEVELOPMENT) ## run what `make test` has a short form of in full: every kill point, seed and size
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m long $(TESTS)

faults: $(DEVELOPMENT) ## kill workers, database, collector and provider during a campaign; writes bench/runs/faults.md
	@mkdir -p bench/runs
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m faults --fault-report $(or $(KEEP),bench/runs/faults.json) tests/faults tests/properties

lint: $(DEVELOPMENT) ## ruff, mypy, sqlfluff, import order, generated pages, plain English, planner page, compose file
	@PATH='$(CURDIR)/$(BIN)':"$$PATH" sh .ci/lint

compose-test: $(RUNTIME) ## run docker-compose.yml for real, kill a worker during delivery, judge the totals (10 minutes)
	@LIFECYCLE_STARTED_AT=$(STARTED) PYTHONPATH=include:tests $(BIN)/python -m cluster --images $(IMAGES) $(if $(KEEP),--keep $(KEEP))

bench: $(DEVELOPMENT) ## run the benchmarks, write bench/runs/, fail if a limit is missed or a ratio fell (an hour)
	@$(BIN)/python bench/run.py $(BENCH)

docs: $(DEVELOPMENT) ## write the generated pages of docs/ again
	@PYTHONPATH=include:plugins $(BIN)/python -m documentation

lock: $(VENV)/.made ## pin requirements*.in again into requirements*.txt
	@$(BIN)/uv pip compile --quiet --upgrade --no-header --no-annotate requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --upgrade --no-header --no-annotate requirements-dev.in -o requirements-dev.txt

clean: down ## stop the demo, then remove it and the virtual environment
	@rm -rf '$(DEMO_DIR)' $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@echo 'removed $(DEMO_DIR), $(VENV) and the caches'

$(VENV)/.made:
	@[ -n '$(PYTHON)' ] && $(PYTHON) -c '$(SUPPORTED)' || { \
		echo 'No Python 3.11 to 3.14 found (python3): install one, or run make PYTHON=/path/to/python3.11' >&2; \
		exit 1; }
	@$(SAY) 'making the virtual environment $(VENV)'
	@$(PYTHON) -m venv $(VENV) || { \
		echo '$(PYTHON) cannot make a virtual environment: install its venv module (Debian: apt install python3-venv)' >&2; \
		exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
		|| echo 'uv $(UV_VERSION) cannot be installed here: pip will do it, more slowly' >&2
	@touch $@

$(RUNTIME): requirements.txt | $(VENV)/.made
	@$(SAY) 'installing requirements.txt'
	@$(INSTALL) requirements.txt || $(INSTALL_BY_PIP) requirements.txt || { \
		echo 'Packages of requirements.txt could not be installed: see the message above; is a package index reachable?' >&2; \
		exit 1; }
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(RUNTIME) | $(VENV)/.made
	@$(SAY) 'installing requirements-dev.txt'
	@$(INSTALL) requirements-dev.txt || $(INSTALL_BY_PIP) requirements-dev.txt || { \
		echo 'Packages of requirements-dev.txt could not be installed: see the message above; is a package index reachable?' >&2; \
		exit 1; }
	@touch $@
