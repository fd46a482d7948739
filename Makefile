# The same few commands for people and for CI. Each does its own set-up: uv where it is there, else venv and pip.

# With byte code, a process that a test starts is there half a second earlier.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
DEMO := $(if $(wildcard $(READY)),$(VENV),build/demo)
SAMPLES := tests/samples/search
CONTACTS := $(SAMPLES)/contacts-10k.jsonl.gz
QUERIES := $(SAMPLES)/dev-10k.json.gz $(SAMPLES)/val-10k.json.gz
BOOK := $(SAMPLES)/book-20k.jsonl.gz
QUESTIONS := $(SAMPLES)/dev-20k.json.gz
CASES := $(SAMPLES)/cases.json.gz
SIZE := 300000
MCPB := build/mcpb/node_modules/.bin/mcpb

.PHONY: demo picture docs test coverage mutants test-slow test-lowest test-newest test-team check evals judges bench format snapshots bench-search bench-team bench-mirror bench-memory bench-team-load bench-team-memory bench-http bench-http-search build bundle sbom lock clean

demo: $(DEMO)/.ready  ## the main job on invented contacts, through a real process; a small environment of its own
	@$(DEMO)/bin/telecmi-mcp demo

picture: $(READY)  ## the demo as the picture of the README
	$(PYTHON) docs/draw_demo.py

docs: $(READY)  ## the generated parts of the pages in docs/
	$(PYTHON) docs/generate.py

test: $(READY)  ## the default tests, about a minute
	$(PYTHON) -m pytest -n auto --maxprocesses 4 --dist worksteal

coverage: $(READY)  ## the same tests, and which lines and branches they run; fails below the floor in pyproject.toml
	$(PYTHON) -m pytest -n auto --maxprocesses 4 --dist worksteal --cov --cov-report=term:skip-covered --cov-report=xml:build/coverage.xml

mutants:  ## changes to the code that no test notices, hours; ARGS="telecmi_mcp._api.cursors*" for one module
	@sh ./.ci/mutants $(ARGS)

test-slow: $(READY)  ## what is slow or wide, and what installs from PyPI: CI runs it once
	$(PYTHON) -m pytest -m slow -n auto --maxprocesses 2 --dist loadfile --durations=8

test-team: $(READY)  ## a team server with real parts: PostgreSQL, nginx, an identity provider, a browser; CI runs it once
	sh ./.ci/install-team
	TELECMI_TEST_CLIENTS=.judges/clients $(PYTHON) -m pytest tests/team -m team -n 3 --dist loadfile --durations=8

test-lowest:  ## the default tests with the lowest version of each dependency that pyproject.toml allows
	sh ./.ci/setup build/lowest lowest
	build/lowest/bin/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

test-newest:  ## the same with the newest versions, whatever requirements/ says
	sh ./.ci/setup build/newest newest
	build/newest/bin/python -m pytest -n auto --maxprocesses 4 --dist worksteal

check: $(READY)  ## what keeps the house in order
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/deptry telecmi_mcp
	$(PYTHON) -m pytest tests/test_consistency.py

evals: $(READY)  ## tasks for agents: the oracle's calls and tokens, and the stored transcripts scored again; ARGS=--exact, ARGS=FILE
	@$(PYTHON) -m evals $(ARGS)

judges:  ## outside judges, three minutes the first time; they come from PyPI and npm
	@sh ./.ci/judges

bench: $(READY)  ## beside servers for the same job, a quarter of an hour; ARGS=--quick takes two to three minutes
	@$(PYTHON) -m benchmarks $(ARGS)

format: $(READY)
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

snapshots: $(READY)  ## everything that is generated from the tools, prompts and resources, the pages of docs/ and the picture
	PYTHONPATH=.:tests $(PYTHON) tests/snapshots.py
	$(PYTHON) docs/generate.py
	$(PYTHON) docs/draw_demo.py

bench-search: $(READY)  ## what the search finds, how fast, in how much room; CONTACTS=, QUERIES=, BOOK=, QUESTIONS=, CASES= for other data
	$(PYTHON) benchmarks/search.py --contacts $(CONTACTS) --queries $(QUERIES)
	PYTHONPATH=. $(PYTHON) benchmarks/search_quality.py --book $(BOOK) --queries $(QUESTIONS) --baselines
	PYTHONPATH=. $(PYTHON) benchmarks/search_quality.py --background $(CONTACTS) --cases $(CASES)
	PYTHONPATH=. $(PYTHON) benchmarks/groups.py --contacts $(CONTACTS)

bench-team: $(READY)  ## the shared mirror in PostgreSQL, 300,000 contacts: minutes; CONTACTS=, QUERIES= and SIZE= for others
	sh ./.ci/install-team
	PYTHONPATH=.:tests $(PYTHON) benchmarks/team_search.py --contacts $(CONTACTS) --queries $(QUERIES) --size $(SIZE)
	PYTHONPATH=.:tests $(PYTHON) benchmarks/groups.py --contacts $(CONTACTS) --size $(SIZE) --postgres

bench-mirror: $(READY)  ## the mirror against a bare loop over the same pages, 100 ms away
	$(PYTHON) benchmarks/mirror.py

bench-memory: $(READY)  ## memory over 100,000 calls and 100,000 contacts: minutes
	@TELECMI_TEST_CALLS=100000 TELECMI_TEST_CONTACTS=100000 $(PYTHON) -m pytest -s -m slow tests/e2e/test_memory.py

bench-team-load: $(READY)  ## 200 callers on two replicas behind nginx for ten minutes; ARGS="--seconds 30", ARGS=--hostile
	@sh ./.ci/install-team
	@PYTHONPATH=.:tests $(PYTHON) -m benchmarks.team_load $(ARGS)

bench-http: $(READY)  ## what a call over HTTP costs beside the official SDK's server and FastMCP's: minutes; ARGS="--rounds 25", ARGS=--this, ARGS=--audit-keys
	@PYTHONPATH=.:tests $(PYTHON) -m benchmarks.http_cost $(ARGS)

bench-http-search: $(READY)  ## what a search over HTTP costs among 100,000 contacts: ten minutes; ARGS="--places memory"
	@sh ./.ci/install-team
	@PYTHONPATH=.:tests $(PYTHON) -m benchmarks.http_search --contacts $(CONTACTS) --queries $(SAMPLES)/dev-10k.json.gz $(ARGS)

bench-team-memory: $(READY)  ## memory of one replica with 200 callers, and of more accounts: two minutes; ARGS="--accounts 50"
	@sh ./.ci/install-team
	@PYTHONPATH=.:tests $(PYTHON) -m benchmarks.team_memory $(ARGS)

build: $(READY)  ## sdist and wheel in dist/
	rm -rf dist
	$(PYTHON) -m build --no-isolation  # with what came by its hash

bundle: build $(MCPB)  ## dist/telecmi-mcp.mcpb for Claude Desktop; the tool that packs it comes from npm
	$(PYTHON) bundle/stage.py dist/*.whl build/bundle
	$(MCPB) validate build/bundle/manifest.json
	$(MCPB) pack build/bundle dist/telecmi-mcp.mcpb

sbom: build  ## dist/*.cdx.json: what each way to install brings, in CycloneDX, from real environments
	sh ./.ci/sbom

lock:  ## requirements/ and constraints.txt anew; ARGS=--upgrade moves all versions to the newest
	$$(command -v python3 || command -v python) .ci/lock.py $(ARGS)

clean:
	rm -rf $(VENV) .judges .benchmarks .coverage build dist mutants .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(MCPB): .ci/bundling/package-lock.json
	mkdir -p build/mcpb
	cp .ci/bundling/package.json .ci/bundling/package-lock.json build/mcpb
	npm ci --prefix build/mcpb --ignore-scripts --no-audit --no-fund --silent
	@touch $@

build/demo/.ready: pyproject.toml requirements/runtime.txt requirements/build.txt
	@sh ./.ci/setup build/demo demo
	@touch $@

$(READY): pyproject.toml requirements/dev.txt
	@sh ./.ci/setup $(VENV)
	@touch $@
