# `make demo` trains and evaluates a network; `make test` runs every check. Both make what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MNIST ?=
DEMO_FLAGS ?=
# The compiler of CUDA, which the extra `dev` installs: Rust tests look for it there.
NVRTC = $(wildcard $(VENV)/lib/python*/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12)
WHEELS ?=

.PHONY: help setup build demo test test-rust test-python lint bench gpu-check clean

help:
	@echo "make demo   train a network on scikit-learn's digits (MNIST=path/to/mnist.npz for MNIST)"
	@echo "make test   all checks: lints, Rust tests, Python tests"
	@echo "make lint   lints only: rustfmt, clippy, ruff, mypy"
	@echo "make bench  benchmarks, one JSON line each"
	@echo "make gpu-check  checks and benchmarks on a GPU (WHEELS=folder installs from there first)"
	@echo "make clean  remove everything that was built"

$(VENV)/made: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet "maturin>=1.9,<2"
	touch $@

# maturin compares sources itself, so that a second build is quick.
setup: $(VENV)/made

build: setup
	$(BIN)/maturin develop --release --quiet --extras dev,demo

demo: build
	$(BIN)/python examples/latency_mnist.py --save output/weights --plot output/latency_mnist.png \
		$(if $(MNIST),--mnist $(MNIST)) $(DEMO_FLAGS)

test: lint test-rust test-python

lint: build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(BIN)/ruff check python tests examples benchmarks
	$(BIN)/ruff format --check python tests examples benchmarks
	$(BIN)/mypy

# The seed makes property tests repeatable; leave it out to look for new cases.
test-rust:
	PROPTEST_RNG_SEED=1 cargo test --workspace --locked --quiet
	MLGENN_NVRTC=$(firstword $(NVRTC)) cargo test --locked --quiet -p mlgenn-cuda --test nvrtc

test-python: build
	$(BIN)/pytest

bench: build
	$(BIN)/python benchmarks/run.py

# On a machine with a GPU: checks what is installed beside $(PYTHON), or the wheels in $(WHEELS).
gpu-check:
	$(PYTHON) benchmarks/gpu_check.py $(if $(WHEELS),--wheels $(WHEELS))

clean:
	rm -rf target $(VENV) python/mlgenn_rs/*.so output
