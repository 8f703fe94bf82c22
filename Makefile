# Everything a developer runs. `make help` lists it. The environment in .venv is made on first use.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
# The version that the figures in the documentation were taken with; any from 2.11 on works: make TORCH='torch>=2.11' test
TORCH ?= torch==2.13.0
VENV ?= .venv
BIN := $(VENV)/bin

# The name holds what was asked for, so that another TORCH installs anew.
STAMP := $(VENV)/.made-with-$(shell printf '%s' '$(TORCH)' | tr -c 'A-Za-z0-9.' '-')

# Two workers with one thread each, rather than each with a thread per core.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q
PARALLEL := -n 2 --dist worksteal

.PHONY: help env demo test quick nightly lint format types imports verify wheel-check bench tables pictures golden clean distclean

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: $(STAMP) ## The environment in .venv

# torch first and by itself, so that a local or CPU-only build that was asked for is not replaced by another.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "netdsl needs Python 3.11 or later; name one: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install "$(TORCH)"
	$(BIN)/python -m pip install -e ".[pytorch,dev]"
	rm -f $(VENV)/.made-with-*
	touch $@

# --- see it work

# Where Debian's package dataset-fashion-mnist puts it; without it the demo trains on the digits of scikit-learn.
FASHION_MNIST ?= /usr/share/datasets/fashion-mnist
ifneq ($(wildcard $(FASHION_MNIST)/train-images-idx3-ubyte*),)
DEMO_DATA ?= fashion-mnist
DEMO_EPOCHS ?= 2
else
DEMO_DATA ?= digits
DEMO_EPOCHS ?= 10
endif
DEMO_SPEC ?= specs/mini_googlenet.net

demo: $(STAMP) ## Check, cost and compile GoogLeNet, then train its small sister on real images
	$(BIN)/netdsl check specs/googlenet.net
	$(BIN)/netdsl stats specs/googlenet.net
	@mkdir -p build
	$(BIN)/netdsl compile specs/googlenet.net -o build/googlenet.py
	head -n 60 build/googlenet.py
	@number=1; while [ -e "build/demo-$$number" ]; do number=$$((number + 1)); done; run="build/demo-$$number"; \
	echo "$(BIN)/netdsl train $(DEMO_SPEC) --data $(DEMO_DATA) --epochs $(DEMO_EPOCHS) --seed 0 --out $$run"; \
	$(BIN)/netdsl train $(DEMO_SPEC) --data $(DEMO_DATA) --epochs $(DEMO_EPOCHS) --seed 0 --out "$$run"; \
	$(BIN)/python -c 'import json, sys; top1 = json.load(open(sys.argv[1]))["top1"]; print(f"top-1 accuracy on $(DEMO_DATA): {top1:.1%}  ({sys.argv[1]})")' "$$run/result.json"

# --- tests and checks

test: $(STAMP) ## All tests but the nightly ones
	$(PYTEST) $(PARALLEL)

quick: $(STAMP) ## The most telling tests, in less than a minute
	$(PYTEST) $(PARALLEL) --quick

nightly: $(STAMP) ## Every test, with many more examples each, and every model verified and exported
	@$(BIN)/python -m pip install -q -e ".[onnx]" || echo "the tests of ONNX will be skipped"
	NETDSL_NIGHTLY=1 $(PYTEST) $(PARALLEL)
	$(BIN)/netdsl verify --all

lint: $(STAMP) ## Lint and format check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP) ## Rewrite the code in its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP) ## Type check
	$(BIN)/mypy

imports: $(STAMP) ## Import directions
	$(BIN)/lint-imports --no-logo

verify: $(STAMP) ## Compile a model of every spec and prove the emitted file equal to its graph
	$(BIN)/netdsl verify --each-spec

wheel-check: $(STAMP) ## Build sdist and wheel, install the wheel alone, and use it without a framework
	$(BIN)/python tests/packaging/wheel_check.py

bench: $(STAMP) ## Benchmarks, next to the tools that netdsl is compared with
	$(BIN)/python -m pip install -q -e ".[bench]"
	$(BIN)/python -m pip install -q --no-deps torchvision
	for benchmark in benchmarks/[!_]*.py; do $(BIN)/python "$$benchmark"; done

# --- files that are generated and kept

tables: $(STAMP) ## Rebuild the parser's tables from the grammar
	$(BIN)/python -m netdsl.syntax.grammar.generate

pictures: $(STAMP) ## Draw the pictures of the documentation anew
	$(BIN)/python -m tests.draw.pictures

golden: $(STAMP) ## Rewrite the golden files; read the diff before you commit it
	$(BIN)/python -m pytest -q -m golden --refresh-golden

# --- leave no trace

clean: ## Remove what was built, demo runs included
	rm -rf build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find netdsl backends tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the environment too
	rm -rf $(VENV)
