# Two commands: `make demo` shows three nights, `make test` proves everything. Both make their own environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ENV := $(VENV)/.runtime
DEV := $(VENV)/.dev
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

.PHONY: help env demo test check format lock clean

help:
	@echo "make demo    three nights on drawn X-rays, about three minutes"
	@echo "make test    lint, types, import contracts and tests"
	@echo "make env     the environment alone"
	@echo "make lock    resolve the dependencies anew (needs uv)"

env: $(ENV)

demo: $(ENV)
	@$(BIN)/xray demo

test: check
	$(BIN)/pytest -m "not slow" -n 2 --dist loadfile

check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	  || { echo "Python 3.11 to 3.13 is needed; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(ENV): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what runs the pipeline: about 2 GB, a few minutes once ..."
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.lock $(ENV)
	@echo "Installing what tests it ..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" --quiet -o requirements.lock
	uv pip compile pyproject.toml --extra dev -c requirements.lock --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --custom-compile-command "make lock" --quiet -o requirements-dev.lock
	uv pip compile pyproject.toml --extra gpu -c requirements.lock --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --custom-compile-command "make lock" --quiet -o deploy/gpu.lock
	uv pip compile deploy/services.in -c requirements.lock --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --custom-compile-command "make lock" --quiet -o deploy/services.lock

clean:
	rm -rf $(VENV) .xray .mypy_cache .pytest_cache .ruff_cache .hypothesis
