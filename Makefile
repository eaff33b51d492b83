# Two commands to know: `make demo` and `make test`. Everything else is for people who change the code.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check bench format pages services clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## a simulated care home with alarms; SECONDS=60 ends by itself with a summary
	@$(BIN)/shouhu demo $(if $(SECONDS),--seconds $(SECONDS))

test: $(VENV)/.dev services ## the whole suite, with the real services it talks to
	$(BIN)/pytest $(ARGS)

check: $(VENV)/.dev ## style, types and the doors between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev services ## what it costs, beside what a user would pick instead
	@for benchmark in benchmarks/bench_*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done

format: $(VENV)/.dev ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

pages: $(VENV)/.dev ## the pages, or parts of them, that are made from the code
	$(BIN)/python -m alerts.lifecycle_page docs/alarm-lifecycle.md
	$(BIN)/python -m alerts.calling.escalation_page docs/escalation.md

services: ## as root on Debian: Mosquitto, InfluxDB, Chromium … for the tests; elsewhere a hint
	@sh tests/install-services.sh

clean: ## everything that was made, the environment included
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Shouhu needs Python 3.11 or newer, and $(PYTHON) is older; try: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "no venv module; on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "Installing Shouhu into $(VENV) (once) …"
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing Shouhu and its development tools into $(VENV) (once) …"
	@$(BIN)/python -m pip install --quiet --editable '.[dev,postgresql]'
	@touch $@ $(VENV)/.demo
