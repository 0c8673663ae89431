# Every target sets up .venv first, if it is missing or out of date.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_INPUT = 1
export NO_MKDOCS_2_WARNING = 1
export PYTHONDONTWRITEBYTECODE = # off: otherwise every process compiles the package and the tests anew

.PHONY: train test fast check docs benchmark

train: $(INSTALLED)
	$(BIN)/python -m ganexp.train model=vanilla

test: fast
	$(BIN)/python -m pytest -m slow -n auto --maxprocesses=4 --dist=loadgroup

fast: $(INSTALLED)
	$(BIN)/python -m pytest -m "not slow" -n auto --maxprocesses=4 --dist=loadfile

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python

docs: $(INSTALLED)
	$(BIN)/mkdocs build

benchmark: $(INSTALLED)
	$(BIN)/python -m benchmarks.speed

$(INSTALLED): pyproject.toml requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -r requirements.txt -e .
	touch $@
