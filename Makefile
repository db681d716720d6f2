# genspace: `make demo` shows what it does, `make test` proves it, `make verify` proves what takes long, `make benchmarks` how fast.
#
# Each target sets up all it needs in .venv, from a clean clone, with Python >= 3.11 and make.

VENV := .venv
BIN := $(VENV)/bin
DEMO_OUT := demo-output
DEMO_VLM ?= gpt-5-mini

# The first interpreter that runs, is new enough and can make a virtual environment.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: demo test verify benchmarks mutants coverage lint docs clean
.DELETE_ON_ERROR:

demo: $(VENV)/.base  ## Judge rendered scenes with known truth and compare the judges; needs no network, model or torch
	rm -rf $(DEMO_OUT) && mkdir $(DEMO_OUT) && cp -R examples/quickstart $(DEMO_OUT)/study
	$(BIN)/genspace check $(DEMO_OUT)/study
	$(BIN)/genspace judge $(DEMO_OUT)/study --judge depth-and-masks --judge released-rules --judge noisy-perception \
		--judge half-the-noise --judge boxes-in-2d
	@if [ -n "$$OPENAI_API_KEY$$OPENAI_BASE_URL" ]; then \
		$(BIN)/genspace judge $(DEMO_OUT)/study --judge vlm:$(DEMO_VLM) --max-usd 0.50 \
			|| echo "$(DEMO_VLM) did not judge every probe; the comparison shows what it did."; \
	else \
		echo "No vision-language model judges here: set OPENAI_API_KEY or OPENAI_BASE_URL, and name one by DEMO_VLM=MODEL."; \
	fi
	$(BIN)/genspace certify $(DEMO_OUT)/study --judge depth-and-masks --judge noisy-perception
	$(BIN)/genspace compare $(DEMO_OUT)/study --by kind --by sub_domain --out $(DEMO_OUT)
	$(BIN)/genspace probe report $(DEMO_OUT)/study --out $(DEMO_OUT)/probes
	@echo "Open in a browser: $(DEMO_OUT)/report.html (who agrees with the truth), $(DEMO_OUT)/probes (how each judge errs)."

test: $(VENV)/.dev lint  ## Static checks, doctests and the test suite
	$(BIN)/pytest

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

verify: $(VENV)/.dev  ## Slow proofs; writes docs/verified.md
	$(BIN)/python tests/verify/run.py

benchmarks: $(VENV)/.dev  ## Speed against fixed baselines; adds to benchmarks/history.jsonl and says what got slower
	$(BIN)/python benchmarks/run.py

mutants: $(VENV)/.dev  ## Do the tests notice? One-line mutations of core files against their nearest tests
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt "cosmic-ray>=8.3"
	$(BIN)/python tests/mutants/run.py

coverage: $(VENV)/.dev  ## Which branches no test enters, by room
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt "pytest-cov>=7"
	$(BIN)/pytest -q --cov --cov-report=json:build/coverage.json
	$(BIN)/python tests/coverage_by_room.py build/coverage.json

docs: $(VENV)/.dev  ## The documentation site, in docs/_build
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	$(BIN)/python docs/links.py docs/_build
	@echo "Open in a browser: docs/_build/index.html"

clean:
	rm -rf $(VENV) $(DEMO_OUT) build dist docs/_build

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed: on Debian or Ubuntu run" \
		"'apt-get install python3 python3-venv', on macOS 'brew install python@3.12', or name one: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(VENV)/bin/python pyproject.toml setup.py constraints.txt
	@echo "Installing genspace without models: about 600 MB in $(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml setup.py constraints.txt
	@echo "Installing genspace with everything its tests need: about 3.2 GB in $(VENV) with a CPU build of torch," \
		"up to 8 GB where pip finds a CUDA build"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.base
