# make demo    train, evaluate and film a first agent
# make test    what every change must pass; CI adds the linters, the demo and the slow tests
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
FUZZ ?= 20000
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --constraint constraints.txt
INPUTS := pyproject.toml constraints.txt Makefile
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-slow fuzz lint format docs family curves models clean

help:
	@echo "make demo        train ppo on CartPole-v1, evaluate it and write a video"
	@echo "make test        install what the tests need and run all but the slow ones"
	@echo "make test-slow   the slow tests"
	@echo "make fuzz        the readers of foreign files, given anything, for some minutes"
	@echo "make lint        ruff and mypy"
	@echo "make format      let ruff mend what it can"
	@echo "make docs        bring the README's tables up to date"
	@echo "make family      draw the learning curves of the tabular algorithms anew"
	@echo "make curves      train and draw those of the deep families anew (takes hours)"
	@echo "make models      train the shipped agents anew (takes hours)"
	@echo "make clean       remove the virtual environment and what tools left behind"

demo: $(VENV)/.installed-demo
	$(BIN)/python tools/demo.py

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow"

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(JOBS) -m slow

fuzz: $(VENV)/.installed-dev
	ZOO_FUZZ=$(FUZZ) $(BIN)/python -m pytest -n $(JOBS) tests/foreign/test_fuzz.py \
	  tests/importers/test_damaged.py

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-dev
	$(BIN)/python tools/docs.py

family: $(VENV)/.installed-dev
	$(BIN)/python tools/family.py

curves: $(VENV)/.installed-dev
	$(BIN)/python tools/curves.py

models: $(VENV)/.installed-dev
	$(BIN)/python tools/train_models.py

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache build dist

# Each stamp is newer than what it was made from, so that nothing is installed twice.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11 to 3.13 is needed; choose one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV) || \
	  { echo "On Debian, venv is a package of its own: apt install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.installed-torch: $(VENV)/.created constraints.txt
	@echo "Installing torch ..."
	$(INSTALL) torch
	@touch $@

$(VENV)/.installed-demo: $(VENV)/.created $(INPUTS)
	@echo "Installing agent-zoo with video ..."
	$(INSTALL) --editable ".[video]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-torch $(INPUTS)
	@echo "Installing agent-zoo with all extras and the tools ..."
	$(INSTALL) --editable ".[dev]"
	@touch $@ $(VENV)/.installed-demo
