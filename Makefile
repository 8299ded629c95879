# Everything runs in a virtual environment inside this folder. Needed: Python >= 3.11, make, a C library.
PYTHON   ?= python3
VENV     ?= .venv
EXTRAS   ?= dev
JOBS     ?= 2
PYTEST_ARGS ?=
VERSIONS := 3.11 3.12 3.13
BIN      := $(VENV)/bin
PIP      := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-science evidence test-all lint constraints clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.installed ## install and run the Lerep case into out/lerep
	$(BIN)/sadar run lerep --out out/lerep

test: $(VENV)/.installed-$(EXTRAS) ## install the dev extra and run the tests
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope $(PYTEST_ARGS)

test-science: $(VENV)/.installed-$(EXTRAS) ## the slow science tests, left out of make test
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope -m slow $(PYTEST_ARGS)

evidence: $(VENV)/.installed-$(EXTRAS) ## calibrate, verify, trials, networks and cases again, and experiments/EVIDENCE.md (40 minutes)
	$(BIN)/sadar calibrate --tables out/tables
	$(BIN)/sadar evidence --collect

# An interpreter counts when it starts, is of that version and can make a virtual environment.
test-all: ## make test under every Python 3.11, 3.12, 3.13 found (on PATH or under pyenv)
	@tested=; skipped=; failed=; \
	for v in $(VERSIONS); do \
	  found=; \
	  for p in python$$v "$$HOME"/.pyenv/versions/$$v.*/bin/python; do \
	    if "$$p" -c "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '$$v')" >/dev/null 2>&1; then found=$$p; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then skipped="$$skipped $$v"; continue; fi; \
	  echo "== Python $$v"; \
	  if $(MAKE) --no-print-directory test PYTHON="$$found" VENV=.venv-$$v; then tested="$$tested $$v"; else failed="$$failed $$v"; fi; \
	done; \
	echo "passed:$${tested:- none}; failed:$${failed:- none}; skipped, no interpreter found:$${skipped:- none}"; \
	[ -z "$$failed" ] && [ -n "$$tested" ]

lint: $(VENV)/.installed-$(EXTRAS) ## ruff
	$(BIN)/ruff check .

constraints: $(VENV)/.made ## renew constraints.txt from pyproject.toml (needs the network)
	$(PIP) uv
	$(BIN)/python -m uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade \
	  --no-header --no-annotate --quiet --output-file constraints.txt
	! grep -q '://' constraints.txt

clean: ## remove environments, caches and results
	rm -rf .venv .venv-3.* out build .pytest_cache .ruff_cache .hypothesis .numba_cache *.egg-info
	find simulation scenarios experiments tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The marks below stand for "done": a second call does nothing, a changed pyproject.toml or constraints.txt installs again.
$(VENV)/.made:
	@$(PYTHON) -c "import sys; sys.exit('sadar needs Python 3.11 or later, this is %d.%d; say make PYTHON=...' % sys.version_info[:2] if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "installing into $(VENV) (about a minute the first time)"
	@$(PIP) -e . -c constraints.txt
	@touch $@

$(VENV)/.installed-$(EXTRAS): pyproject.toml constraints.txt | $(VENV)/.made
	@echo "installing into $(VENV) with $(EXTRAS) (about a minute the first time)"
	@$(PIP) -e ".[$(EXTRAS)]" -c constraints.txt
	@touch $@ $(VENV)/.installed
