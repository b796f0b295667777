# Every target makes its own virtual environment. You need Python 3.11 or newer, pip and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Models come with packages; nothing may be fetched while the bot or a test runs.
export HF_HUB_OFFLINE := 1
PROJECTS := pyproject.toml $(wildcard models/*/pyproject.toml)

.PHONY: preview run test test-all check docs translations shipped lock release install clean

preview: $(VENV)/preview.done ## run the bot in a local browser page
	$(BIN)/commonplace preview $(ARGS)

run: $(VENV)/run.done ## run the bot in Discord, with DISCORD_TOKEN
	$(BIN)/commonplace run $(ARGS)

install: $(if $(EXTRAS),| $(VENV)/bin/python,$(VENV)/run.done) ## install the bot with its requirements only, and with EXTRAS="git ocr"
	$(if $(EXTRAS),$(BIN)/python deploy/install.py run $(EXTRAS) && touch $(VENV)/run.done)

# With ARGS, tests run in one process, so a debugger works.
test: $(VENV)/dev.done check ## run the quick tests, or those in ARGS
	$(BIN)/python -m pytest -q $(or $(ARGS),-n auto -m "not slow")

test-all: test ## run every test: also PostgreSQL, processes, a browser, models, and 50 examples a property
	$(BIN)/python -m pytest -q -n auto -m "slow or hypothesis" --hypothesis-profile=thorough

check: $(VENV)/dev.done ## lint, types, import contracts, plain English
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.prose

docs: $(VENV)/dev.done ## write the generated parts of the documents anew
	$(BIN)/python -m cogapp -r README.md docs/*.md
	$(BIN)/python -c 'from bot.config.settings import template; print(template(), end="")' > config.toml

translations: $(VENV)/dev.done ## bring the catalogues of bot/locale up to the sentences of the code
	$(BIN)/pybabel -q extract -F pyproject.toml --omit-header --add-location=file --width=100 \
		-o bot/locale/commonplace.pot bot knowledge
	$(BIN)/pybabel -q update -i bot/locale/commonplace.pot -d bot/locale -D commonplace --width=100 \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

shipped: $(VENV)/dev.done ## derive the models of the packages, and embed the bundled articles
	$(BIN)/python -m models.ship

# Releases with the digests of every platform's files. PyTorch is left out, because its CPU build is
# installed by itself, and so are the requirements of its builds for graphics cards. The extras
# agree on each release, and the tests run with those of the image's base and of the extra `models`.
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate
# The image's Python and processors.
IMAGE := --python-version 3.11.9 --python-platform x86_64-manylinux_2_28
LOCKED_EXTRAS := git mcp models ocr page plot postgres preview serve
# Keep packages that are neither in the earlier list (if any) nor PyTorch's.
KEEP := awk -F'==' 'FILENAME != "-" {known[$$1]; next} \
	/^[a-z]/ {keep = !($$1 in known || /^(torch|triton|nvidia-|cuda-)/)} keep'

lock: $(VENV)/dev.done ## write deploy/requirements*.txt anew, with the newest allowed releases
	set -e; write() { { sed -n '/^#/p' "$$1"; cat; } > deploy/lock.new; \
		grep -q == deploy/lock.new; mv deploy/lock.new "$$1"; }; \
	$(COMPILE) pyproject.toml $(IMAGE) | $(KEEP) - | write deploy/requirements.txt; \
	set -- --constraint deploy/requirements.txt; \
	for extra in $(LOCKED_EXTRAS); do \
		$(COMPILE) pyproject.toml $(IMAGE) --extra $$extra "$$@" \
			| $(KEEP) deploy/requirements.txt - | write deploy/requirements-$$extra.txt; \
		set -- "$$@" --constraint deploy/requirements-$$extra.txt; \
	done; \
	$(COMPILE) models/multilingual/pyproject.toml $(IMAGE) "$$@" \
		| $(KEEP) deploy/requirements.txt - | write deploy/requirements-multilingual.txt; \
	$(COMPILE) pyproject.toml --universal --python-version 3.11.9 --extra dev \
		--constraint deploy/requirements.txt --constraint deploy/requirements-models.txt \
		--constraint deploy/requirements-multilingual.txt \
		| $(KEEP) - | write deploy/requirements-dev.txt

release: $(VENV)/dev.done ## build, check and try all distributions; TAG=v1.0.0 must be the version
	$(BIN)/python deploy/release.py $(TAG)

clean: ## remove environments and caches
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage coverage.xml

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Commonplace needs Python 3.11 or newer: make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.done: $(PROJECTS) | $(VENV)/bin/python
	$(BIN)/python deploy/install.py run
	touch $@

$(VENV)/preview.done: $(PROJECTS) | $(VENV)/bin/python
	$(BIN)/python deploy/install.py preview
	touch $@

$(VENV)/dev.done: $(PROJECTS) deploy/requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python deploy/install.py dev
	touch $@ $(VENV)/preview.done $(VENV)/run.done
