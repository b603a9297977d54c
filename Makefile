# Everything a contributor does. `make` lists it. The set-up is part of each target
# that needs it, and is quick when there is nothing to do.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.NOTPARALLEL:

export R_LIBS := $(CURDIR)/.Rlib$(if $(R_LIBS),:$(R_LIBS))
export RETICULATE_PYTHON := $(CURDIR)/.venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export DATA # for tools/demo.R: as it is, spaces and all

# R has trouble with class names and quotes where the locale knows ASCII alone, and
# Python with a checkout whose path has other letters.
ifneq ($(shell locale charmap 2>/dev/null),UTF-8)
export LC_ALL := C.UTF-8
endif

# What the user has set for other projects would bring other packages in.
unexport PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_USER

# The local version keeps pip from the build with CUDA, which takes gigabytes; its
# wheels are at PyTorch's own index (PIP_EXTRA_INDEX_URL) or in PIP_FIND_LINKS.
TORCH := torch==2.13.0+cpu

# What maps of classifiers are compared with, under torch.
PEERS := captum grad-cam ttach tqdm

ARTICLE := $(patsubst vignettes/%.Rmd.orig,%,$(wildcard vignettes/*.Rmd.orig))

# Most tests compile or trace, which one thread does: on two cores, two processes of one
# thread each take little more than half of the time that one of two threads takes.
in_two := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
halves := -n 2 --dist worksteal
quick = $(if $(RETICNN_QUICK_TESTS),-m "not slow")
room = $(if $(ROOM),$(wildcard tests/python/test_$(ROOM).py tests/python/test_$(ROOM)_*.py))
side_by_side := MAKE="$(MAKE)" tools/side-by-side.sh

# Of `make relations` and `make torture`.
SECONDS ?= 600
SEED ?= 1

python := .venv/bin/python
python_code := $(wildcard python tests/python benchmarks tools)

help: ## List the targets
	@echo "make TARGET [PYTHON=interpreter to use]"
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' Makefile | while read -r target what; do \
	    printf '  %-14s %s\n' "$$target" "$$what"; \
	done

setup: setup-package ## Set up Python and R; the other targets do the parts they need
	@echo "Set-up: done"

setup-python:
	@tools/setup-python.sh .venv

setup-r:
	@tools/setup-r.sh

# R's side is seen to where Python's fails as well: what is missing is said at once.
setup-package:
	@failed=""; \
	tools/setup-python.sh .venv || failed=yes; \
	tools/setup-r.sh || failed=yes; \
	[ -z "$$failed" ]
	@tools/install-package.sh

demo: setup-package ## Train a CNN from R and use it; DATA=folder uses your own images
	@Rscript tools/demo.R

check: export RETICNN_QUICK_TESTS := yes
check: setup-package ## Run the quick round: lint, and the tests that are not slow; ROOM=name for one room
	@$(side_by_side) "lint test-python" "test-r"

test: setup-package ## Run all checks: lint, test-python, test-r, vignettes, check-r
	@rm -rf .test-results
	@failed=""; \
	$(side_by_side) "lint test-python" "test-r vignettes check-r" || failed=yes; \
	$(python) tools/count_tests.py .test-results/pytest.xml .test-results/testthat.xml; \
	[ -z "$$failed" ]

lint: setup-python ## Check the style of the Python code
	@$(python) -m ruff check $(python_code)
	@$(python) -m ruff format --check $(python_code)

test-python: setup-python ## Run the core's tests; ROOM=name for one room's
	@if [ -n "$(ROOM)" ] && [ -z "$(room)" ]; then \
	    echo "There are no Python tests of $(ROOM)"; \
	else \
	    $(in_two) $(python) -m pytest $(halves) $(quick) \
	        --junitxml=.test-results/pytest.xml $(room); \
	fi

relations: setup-python ## Search for combinations in which a relation breaks, SECONDS=600 long from SEED=1 on
	@$(in_two) PYTHONPATH=tests/python TF_CPP_MIN_LOG_LEVEL=3 $(python) -m relations \
	    $(SECONDS) $(SEED)

exports: setup-python ## Compare every landmark and backbone with its ONNX graph; ONLY=part of a name for some
	@$(in_two) PYTHONPATH=tests/python TF_CPP_MIN_LOG_LEVEL=3 $(python) -m exports $(ONLY)

torture: setup-package ## Do harm of every kind, SECONDS=600 long from SEED=1 on, and print what fell
	@$(in_two) PYTHONPATH=tests/python TF_CPP_MIN_LOG_LEVEL=3 $(python) -m torture \
	    $(SECONDS) $(SEED)

test-r: setup-package ## Run the R package's tests, with Python; ROOM=name for one room's
	@$(in_two) Rscript tools/test-r.R $(ROOM)

check-r: setup-r ## Run R CMD check as CRAN does it, without Python
	@tools/check-r.sh

# Keras's private attributes are what a release may take away: their tests come first.
test-lowest test-latest: test-%:
	@tools/setup-python.sh --$* .venv-$*
	@$(in_two) .venv-$*/bin/python -m pytest tests/python/test_runtime_keras_internals.py
	@$(in_two) .venv-$*/bin/python -m pytest $(halves) -m "not slow"

test-lowest: ## Run the core's quick tests with the oldest versions supported
test-latest: ## Run the core's quick tests with the newest Keras and TensorFlow, pre-releases too

test-backends: setup-package ## Run the core's tests under JAX and torch, and the workshop's scripts from R
	@tools/setup-python.sh .venv-backends jax "$(TORCH)"
	@# Without what they ask for: a torch with CUDA, and an OpenCV beside ours.
	@.venv-backends/bin/python -m pip install --quiet --no-deps $(PEERS)
	@failed=""; \
	for backend in jax torch; do \
	    echo "== $$backend"; \
	    $(in_two) KERAS_BACKEND=$$backend .venv-backends/bin/python -m pytest $(halves) || \
	        failed="$$failed $$backend"; \
	    $(in_two) KERAS_BACKEND=$$backend \
	        RETICULATE_PYTHON=$(CURDIR)/.venv-backends/bin/python \
	        Rscript tools/test-r.R workshop || failed="$$failed $$backend-from-R"; \
	done; \
	[ -z "$$failed" ] || { echo "Failed:$$failed"; exit 1; }

audit: setup-python ## Check what is installed against published advisories; skipped without a network
	@tools/audit.sh

bench: setup-package ## Run the benchmarks: tables of ratios
	@for file in $(sort $(wildcard benchmarks/[!_]*.py)); do \
	    echo "== $$file"; \
	    $(python) "$$file"; \
	done
	@for file in $(sort $(wildcard benchmarks/[!_]*.R)); do \
	    echo "== $$file"; \
	    Rscript "$$file"; \
	done

articles: setup-package ## Knit the pages that are knitted ahead (16 minutes); ARTICLE=name for one
	@for name in $(ARTICLE); do echo "== $$name"; Rscript tools/articles.R "$$name"; done

vignettes: setup-package ## Build the vignettes, running their code, into doc/
	@Rscript tools/vignettes.R

site: setup-package ## Build the website into docs/, without internet access
	@tools/setup-r.sh pkgdown
	@Rscript tools/site.R

slides: setup-package ## Build the slides of a session into doc/slides.html, without internet access
	@Rscript tools/slides.R

teaching: setup-python ## Make the exercises and notebooks of the kit from tools/teaching/exercises.md
	@$(python) tools/teaching.py

document: setup-r ## Write man/ and NAMESPACE from the comments in R/ and the core's docstrings
	@Rscript -e 'roxygen2::roxygenise()'

clean: ## Delete everything that was built here, including the environments
	rm -rf .venv .venv-lowest .venv-latest .venv-backends .venv-audit .Rlib .logs .test-results demo-output doc docs
	rm -rf .pytest_cache .ruff_cache .hypothesis
	find python tests benchmarks tools -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help setup setup-python setup-r setup-package demo check test lint test-python \
    relations exports torture test-r check-r test-lowest test-latest test-backends audit bench \
    articles vignettes site slides teaching document clean
