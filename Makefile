# pyredis: build, run, test, measure. Needs Python 3.11 or newer with venv, a C compiler and make; pip fetches
# the rest into .venv. `make run` starts a server on port 6379: options go in ARGS, as in
#   make run ARGS='--port 7000 --save ""'
#
# The release build stands beside its sources (csrc/**/*.so) and is redone only when a source is newer than its
# stamp. The debug and asan builds are whole trees of their own under build/, so that they never mix with it.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
JOBS   ?= auto
ARGS   ?=
FUZZ_SECONDS ?= 300
COUNT  ?= 1000000

SOURCES := setup.py pyproject.toml $(shell find csrc -name '*.pyx' -o -name '*.pxd' -o -name '*.h')
MODULES := $(shell find pyredis csrc -name '*.py')
CC      := $(if $(shell command -v ccache),ccache $(or $(filter-out cc,$(CC)),gcc),$(CC))
export CC
export PYTHONPATH := .:csrc

.PHONY: run build test bench lint debug asan fuzz fuzz-payloads torture many wheel peers clean

run: build
	$(PY) -m pyredis $(ARGS)

build: build/release.stamp

test: build
	$(PY) -m pytest -n $(JOBS) $(ARGS)

bench: build
	$(PY) -m bench.compare $(ARGS)

lint: $(VENV)/stamp
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

# The sanitizers must be loaded before Python; leaks are not looked for, because Python itself ends with some.
asan: build/asan.stamp
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 \
	PYTHONMALLOC=malloc PYTHONPATH=build/asan:. PYREDIS_LIB=build/asan \
	$(PY) -m pytest -n $(JOBS) -o pythonpath=build/asan $(ARGS)

debug: build/debug.stamp
	PYTHONPATH=build/debug:. PYREDIS_LIB=build/debug \
	$(PY) -m pytest -n $(JOBS) -o pythonpath=build/debug $(ARGS)

fuzz: build/debug.stamp
	PYREDIS_FUZZ_SECONDS=$(FUZZ_SECONDS) PYTHONPATH=build/debug:. PYREDIS_LIB=build/debug \
	$(PY) -m pytest -n $(JOBS) -o pythonpath=build/debug --hypothesis-profile=fuzz tests/fuzz tests/differential $(ARGS)

# Spoilt payloads for RESTORE under the sanitizers; one core, about 20 minutes for a million.
fuzz-payloads: build/asan.stamp
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:max_allocation_size_mb=256 UBSAN_OPTIONS=print_stacktrace=1 \
	PYTHONMALLOC=malloc PYTHONPATH=build/asan:. $(PY) -m tests.fuzz.payloads $(COUNT) $(ARGS)

# Kills the server under load, half of the times with each appendfsync, and looks for what is lost; about 15 minutes.
torture: build
	$(PY) -m tests.persistence.torture $(ARGS)

many: build
	PYREDIS_CONNECTIONS=10000 $(PY) -m pytest tests/network/test_many.py $(ARGS)

# The wheel in dist/, and a short test of it as it is installed: in a clean environment, from elsewhere.
wheel: export PYTHONPATH :=
wheel: $(VENV)/stamp
	rm -rf dist build/lib* build/bdist*          # or modules that are gone would be in it
	$(PY) -m pip wheel -q --disable-pip-version-check --wheel-dir dist .
	$(PYTHON) -m venv --clear build/installed
	build/installed/bin/pip install -q --disable-pip-version-check --no-index --find-links dist pyredis
	cd / && $(CURDIR)/build/installed/bin/python $(CURDIR)/tests/try_installed.py

peers:
	bench/get-peers

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find csrc pyredis bench tests -name '*.so' -delete
	find csrc pyredis bench tests -name __pycache__ -prune -exec rm -rf {} +

# What pyproject.toml asks for, without building pyredis itself: that is the next rule's work.
$(VENV)/stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PY) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb")); \
	  print(*p["build-system"]["requires"], *p["project"]["dependencies"], \
	        *sum(p["project"]["optional-dependencies"].values(), []), sep="\n")' \
	  > $(VENV)/requirements
	$(PY) -m pip install -q --disable-pip-version-check -r $(VENV)/requirements
	touch $@

build/release.stamp: $(SOURCES) | $(VENV)/stamp
	$(PY) setup.py -q build_ext --inplace
	@mkdir -p build && touch $@

build/%.stamp: $(SOURCES) $(MODULES) | $(VENV)/stamp
	PYREDIS_BUILD=$* $(PY) setup.py -q build --build-base build/$*-parts --build-lib build/$*
	@touch $@
