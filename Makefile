# make demo: train four recipes on handwritten digits and write runs/demo/report.html
# make test: everything that CI runs
# make bench: how fast it is on this processor, a table and a line of JSON for each benchmark
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test quick lint bench clean

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/ready
	$(BIN)/python -m aegean compare --recipes ae,vae,gan,ae_to_gan --data digits --images 40k --out runs/demo
	@echo "open runs/demo/report.html"

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

quick: .venv/ready
	$(BIN)/python -m pytest -m "not slow" -x

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/ready
	for name in step overhead data scaling slopes cost; do $(BIN)/python benchmarks/$$name.py || exit 1; done

clean:
	rm -rf runs build .pytest_cache .mypy_cache .ruff_cache .hypothesis
