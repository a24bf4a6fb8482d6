VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# On the oldest supported server, a statement of each kind; on GitHub, all of them.
SERVER_TESTS := tests/analytics/test_questions.py \
    $(patsubst %,tests/delta/test_%.py,history watermarks contents) \
    $(patsubst %,tests/runner/test_%.py,load rights run_lock encoding) \
    $(patsubst %,tests/api/test_%.py,endpoints freshness) \
    $(patsubst %,tests/tuning/test_%.py,indexes materialized_views monitoring partitions site)

.DEFAULT_GOAL := help
.PHONY: help install demo psql up down stop test pytest test-slow test-snowflake test-database slim bench docs lint format lock clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED)  ## Set up what a run needs, and no more (the other targets set up what they need)

demo: $(READY)  ## Run the main job on this machine: stand-in Snowflake, load, build, a day of changes, refresh
	@$(BIN)/runner demo $(ARGS)

psql: $(READY)  ## Open psql on the demo's database
	@$(BIN)/runner demo --psql

up: $(READY)  ## Serve the demo's data on http://127.0.0.1:8000 and refresh it every minute, while it changes
	@$(BIN)/runner demo --up $(ARGS)

down: $(READY)  ## Stop what `make up` started, and keep the data
	@$(BIN)/runner demo --down

stop: $(READY)  ## Stop the demo's servers and remove its data
	@$(BIN)/runner demo --stop

test: lint pytest  ## Lint, then the tests that a change needs, on embedded Postgres (or on TEST_DATABASE_URL)

pytest: $(READY)  ## Every test but the slow ones and those of `make test-snowflake`
	@$(BIN)/pytest --numprocesses auto --dist loadfile -m "not slow and not snowflake" $(ARGS)

test-slow: $(READY)  ## The slow tests: commands that meet at random, crashes, the demo and the benchmark
	@$(BIN)/pytest --numprocesses auto --dist loadfile -m "slow and not snowflake" $(ARGS)

test-snowflake: $(READY)  ## The models on Snowflake: dbt-snowflake against a stand-in, and what Snowflake would refuse
	@$(BIN)/pytest --numprocesses auto --dist loadfile tests/snowflake $(ARGS)

test-database: $(READY)  ## The tests whose SQL depends on the server, as on TEST_DATABASE_URL
	@$(BIN)/pytest --numprocesses auto --dist loadfile -m database $(or $(ARGS),$(SERVER_TESTS))

# That nothing differs is no error here, unlike elsewhere: see the flags in dbt_project.yml.
slim: $(READY)  ## Build what differs from production, and what follows from it: make slim STATE=<folder of its manifest.json>
	@$(BIN)/dbt --quiet parse
	@$(BIN)/dbt --warn-error-options '{}' build --select state:modified+ $$($(BIN)/runner modified --state $(STATE)) --defer --state $(STATE) $(ARGS)

bench: $(READY)  ## Measure against what one would pick instead, in 5 minutes, or all of it in an hour: make bench ARGS="--scale full"
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(READY)  ## Build the docs site, offline, in target/site
	@$(BIN)/dbt --quiet parse --profiles-dir .ci
	@$(BIN)/dbt --quiet docs generate --static --no-compile --empty-catalog --profiles-dir .ci
	@mkdir -p target/site && cp target/static_index.html target/site/index.html && echo target/site/index.html

lint: $(READY)  ## Check style, types, workflows and secrets: the hooks that `pre-commit install` runs before a commit
	@$(BIN)/pre-commit run --all-files

format: $(READY)  ## Rewrite the code in the house style
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet . ; $(BIN)/sqlfluff fix --quiet models tests analyses

# One resolution of everything, so that both files agree; requirements-dev.lock then keeps what requirements.lock lacks.
COMPILE := $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --no-emit-index-url \
    --no-annotate --no-header --group install pyproject.toml
lock: $(READY)  ## Compile requirements.lock and requirements-dev.lock from pyproject.toml, with the newest versions
	@$(COMPILE) --upgrade --all-extras --group dev --group bench -o requirements-dev.lock
	@$(COMPILE) --extra analytics --extra api --extra jobs --constraint requirements-dev.lock -o requirements.lock
	@grep -vxFf requirements.lock requirements-dev.lock > $(VENV)/rest && mv $(VENV)/rest requirements-dev.lock

clean: $(READY) stop  ## Remove everything that was made here
	@rm -rf $(VENV) .demo .demo.lock target logs

# uv installs in seconds; where it cannot reach the index that pip is set up for, pip does it.
install = $(BIN)/uv pip install --quiet --python $(BIN)/python $(1) 2>/dev/null || $(PIP) $(1)

$(INSTALLED): requirements.lock pyproject.toml
	@echo "setting up $(VENV) (once)" >&2
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: this is " + sys.version.split()[0])'
	@python3 -m venv $(VENV)
	@$(PIP) $$(grep '^uv==' requirements.lock)
	@$(call install,-r requirements.lock)
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(READY): $(INSTALLED) requirements-dev.lock
	@$(call install,-r requirements.lock -r requirements-dev.lock)
	@touch $@
