# Three commands from nothing but Python 3.10+, a C compiler and make:
#   make demo    the host actor on this machine's own telemetry, for ten seconds
#   make test    lint, types and the tests of the rooms, on the broker in memory
#   make docs    the documentation, in docs/_build/html
# Three more have the rest of the tests: make test-endurance, many thousands of commands, replies and
# clients; make test-programs, what runs whole programs, the recorded release beside ours among them; and
# make test-brokers, all of AMQP on several releases of RabbitMQ and on a cluster.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO_SECONDS ?= 10
# Much of a test is waiting: more workers than cores.
WORKERS ?= 4
# A worker that ends is not replaced: pytest-xdist may wait for ever for the rest of its file otherwise.
PYTEST = $(BIN)/pytest -n $(WORKERS) --max-worker-restart=0
# What runs whole programs, in processes of their own.
PROGRAMS = $(addprefix tests/,cli differential docs examples tools typing test_build.py test_readme.py \
    testing/test_plugin.py websocket/test_browser.py)

# What tests both builds of the kernels by itself.
BOTH = $(addprefix tests/,kernels legacy/types)

# What make test-brokers runs on RabbitMQ; in make test, what is not about RabbitMQ runs in memory.
AMQP = $(addprefix tests/,amqp broker_contract remote watch websocket test_sync.py)

# Frames of the interpreted codec on RabbitMQ; the broker in memory has none.
OVER_WIRE = tests/broker_contract tests/amqp/test_data_plane.py

# What make test-brokers runs on; 3.10 is that of Debian 12.
BROKERS ?= 3.10 4.0 4.3
CLUSTER = 4.3

.PHONY: demo test lint pytest test-endurance test-programs test-brokers asan docs benchmarks benchmarks-compare benchmarks-accept rabbitmq chromium shells recorded wheels test-wheel clean

demo: $(VENV)/.demo
	$(BIN)/clu demo --seconds $(DEMO_SECONDS)

test: lint pytest

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --no-progress --quiet --min-severity medium .github

# The arguments for the tests of the rooms, and what runs them in both builds.
ROOMS = --dist worksteal $(addprefix --ignore=,$(PROGRAMS))
IN_BOTH_BUILDS = CLU_TEST_BROKER=memory $(PYTEST) $(ROOMS) $(1) \
    && CLU_NO_EXTENSIONS=1 CLU_TEST_BROKER=memory $(PYTEST) $(ROOMS) $(addprefix --ignore=,$(BOTH)) $(1)

pytest: $(VENV)/.test recorded
	$(call IN_BOTH_BUILDS,-m "not endurance")

test-endurance: $(VENV)/.test recorded
	$(call IN_BOTH_BUILDS,-m endurance)

test-programs: $(VENV)/.test recorded rabbitmq chromium shells
	$(PYTEST) --dist loadfile $(PROGRAMS)
	CLU_NO_EXTENSIONS=1 $(BIN)/pytest tests/differential

# The kernels, built with AddressSanitizer: their tests, and streams with mistakes in them.
ASAN = build/asan
MUTATIONS ?= 140000
asan: $(VENV)/.test
	tools/test_sanitized.sh $(BIN)/python $(ASAN) $(MUTATIONS)

# A failure on one release does not keep the others from being tested.
test-brokers: $(VENV)/.test recorded chromium
	tests/get_rabbitmq_release.sh $(BROKERS) $(CLUSTER)
	@failed=; for release in $(BROKERS); do \
	    echo "The AMQP tests on RabbitMQ $$release:"; \
	    CLU_TEST_RABBITMQ=$$release $(PYTEST) -q --dist worksteal $(AMQP) \
	        || failed="$$failed $$release"; \
	done; \
	echo "The interpreted codec on RabbitMQ $(firstword $(BROKERS)):"; \
	CLU_NO_EXTENSIONS=1 CLU_TEST_RABBITMQ=$(firstword $(BROKERS)) \
	    $(PYTEST) -q --dist loadfile $(OVER_WIRE) || failed="$$failed interpreted"; \
	echo "The cluster tests on RabbitMQ $(CLUSTER):"; \
	CLU_TEST_RABBITMQ=$(CLUSTER) $(BIN)/pytest tests/cluster -q \
	    || failed="$$failed cluster"; \
	test -z "$$failed" || { echo "Tests failed on:$$failed." >&2; exit 1; }

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -q -W --keep-going -n -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html."

benchmarks: $(VENV)/.test
	$(BIN)/python benchmarks/compare.py

# The benchmarks of the kernels, against the accepted ratios; no part of make test.
benchmarks-compare: $(VENV)/.test
	$(BIN)/python benchmarks/gate.py

benchmarks-accept: $(VENV)/.test
	$(BIN)/python benchmarks/gate.py --accept

# The sdist, the pure wheel and a compiled wheel for each interpreter, in dist/.
PYTHONS ?= $(PYTHON)
wheels:
	tools/build_distributions.sh $(PYTHONS)

# The tests against what make wheels has built and an environment of its own: wheel, pure or sdist.
KIND ?= wheel
test-wheel: rabbitmq chromium
	tools/test_distribution.sh $(KIND) $(PYTHON)

# sdss-clu from PyPI and the versions of click with which this clu is compared, in .venv-recorded.
recorded: $(VENV)/.test
	@PYTHONWARNINGS=ignore $(BIN)/python -m tests.recorded_release

rabbitmq:
	@./tests/get_rabbitmq.sh

chromium:
	@./tests/get_chromium.sh

shells:
	@./tests/get_shells.sh

# The stamps depend on what the installation depends on, so that a change installs anew.
SOURCES = pyproject.toml setup.py $(wildcard clu/_speedups/*_py.py clu/_speedups/*.pxd clu/_speedups/*.pyx)

$(VENV)/.demo: $(SOURCES) | $(BIN)/python
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q -e ".[demo]"
	@touch $@

$(VENV)/.test: $(SOURCES) | $(BIN)/python
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q -e ".[test,lint,demo,websockets,docs,plots]"
	@touch $@ $(VENV)/.demo $(VENV)/.docs

$(VENV)/.docs: $(SOURCES) | $(BIN)/python
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q -e ".[docs,websockets]"
	@touch $@

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "clu needs Python 3.10 or later, and $(PYTHON) is " + sys.version.split()[0] + ": say make PYTHON=python3.11, for example.")'
	@# What a Python without ensurepip leaves would look like an environment the next time.
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install -q --upgrade pip

clean:
	rm -rf $(VENV) .venv-recorded build docs/_build dist *.egg-info clu/_speedups/*.so .mypy_cache .pytest_cache .ruff_cache
