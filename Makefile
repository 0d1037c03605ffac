# `make run` and `make test` set up what they need by themselves, on Debian 12 (as root) and on macOS 15+ (Apple silicon).

VENV ?= .venv
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
SYSTEM := $(shell uname -s)
REQUIREMENTS := packaging/requirements/$(if $(filter Darwin,$(SYSTEM)),macos,linux).txt
BIN := $(VENV)/bin
PYTEST := QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest
.DEFAULT_GOAL := help

.PHONY: help run test unit lint quality benchmark doors screenshots starter app frozen mac-check bundle-audit requirements setup system clean

help: ## say what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: setup ## set everything up and open Earshot
	$(BIN)/python -m app.main

test: setup ## set everything up and run all tests
	$(PYTEST) -m "not sound" -n 2 --dist loadfile
	$(PYTEST) -m sound

unit: setup ## only the fast tests
	$(PYTEST) -m "not slow and not sound" -n 2

lint: setup ## style, types and the directions of imports
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

quality: setup ## how well the starter model does, and what damaged files and kills do (slow)
	$(PYTEST) tests/quality

benchmark: setup ## how fast Earshot is on this machine
	$(BIN)/python -m tests.benchmarks

doors: setup ## other programs' own clients talk to `earshot serve`, in an environment of their own (build/doors)
	@test -x build/doors/bin/python || $(PYTHON) -m venv build/doors
	@build/doors/bin/pip install -q --disable-pip-version-check "openai[realtime]>=3" "mcp>=2" "pytest>=9" \
		"openai-agents>=0.24" "pipecat-ai[openai]>=1.14"
	@if command -v npm >/dev/null; then \
		npm install --silent --no-fund --no-audit --prefix build/doors/node @openai/agents-realtime zod; \
	else echo "npm is not here: what needs node is left out"; fi
	EARSHOT_PYTHON=$(abspath $(BIN)/python) build/doors/bin/python -m pytest -c /dev/null --confcutdir tests/doors tests/doors

screenshots: setup ## pictures of every page, into screenshots/, and those of README and manual (DRAWN=folder: sheets beside drawings)
	$(BIN)/python -m tests.screenshots screenshots --readme resources/screenshots --manual docs/manual/pictures $(if $(DRAWN),--drawn $(DRAWN))

starter: setup ## train the starter again (NATURAL=folder [SCALE=1] [OUT=folder], see packaging/starter/README.md; needs a GPU)
	@test -n "$(NATURAL)" || { echo "NATURAL=folder has to name the natural voices: packaging/starter/README.md"; exit 2; }
	$(BIN)/python -m pip install -q --disable-pip-version-check ".[training]"
	PYTHONPATH=packaging $(BIN)/python -m starter.training.train --natural "$(NATURAL)" \
		$(if $(SCALE),--scale $(SCALE)) $(if $(OUT),--out "$(OUT)")

app: system ## build the app: Earshot.app on a Mac, dist/Earshot on Linux
	$(PYTHON) packaging/build.py

frozen: setup app ## build the app for Linux and use it as a person would (slow)
	$(BIN)/python -m tests.frozen dist/Earshot/Earshot
	$(BIN)/python -m tests.frozen.faults dist/Earshot

mac-check: setup ## on the first Mac: tests, parity, benchmarks, the app; all figures in mac-check.json (an hour)
	$(BIN)/python packaging/mac_check.py

bundle-audit: setup ## audit Earshot.app, laid out from the wheels for a Mac, on any system
	@mkdir -p build
	$(BIN)/python packaging/layout.py build/mac-packages build/simulated/Earshot.app
	$(BIN)/python packaging/audit.py --unsigned build/simulated/Earshot.app

setup: system $(VENV)/ready

system:
	@sh packaging/system.sh

$(VENV)/ready: $(REQUIREMENTS) pyproject.toml
	@echo "Setting up Python packages in $(VENV) (once, a minute or two) ..."
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; install it and try again." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(REQUIREMENTS)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
	@echo "Ready."

requirements: ## pin the packages again (needs uv)
	@for system in linux:x86_64-manylinux_2_35 macos:aarch64-apple-darwin; do \
		all=packaging/requirements/$${system%%:*}.txt; \
		pin="uv pip compile -q --generate-hashes --no-header --no-annotate --no-emit-index-url --python-version 3.11"; \
		pin="$$pin --python-platform $${system#*:} pyproject.toml packaging/requirements/build.in"; \
		export MACOSX_DEPLOYMENT_TARGET=15.0; \
		$$pin --upgrade --extra test --extra lint -o $$all; \
		$$pin --upgrade --extra packaging -c $$all -o packaging/requirements/run-$${system%%:*}.txt; \
	done

clean: ## remove what was set up and built
	rm -rf $(VENV) build dist *.egg-info screenshots
