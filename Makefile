# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := kintsugi bench chaos tools

.PHONY: demo test lint bench chaos wheel lock clean

demo: $(VENV)/.runtime
	$(BIN)/kintsugi demo

# Programs that tests start are compiled once, whatever the shell says of that.
test: export PYTHONDONTWRITEBYTECODE =
test: lint
	@echo "== tests"  # one worker more than processors: many tests wait for programs they started
	$(BIN)/python -m pytest -n $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) --dist loadscope --no-loadscope-reorder -q

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
	rm -f .check.db && KINTSUGI_DATABASE_URL=sqlite:///.check.db $(BIN)/alembic -q upgrade head \
	  && KINTSUGI_DATABASE_URL=sqlite:///.check.db $(BIN)/alembic -q check; status=$$?; rm -f .check.db*; exit $$status

bench: $(VENV)/.development
	$(BIN)/python -m bench

chaos: $(VENV)/.development
	$(BIN)/python -m chaos

# What is installed elsewhere: a wheel and a source distribution, in dist/.
wheel: $(VENV)/.runtime
	$(BIN)/python -m hatchling build -d dist

# The hash-locked requirements. Each is installed when its file changes.
$(VENV)/.runtime: requirements.txt pyproject.toml
	$(call install,requirements.txt)

$(VENV)/.development: requirements-dev.txt pyproject.toml
	$(call install,requirements-dev.txt)
	@touch $(VENV)/.runtime

define install
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
  { echo "Kintsugi needs Python 3.11 or newer; set PYTHON=/path/to/it"; exit 1; }
@echo "== installing $(1) into $(VENV)"
$(PYTHON) -m venv $(VENV)
$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
@touch $@
endef

# Writes the locks anew; needs uv. No index and no host goes into them.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
	  --extra server --extra build -o requirements.txt
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
	  --extra server --extra build --extra dev -c requirements.txt -o requirements-dev.txt

clean:
	rm -rf $(VENV) .kintsugi dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
