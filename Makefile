# The first Python of at least 3.11 that is found; another one: make PYTHON=/path/to/python ...
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; exit; }; \
	done; echo python3)
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo broker test check format bench fuzz torture mutants soak clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

install: $(INSTALLED) ## Create .venv and install everything, once; every other target does this first

$(INSTALLED): pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Rollcall needs Python 3.11 or later: make PYTHON=/path/to/python ..." >&2; exit 1; }
	@echo "Installing into .venv, once: a minute or two"
	"$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench]'
	@$(BIN)/python -m app.embedded_kafka || echo "Going on without Kafka's jars: they are fetched when first needed" >&2
	@touch $(INSTALLED)

demo: $(INSTALLED) ## Five vendors' events through a real Kafka, with every count and row compared (ARGS=--keep leaves it up)
	@$(BIN)/python -m app demo $(ARGS)

broker: $(INSTALLED) ## A real Kafka in the foreground; Ctrl-C stops it and drops its data (ARGS=--stock: Kafka's own defaults)
	@$(BIN)/python -m app broker $(ARGS)

test: $(INSTALLED) ## All tests on a real Kafka (BROKER_URL replaces the embedded one), then the coverage gates
	@$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -m 'not bench'
	@$(BIN)/python -m coverage combine --quiet
	@echo "Branch coverage of the pure core, gate 100 %"
	@$(BIN)/python -m coverage report --include='app/vendors/*,app/state/*' --fail-under=100
	@echo "Branch coverage of the rest, gate 90 %"
	@$(BIN)/python -m coverage report --omit='app/vendors/*,app/state/*' --fail-under=90

check: $(INSTALLED) ## Lint, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(INSTALLED) ## Format the code and apply the linter's safe fixes
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(INSTALLED) ## Speed and size beside a plain Faust worker, on one broker
	@$(BIN)/python -m tests.bench $(ARGS)

INPUTS ?= 10000000
fuzz: $(INSTALLED) ## Hostile inputs for the mappers and the state, nightly (INPUTS=10000000, ARGS='--seed 1 --jobs 2')
	@$(BIN)/python -m tests.fuzz --inputs $(INPUTS) $(ARGS)

torture: $(INSTALLED) ## Kill, freeze, cut off and rebalance real workers and brokers, and count everything again (ARGS='kill-* --list')
	@$(BIN)/python -m tests.faults $(ARGS)

mutants: $(INSTALLED) ## Take each safeguard of the lane out on purpose: the fault matrix has to see it
	@$(BIN)/python -m tests.faults.mutants $(ARGS)

MINUTES ?= 20
soak: $(INSTALLED) ## Two workers under constant load, half of it with kills: latency, lag, memory, every record (MINUTES=20)
	@$(BIN)/python -m tests.soak --minutes $(MINUTES) $(ARGS)

clean: ## Remove .venv and everything else that was made here
	rm -rf .venv build dist *.egg-info .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
