# make demo: train four recipes on handwritten digits and write runs/demo/report.html
# make test: everything that CI runs
# make docs: the documentation as a site, in build/site
# make bench: how fast it is on this processor, a table and a line of JSON for each benchmark, of at most four minutes
# EXTRAS=ci: with every extra, in the place of dev, which is what the tests of the core need
PYTHON ?= python3
EXTRAS ?= dev
BIN := .venv/bin
READY := .venv/ready-$(EXTRAS)

.PHONY: demo test quick lint docs bench clean

.venv/ready-%: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[$*]'
	touch $@

demo: $(READY)
	$(BIN)/python -m aegean compare --recipes ae,vae,gan,ae_to_gan --data digits --images 40k --out runs/demo
	@echo "open runs/demo/report.html; on your own images: $(BIN)/aegean train ae_to_gan --data FOLDER --out runs/own"

# Without bytecode each of many processes would compile all that it imports anew.
test quick: export PYTHONDONTWRITEBYTECODE =

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

quick: $(READY)
	$(BIN)/python -m pytest -m "not slow" -x -n 2 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/ready-docs
	$(BIN)/mkdocs build --quiet --strict
	@echo "open build/site/index.html; to search it, too: $(BIN)/python -m http.server --directory build/site"

bench: $(READY)
	failed=0; for name in overhead equal_quality step data scaling gradient_penalty cost; do \
		$(BIN)/python benchmarks/$$name.py || failed=1; done; exit $$failed

clean:
	rm -rf runs build .pytest_cache .mypy_cache .ruff_cache .hypothesis
