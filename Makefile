# Two commands do everything: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/bin

.PHONY: help environment demo test lint floors types unit test-slow bench clean

help:
	@echo "make demo       simulate a cohort, run experiments/demo.yaml, print where the report is"
	@echo "make test       lint, floors, types, tests (under 12 minutes on 2 cores)"
	@echo "make test-slow  the tests that take minutes each"
	@echo "make bench      ratios against the tools people use today"

environment: $(VENV)/.ready

$(VENV)/.ready: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Lumbago needs Python 3.11 or newer; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: environment
	$(BIN)/lumbago run experiments/demo.yaml --output runs/demo --store runs/store --jobs $(JOBS)

test: lint floors types unit

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

floors: environment
	$(BIN)/lint-imports

types: environment
	$(BIN)/mypy

unit: environment
	$(BIN)/python -m pytest -n $(JOBS)

test-slow: environment
	$(BIN)/python -m pytest -n $(JOBS) -m slow

bench: environment
	@for script in tests/benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
