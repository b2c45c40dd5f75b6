# `make report` and `make test` each start from a fresh clone: they set up .venv first.
PYTHON ?= python3.11
ifeq ($(shell command -v $(PYTHON) 2>/dev/null),)
PYTHON = python3
endif
BIN = .venv/bin

.PHONY: report test test-slow test-pep test-all lint bench clean

report: .venv/installed
	$(BIN)/convergence report -o report

# A module's tests go to one process, so that what they share is computed once.
PYTEST = $(BIN)/python -m pytest -q -n auto --dist loadscope

# The quick tests: of every kind of check some.
test: .venv/installed
	$(PYTEST)

# What is left out there, but for what takes hours or extras.
test-slow: .venv/installed
	$(PYTEST) -m slow --slow

# Claims beside the exact worst cases of docs/worst-cases.md, by semidefinite programs.
test-pep: .venv/installed-pep
	$(BIN)/python -m pytest -q tests/test_pep.py

# Everything: the slow tests, twenty times the examples, the programs of docs/worst-cases.md, and the
# gradients of jax and torch.
test-all: .venv/installed-all
	$(PYTEST) --thorough

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Ratios against C (gcc), optax, torch and others: benchmarks/README.md. Minutes.
bench: .venv-bench/installed
	.venv-bench/bin/python benchmarks/speed.py

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

.venv/installed-pep: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,pep]'
	touch $@

.venv/installed-all: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,pep,bench]'
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,dev]'
	touch $@

.venv-bench/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	touch $@

clean:
	rm -rf .venv .venv-bench report build dist *.egg-info
