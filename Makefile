# The first Python of at least 3.11 that is found; another one: make PYTHON=/path/to/python ...
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; exit; }; \
	done; echo python3)
# Every target works in .venv. Only if PYTHON is given and .venv was made by another version of Python, it is
# that version's own folder beside it, .venv-3.13: no target ever runs on another Python than PYTHON asks for.
VENV := .venv
ifneq ($(origin PYTHON),file)
MADE_BY := $(shell sed -n 's/^version *= *\([0-9]*\.[0-9]*\).*/\1/p' .venv/pyvenv.cfg 2>/dev/null)
ASKED_FOR := $(shell "$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
ifneq ($(filter-out $(ASKED_FOR),$(MADE_BY)),)
VENV := .venv-$(ASKED_FOR)
endif
endif
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
KAFKA := $(VENV)/.kafka
PEERS := $(VENV)-peers
# What `make test-deploy` installs with npm.
NODE := build/deploy

# Tests start Python hundreds of times. Without the files of bytecode each start compiles our modules again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo broker test test-deploy unit check format bench bench-check bench-scale bench-peers fuzz poison torture mutants soak clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "  make PYTHON=python3.13 ...  on that Python: in .venv, or in .venv-3.13 if .venv is another Python's"

install: $(KAFKA) ## Create .venv and install everything, once; every other target does first what it needs of it

$(INSTALLED): pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Rollcall needs Python 3.11 or later: make PYTHON=/path/to/python ..." >&2; exit 1; }
	@echo "Installing into $(VENV), once: a minute or two"
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench]'
	@touch $(INSTALLED)

$(KAFKA): $(INSTALLED)
	@$(BIN)/python -m app.embedded_kafka && touch $(KAFKA) || \
		echo "Going on without Kafka's jars: they are fetched when first needed" >&2

demo: $(KAFKA) ## Five vendors' events through a real Kafka, with every count and row compared (ARGS=--keep leaves it up)
	@$(BIN)/python -m app demo $(ARGS)

broker: $(KAFKA) ## A real Kafka in the foreground; Ctrl-C stops it and drops its data (ARGS=--stock: Kafka's own defaults)
	@$(BIN)/python -m app broker $(ARGS)

# Tests on a Kafka mostly wait, for groups and for processes that start: so many of them keep two cores busy, with
# the help of the long tests that need no Kafka.
SIDE_BY_SIDE ?= 6
# CI says RERUNS=1: its machine may stop for seconds. What passes only then is listed, with how it failed.
RERUNS ?= 0
TRACED := $(BIN)/python -m coverage run -m pytest
test: $(KAFKA) ## All tests on a real Kafka (BROKER_URL replaces the embedded one), then the coverage gates
	@$(BIN)/python -m coverage erase
	@echo "1/4  The tests that need no Kafka"
	@$(TRACED) -m 'not kafka and not thorough and not deploy' -n logical --dist worksteal
	@echo "2/4  The tests on a Kafka, $(SIDE_BY_SIDE) side by side (make test SIDE_BY_SIDE=$(SIDE_BY_SIDE)), and the long ones without"
	@$(TRACED) -m '(kafka or thorough) and not alone and not deploy' -n $(SIDE_BY_SIDE) --dist worksteal --reruns $(RERUNS)
	@echo "3/4  The tests on a Kafka that judge speed or progress, four side by side"
	@$(BIN)/python -m pytest -m 'kafka and alone and not deploy' -n 4 --dist worksteal --reruns $(RERUNS)
	@echo "4/4  Coverage"
	@$(BIN)/python -m coverage combine --quiet
	@echo "Branch coverage of the pure core, gate 100 %"
	@$(BIN)/python -m coverage report --include='app/vendors/*,app/state/*' --fail-under=100
	@echo "Branch coverage of the rest, gate 90 %"
	@$(BIN)/python -m coverage report --omit='app/vendors/*,app/state/*' --fail-under=90

$(VENV)/.deploy: $(INSTALLED)
	@echo "Installing the programs that look at deploy/, once"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[deploy]' \
		&& touch $@ || echo "Going on without pip's programs" >&2

$(NODE)/.installed: tests/deploy/package.json
	@mkdir -p $(NODE)
	@cp tests/deploy/package.json $(NODE)/
	@npm install --prefix $(NODE) --ignore-scripts --no-package-lock --no-audit --no-fund --silent \
		&& touch $@ || echo "Going on without npm's packages" >&2

# EVERY_TOOL=1: a test whose program is missing fails. Else it is skipped, and its message names the program.
test-deploy: export EVERY_TOOL ?=
test-deploy: $(KAFKA) $(VENV)/.deploy $(NODE)/.installed ## What is deployed, with the programs that it is for: Prometheus, kustomize, compose
	@$(BIN)/python -m pytest -m deploy -n 2 --dist worksteal --reruns $(RERUNS) $(ARGS)

# `make test` has the rest of the fuzzer's inputs, and so does CI the rest of these tests on each Python.
unit: export FUZZ_INPUTS ?= 10000
unit: $(INSTALLED) ## The tests that need no Kafka: a minute (make unit PYTHON=python3.13; THOROUGH=1: also the long ones)
	$(BIN)/python -m pytest -m 'not kafka and not deploy$(if $(THOROUGH),, and not thorough)' -n logical --dist worksteal $(ARGS)

check: $(INSTALLED) ## Lint, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(INSTALLED) ## Format the code and apply the linter's safe fixes
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(KAFKA) ## Speed and size beside a plain Faust worker, on one broker
	@$(BIN)/python -m tests.tools.bench $(ARGS)

bench-check: $(INSTALLED) ## Is the pure core as fast as its limits say? Half a minute, on a busy machine too (ARGS=--write: new limits)
	@$(BIN)/python -m tests.tools.bench.check $(ARGS)

bench-scale: $(KAFKA) ## CPU an event with more workers, partitions, rows and vendors (ARGS='--rounds 1 --rows 10000,5000000')
	@$(BIN)/python -m tests.tools.bench scale $(ARGS)

$(PEERS)/.installed: pyproject.toml tests/tools/bench/peers/constraints.txt
	@echo "Installing Quix Streams and Bytewax into $(PEERS), once"
	test -x $(PEERS)/bin/python || "$(PYTHON)" -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint tests/tools/bench/peers/constraints.txt \
		--editable '.[peers]' && touch $@ || echo "Going on without Quix Streams and Bytewax" >&2

bench-peers: $(KAFKA) $(PEERS)/.installed ## The worker beside its peers on the same records, and what each wrote (ARGS='--workload mix --only rollcall,faust')
	@PEERS_PYTHON=$(PEERS)/bin/python $(BIN)/python -m tests.tools.bench.peers $(ARGS)

INPUTS ?= 10000000
fuzz: $(INSTALLED) ## Hostile bodies, records and rows, nightly (INPUTS=10000000, ARGS='--seed 1 --jobs 2')
	@$(BIN)/python -m tests.tools.fuzz --inputs $(INPUTS) $(ARGS)

poison: $(KAFKA) ## Poisoned records on every topic, two workers with 1 GB of memory each, and kills (ARGS='--records 2000 --seed 1')
	@$(BIN)/python -m tests.tools.poison $(ARGS)

torture: $(KAFKA) ## Kill, freeze, cut off and rebalance real workers and brokers, and count everything again (ARGS='kill-* --list')
	@$(BIN)/python -m tests.tools.faults $(ARGS)

mutants: $(KAFKA) ## Take each safeguard of the engine out on purpose: the fault matrix has to see it
	@$(BIN)/python -m tests.tools.faults.mutants $(ARGS)

MINUTES ?= 20
soak: $(KAFKA) ## Two workers under constant load, half of it with kills: latency, lag, memory, every record (MINUTES=20)
	@$(BIN)/python -m tests.tools.soak --minutes $(MINUTES) $(ARGS)

clean: ## Remove .venv, those beside it and everything else that was made here
	rm -rf .venv .venv-* build dist tests/tools/bench/peers/streams/target *.egg-info .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
