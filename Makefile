# Every routine is one command; `make` alone lists them.  Nothing outside this folder is written or needed but git, make
# and a Python of at least 3.10.

PYTHON ?= python3
VENV ?= .venv
METAFLOW_VENV ?= .venv-metaflow
METAFLOW_VERSION := 2.19.39
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PYTEST_ARGS ?=

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.penstock-installed
METAFLOW_INSTALLED := $(METAFLOW_VENV)/.metaflow-$(METAFLOW_VERSION)
PIP := -m pip --disable-pip-version-check --quiet
NOT_HERE := not scale and not s3server and not containers

export METAFLOW_PYTHON = $(abspath $(METAFLOW_VENV)/bin/python)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@printf 'make <target> [PYTHON=python3] [PYTEST_ARGS=…]\n\n'
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do \
		printf '  %-16s %s\n' "$$name" "$$what"; done

.PHONY: env
env: $(INSTALLED) ## build .venv with everything for work on Penstock (again when pyproject.toml changes)

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "Penstock needs Python 3.10 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing Penstock and its tools into $(VENV)"
	@$(BIN)/python $(PIP) install --editable '.[dev]'
	@touch $@

$(METAFLOW_INSTALLED): | $(INSTALLED)
	@test -x $(METAFLOW_VENV)/bin/python || $(PYTHON) -m venv $(METAFLOW_VENV)
	@echo "installing Metaflow $(METAFLOW_VERSION), for comparison, into $(METAFLOW_VENV)"
	@$(METAFLOW_VENV)/bin/python $(PIP) install 'metaflow==$(METAFLOW_VERSION)' 'kubernetes==30.1.0' 'setuptools<81'
	@touch $@

.PHONY: env-metaflow
env-metaflow: $(METAFLOW_INSTALLED) ## build .venv-metaflow: what we read and compare with

.PHONY: demo
demo: $(INSTALLED) ## an example on real data: run here, compiled for every target, rehearsed, compared
	@$(BIN)/python examples/demo.py

.PHONY: test
test: lint $(METAFLOW_INSTALLED) ## lint, types, import rules and all tests: about ten minutes on two cores
	$(BIN)/python -m pytest -q -n $(JOBS) -m "$(NOT_HERE)" $(PYTEST_ARGS)

.PHONY: test-fast
test-fast: lint ## the same in about a minute: without what starts servers or many processes
	$(BIN)/python -m pytest -q -n $(JOBS) -m "$(NOT_HERE) and not slow and not interop" $(PYTEST_ARGS)

.PHONY: test-scale
test-scale: $(INSTALLED) ## wide, long and random flows, thousands of tasks: about twenty minutes on two cores
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m scale $(PYTEST_ARGS)

.PHONY: test-s3
test-s3: $(INSTALLED) ## the S3 datastore on a real server, Ceph radosgw on loopback (Debian: radosgw ceph-mon ceph-osd)
	$(BIN)/python tests/datastore/radosgw.py $(BIN)/python -m pytest -q -m s3server $(PYTEST_ARGS)

.PHONY: test-containers
test-containers: $(INSTALLED) ## rehearsals in containers, on the engine of DOCKER_HOST or one of our own (Debian: docker.io)
	$(BIN)/python tests/kit/container_engine.py $(BIN)/python -m pytest -q -m containers $(PYTEST_ARGS)

.PHONY: test-versions
test-versions: ## the fast tests under every Python 3.10 to 3.13 found; PYTHONS="a b" names others
	@PYTEST_ARGS='$(PYTEST_ARGS)' .ci/versions $(PYTHONS)

.PHONY: bench
bench: $(INSTALLED) $(METAFLOW_INSTALLED) ## time and memory beside Metaflow's, into benchmarks/last-run.md (BENCH_FULL=1: full sizes)
	$(BIN)/python benchmarks/run.py

.PHONY: lint
lint: $(INSTALLED) ## ruff, mypy, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy benchmarks/*.py docs/*.py examples/demo.py examples/toy-scheduler/penstock_mill/*.py tests/conftest.py tests/house/*.py tests/kit/*.py
	$(BIN)/lint-imports

.PHONY: format
format: $(INSTALLED) ## put the sources into their form
	$(BIN)/ruff check --fix-only --exit-zero .
	$(BIN)/ruff format .

.PHONY: docs
docs: $(INSTALLED) ## write the generated pages again (docs/errors.md, docs/targets.md)
	$(BIN)/python docs/generate.py

.PHONY: clean
clean: ## remove what these targets made, environments included
	rm -rf build dist .venv .venv-metaflow .venv-3.* src/*.egg-info .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
