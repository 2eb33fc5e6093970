# The two that matter: `make train` and `make test`. They need git, make and Python 3.11 or later, nothing else.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
PARTS := -e ".[plot,fast,export,dask,sweep,serve]" --group dev --group docs
FROZEN := build/constraints
PIP := -m pip install --quiet --disable-pip-version-check

# Installs the package for development by the Python of a folder. Python 3.11 and 3.12 come with a pip that knows no groups.
install = $(1)/python $(PIP) 'pip>=25.1' && $(1)/python $(PIP) $(PARTS)

# The run of `make train` carries a checksum of its experiment in its name, so that an edited experiment gets a new
# run, while an unchanged one is found again: resumed if it was interrupted, only shown if it is done.
EXPERIMENT := experiments/mlp.yaml
RUN := runs/mlp/make-$(firstword $(shell cat $(EXPERIMENT) $(wildcard experiments/base/*.yaml) | cksum))

.DELETE_ON_ERROR:
.PHONY: help setup train reproduce benchmark alternatives pictures drawn test slow torture fuzz check release-check format docs constraints clean

define HELP
make setup        build .venv with everything but the GPU library; again only when dependencies change
make train        train $(EXPERIMENT) on MNIST, then measure it on the test split
make reproduce    train what experiments/quick.txt lists; renew experiments/results, RESULTS.md and pages
make test         the tests that take seconds
make slow         the tests that take minutes
make torture      every call to the disk failed in every way, hundreds of kills; prints the counts (KILLS=40, times 8)
make fuzz         damaged files of every format that is read; prints the counts (FUZZ=10000 of each, SEED=0)
make check        format, lint, types and tests: what CI runs
make alternatives train gradient descent and its alternatives for 150 passes each; draw docs/pictures/alternatives.svg
make pictures     train what README shows, and draw all pictures in docs/ (needs chromium and chromedriver)
make drawn        of these, only those of the page "Draw a digit", with a model of each kind
make release-check build a release, install it by pip, uv and pipx, and use it outside of the checkout
make format       rewrite the sources in the project's format
make docs         renew pages that are made, and build the documentation in build/docs/html; as one page, in build/docs/page
make benchmark    time training beside PyTorch, JAX and scikit-learn; renew BENCHMARKS.md (DEVICE=cuda: on a GPU)
make constraints  renew constraints.txt from the newest versions that pyproject.toml allows
make clean        remove .venv, builds and tool caches; runs and data stay

PYTHON=python3.12 chooses the Python that .venv is built from.
endef

help:
	$(info $(HELP))
	@:

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) > /dev/null || { echo "error: no $(PYTHON) found; mnistnn needs Python 3.11 or later" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("error: mnistnn needs Python 3.11 or later, and $(PYTHON) is " + sys.version.split()[0] + "; try make setup PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(call install,$(BIN)) -c constraints.txt
	@touch $@

train: $(RUN)/.evaluated
	$(BIN)/mnistnn show $(RUN)
	@echo 'next, after `. .venv/bin/activate`: mnistnn ls, mnistnn inspect errors latest, mnistnn --help'

$(RUN)/.evaluated: | $(INSTALLED)
	$(BIN)/mnistnn train $(EXPERIMENT) --run-dir $(RUN) --resume auto
	$(BIN)/mnistnn eval $(RUN) --expect
	@touch $@

reproduce: | $(INSTALLED)
	$(BIN)/mnistnn reproduce quick
	$(BIN)/python docs/generate.py

# A worker for each core, so none needs more than one BLAS thread. Tests begin hundreds of processes, which would compile
# every module anew where the environment forbids to keep what Python has compiled.
test: $(INSTALLED)
	PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n auto

slow: $(INSTALLED)
	$(BIN)/pytest -m slow

# The peers have an environment of their own.
DEVICE ?= cpu
PEERS := build/peers
$(PEERS)/.installed: Makefile
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python $(PIP) torch==2.13.0 jax scikit-learn numpy
	@touch $@

benchmark: $(INSTALLED) $(PEERS)/.installed
ifeq ($(DEVICE),cuda)
	$(BIN)/python $(PIP) -e ".[cuda]" -c constraints.txt
endif
	$(BIN)/mnistnn bench --device $(DEVICE) --peers $(PEERS)/bin/python --page

# Dropout against none on few digits, with three seeds each, one net on all digits, a machine, two autoencoders, and
# what reads sequences: about ten minutes.
SHOWN := build/pictures
SHOW := $(BIN)/mnistnn train --runs $(SHOWN)/runs -q
pictures: | $(INSTALLED)
	$(BIN)/python docs/browser.py
	rm -rf $(SHOWN)
	$(BIN)/python docs/generate.py
	$(BIN)/mnistnn reproduce history --table-only --out docs/pictures/history.svg --force
	$(BIN)/mnistnn plot --surface bowl --steps 40 --out docs/pictures/bowl.svg --force \
		--rule 'sgd learning_rate=0.18' --rule 'momentum learning_rate=0.02' --rule 'adam learning_rate=0.2'
	$(SHOW) experiments/course/few_digits.yaml --seeds 0..2 evaluation.train_error=true
	$(SHOW) experiments/course/few_digits_dropout.yaml --seeds 0..2 evaluation.train_error=true
	$(BIN)/mnistnn plot $(SHOWN)/runs --metric train.error --metric valid.error --out docs/pictures/curves.svg --force
	$(BIN)/mnistnn report $(SHOWN)/runs --out $(SHOWN)/report.html
	$(BIN)/python docs/screenshot.py $(SHOWN)/report.html docs/pictures/report.png 1100 1150
	$(BIN)/python docs/screenshot.py $(SHOWN)/report.html docs/pictures/report-dark.png 400 1150 dark
	$(BIN)/python docs/page_pictures.py $(SHOWN)/runs docs/pictures/page
	$(SHOW) experiments/mlp.yaml --epochs 10 penalties.l2.strength=1e-4 'model.layers.hidden.init={type: normal, std: 0.001}'
	$(BIN)/mnistnn inspect errors latest --runs $(SHOWN)/runs --count 20 --out docs/pictures/errors.png --force
	$(BIN)/mnistnn inspect filters latest --runs $(SHOWN)/runs --count 60 --out docs/pictures/filters.png --force
	$(SHOW) experiments/rbm.yaml
	$(BIN)/mnistnn sample latest --runs $(SHOWN)/runs --every 200 --out docs/pictures/samples.png --force
	$(BIN)/mnistnn sample latest --runs $(SHOWN)/runs --steps 60 --every 20 --clamp top --out docs/pictures/completed.png --force
	$(SHOW) experiments/lisa/da_30.yaml
	$(BIN)/mnistnn sample latest --runs $(SHOWN)/runs --reconstruct --out docs/pictures/denoised.png --force
	$(BIN)/mnistnn inspect filters latest --runs $(SHOWN)/runs --count 40 --scale each --out docs/pictures/filters-da-30.png --force
	$(SHOW) experiments/lisa/da.yaml
	$(BIN)/mnistnn inspect filters latest --runs $(SHOWN)/runs --count 40 --scale each --out docs/pictures/filters-da.png --force
	$(SHOW) experiments/sequences/wave.yaml
	$(BIN)/mnistnn inspect forecast latest --runs $(SHOWN)/runs --out docs/pictures/forecast.svg --force
	$(SHOW) experiments/sequences/adding_lstm.yaml
	$(SHOW) experiments/sequences/adding_simple.yaml
	$(BIN)/mnistnn plot $(SHOWN)/runs/sequences-adding-* --metric valid.loss --log --out docs/pictures/adding.svg --force

	$(MAKE) drawn

# The page "Draw a digit", for each kind of model, most of them trained for a moment only: three minutes of the above.
DRAWN := $(SHOWN)/drawn
DRAW := $(BIN)/mnistnn train -q
drawn: | $(INSTALLED)
	$(BIN)/python docs/browser.py
	rm -rf $(DRAWN)
	$(DRAW) experiments/cnn.yaml --epochs 1 --run-dir $(DRAWN)/cnn
	$(DRAW) experiments/mlp.yaml --epochs 3 --run-dir $(DRAWN)/dense
	$(DRAW) experiments/parts/batch_norm.yaml --run-dir $(DRAWN)/batch-norm
	$(DRAW) experiments/lstm.yaml --epochs 1 --run-dir $(DRAWN)/lstm
	$(DRAW) experiments/parts/gru.yaml --run-dir $(DRAWN)/gru
	$(DRAW) experiments/rbm.yaml --epochs 2 --run-dir $(DRAWN)/rbm
	$(DRAW) experiments/boltzmann/digits_visible.yaml --epochs 1 --run-dir $(DRAWN)/boltzmann
	$(DRAW) experiments/lisa/da_30.yaml --epochs 1 --run-dir $(DRAWN)/autoencoder
	$(DRAW) experiments/history/knn.yaml --run-dir $(DRAWN)/neighbours
	$(DRAW) experiments/history/svm.yaml data.validation_examples=50000 --run-dir $(DRAWN)/machines
	$(DRAW) experiments/history/stumps.yaml model.max_rounds=100 --run-dir $(DRAWN)/stumps
	$(DRAW) experiments/committee_of_three.yaml --run-dir $(DRAWN)/committee
	$(DRAW) experiments/history/pairwise_linear.yaml --run-dir $(DRAWN)/linear
	$(DRAW) experiments/history/quadratic_discriminant.yaml preprocess=[] --run-dir $(DRAWN)/gaussians
	$(BIN)/python docs/draw_pictures.py $(DRAWN) docs/pictures/page

# The same net for equally many passes over the digits, whatever an optimizer does in a pass; on a machine that does nothing else.
COMPARED := gradient_descent sgd conjugate_gradient l_bfgs l_bfgs_mini_batches hessian_free
alternatives: | $(INSTALLED)
	rm -rf build/alternatives
	for name in $(COMPARED); do $(BIN)/mnistnn train experiments/alternatives/$$name.yaml --runs build/alternatives -q || exit 1; done
	$(BIN)/mnistnn plot build/alternatives --metric train.loss --metric valid.error --x passes --x seconds --log \
		--out docs/pictures/alternatives.svg --force

# What `make test` has in small.
torture: $(INSTALLED)
	OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n auto -m torture tests/faults

fuzz: $(INSTALLED)
	OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n auto -m fuzz tests/faults

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

# In environments of its own, by the packages that users would get today.
release-check:
	$(PYTHON) .ci/release_check.py

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Warnings are errors, and links that lead nowhere are warnings. Sphinx comes with the dependency group docs.
SPHINX := $(BIN)/python -m sphinx -W --keep-going -n -q
docs: $(INSTALLED)
	$(BIN)/python docs/generate.py
	$(SPHINX) -b html docs build/docs/html
	$(SPHINX) -b singlehtml docs build/docs/page
	@echo build/docs/html/index.html

# A fresh environment, so that nothing installed by hand slips in.
constraints:
	$(PYTHON) -m venv --clear $(FROZEN)
	$(call install,$(FROZEN)/bin)
	{ grep '^#' constraints.txt; $(FROZEN)/bin/python -m pip freeze --exclude-editable; } > $(FROZEN)/constraints.txt
	mv $(FROZEN)/constraints.txt constraints.txt

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
