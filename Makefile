# Each target installs what it needs into the virtual environment $(VENV).
PYTHON ?= python3.11
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: help demo test test-crash test-ray test-doors test-libraries test-js test-oldest test-newest test-pickles test-threads fuzz sanitize lint doc linkcheck dist bench clean

help:
	@echo "make demo   the whole job on the docstrings of installed packages"
	@echo "make test   all tests"
	@echo "make lint   all linters: style, types, docstrings, spelling, plain English"
	@echo "make test-ray   the tests of sklux.distributed"
	@echo "make test-doors   the tests with DuckDB, LanceDB, FastAPI and MLflow"
	@echo "make test-js    the npm package against Python, in Node and in Chromium"
	@echo "make test-libraries   a student in BERTopic, KeyBERT, MTEB, LangChain, LlamaIndex"
	@echo "make test-crash   kill 200 processes that write teacher embeddings; none is lost"
	@echo "make fuzz   random inputs for all readers, for an hour (FUZZ_SECONDS=3600)"
	@echo "make sanitize   tests and fuzzers with gcc's address and thread sanitizers"
	@echo "make test-oldest, make test-newest   all tests with the oldest and newest packages"
	@echo "make dist   sdist and wheel, tried in a bare environment"
	@echo "make doc    build the pages into doc/_build/html"
	@echo "make bench  all benchmarks (7 hours; uses ../shared/data if it exists)"
	@echo "TORCH_INDEX=...  an index of torch without CUDA, for each of these on Linux"
	@echo "make clean  remove the environments and all build products"

# On Linux, pip installs torch with CUDA: 5 GB. For a build without CUDA, copy the address
# of its index from pytorch.org ("Get Started", Linux, Pip, CPU): make test TORCH_INDEX=...
# An environment that has a torch keeps it; `make clean` removes the environments.
TORCH_INDEX ?=
install_torch = $(if $(TORCH_INDEX),$(1)/bin/python -m pip install --quiet \
		--constraint constraints.txt --index-url $(TORCH_INDEX) torch)

# One stamp for each set of extras: pip runs again only if a declaration has changed.
$(VENV)/pip.stamp: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(call install_torch,$(VENV))
	touch $@

SOURCES = pyproject.toml setup.py constraints.txt \
	$(wildcard sklux/_kernels/*.pyx sklux/_kernels/*.pxd sklux/_kernels/*.h)

$(VENV)/%.stamp: $(VENV)/pip.stamp $(SOURCES)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$*]'
	touch $@

demo: $(VENV)/demo.stamp
	OMP_WAIT_POLICY=passive HF_HUB_OFFLINE=1 $(BIN)/sklux demo

# Tests use small matrices: one thread is faster than several that wait for each other.
RUN_SMALL = OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1 HF_HUB_OFFLINE=1
# All tests of a file run in one process, because they share fixtures. Files run in their
# order, in which the slow files are not last. A process takes about 2 GB.
IN_PARALLEL = -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: $(VENV)/test.stamp
	$(RUN_SMALL) $(BIN)/python -m pytest $(IN_PARALLEL)

# The oldest allowed versions and the newest released versions, in separate environments.
test-oldest:
	$(PYTHON) -m venv $(VENV)-oldest
	$(call install_torch,$(VENV)-oldest)
	$(VENV)-oldest/bin/python -m pip install --quiet --constraint constraints.txt \
		--constraint .ci/oldest.txt --editable '.[test-basic]'
	$(RUN_SMALL) $(VENV)-oldest/bin/python -m pytest $(IN_PARALLEL)

test-newest:
	$(PYTHON) -m venv $(VENV)-newest
	$(call install_torch,$(VENV)-newest)
	$(VENV)-newest/bin/python -m pip install --quiet --upgrade \
		--upgrade-strategy eager --constraint constraints.txt --editable '.[test]'
	$(RUN_SMALL) $(VENV)-newest/bin/python -m pytest $(IN_PARALLEL)

# A Ray cluster of several node processes on this machine.
test-ray:
	$(PYTHON) -m venv $(VENV)-ray
	$(call install_torch,$(VENV)-ray)
	$(VENV)-ray/bin/python -m pip install --quiet --constraint constraints.txt \
		--editable '.[test-ray]'
	$(RUN_SMALL) $(VENV)-ray/bin/python -m pytest tests/test_distributed.py

# Packages that the guide uses and the tests do not need: databases and servers.
DOORS = tests/test_duckdb.py tests/test_fastapi.py tests/test_lancedb.py \
	tests/test_mlflow.py tests/test_skops.py
test-doors:
	$(PYTHON) -m venv $(VENV)-doors
	$(call install_torch,$(VENV)-doors)
	$(VENV)-doors/bin/python -m pip install --quiet --constraint constraints.txt \
		--editable '.[test-doors]'
	$(RUN_SMALL) $(VENV)-doors/bin/python -m pytest $(DOORS)
	$(RUN_SMALL) $(VENV)-doors/bin/python -m pytest tests/test_docs.py \
		-k 'tables or serving'

# Other libraries with a student, and the recipes of the guide for them.
test-libraries:
	$(PYTHON) -m venv $(VENV)-libraries
	$(call install_torch,$(VENV)-libraries)
	$(VENV)-libraries/bin/python -m pip install --quiet --constraint constraints.txt \
		--editable '.[test-libraries]'
	$(RUN_SMALL) $(VENV)-libraries/bin/python -m pytest tests/test_topic_libraries.py \
		tests/test_embedding_libraries.py tests/test_docs.py -k 'libraries'

# Processes that write teacher embeddings are killed; no stored vector may be lost or wrong.
KILLS ?= 200
test-crash: $(VENV)/test.stamp
	$(RUN_SMALL) $(BIN)/python .ci/kill_writers.py $(KILLS)

# Another Python reads the pickles and model files of this Python, and the reverse.
OTHER ?= python3.13
test-pickles: $(VENV)/test.stamp
	$(OTHER) -m venv $(VENV)-other
	$(VENV)-other/bin/python -m pip install --quiet --constraint constraints.txt .
	$(BIN)/python .ci/pickles.py write $(VENV)-other/from-this
	cd $(VENV)-other && bin/python $(CURDIR)/.ci/pickles.py read from-this
	cd $(VENV)-other && bin/python $(CURDIR)/.ci/pickles.py write from-other
	$(BIN)/python .ci/pickles.py read $(VENV)-other/from-other

# Threads that share a model, in a free-threaded Python.
FREE ?= python3.14t
test-threads:
	$(FREE) -m venv $(VENV)-free
	$(VENV)-free/bin/python -m pip install --quiet --only-binary numpy,scipy,scikit-learn \
		joblib numpy scikit-learn scipy tqdm
	$(VENV)-free/bin/python -m pip install --quiet --no-deps .
	cd $(VENV)-free && bin/python $(CURDIR)/.ci/threads.py

# Random inputs for everything that reads what others wrote; the inputs of faults are kept
# in the folder `faults`.
FUZZ_SECONDS ?= 3600
FUZZ_OPTIONS ?=
FUZZ = -m fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_OPTIONS)
fuzz: $(VENV)/test.stamp
	PYTHONPATH=tests $(RUN_SMALL) $(BIN)/python $(FUZZ)

# The kernels with gcc's sanitizers. First they must find faults that are planted. The
# training is torch's, and tests of it are left out; so are tests of the hub, of pages and
# of other libraries, which reach no other kernels.
SANITIZED = tests/_kernels tests/_lexical tests/_utils tests/fuzz tests/test_fused.py \
	tests/test_forged_files.py tests/test_arrow.py tests/test_interop.py
# polars crashes under ThreadSanitizer, so tests import it where they need it.
THREADED = -k 'thread or threads or jobs or n_jobs or pool' tests/_kernels tests/_lexical \
	tests/_student/test_network.py tests/_utils/test_threads.py tests/test_fused.py
sanitize: $(VENV)/test.stamp
	.ci/sanitize address $(BIN)/python .ci/planted.py address 2>&1 | \
		grep 'ERROR: AddressSanitizer'
	$(RUN_SMALL) .ci/sanitize address $(BIN)/python -m pytest -q $(SANITIZED)
	$(RUN_SMALL) .ci/sanitize address $(BIN)/python $(FUZZ) --limit 200
	.ci/sanitize thread $(BIN)/python .ci/planted.py thread 2>&1 | \
		grep 'WARNING: ThreadSanitizer'
	$(RUN_SMALL) .ci/sanitize thread $(BIN)/python -m pytest -q $(THREADED)
	$(RUN_SMALL) .ci/sanitize thread $(BIN)/python .ci/threads.py 5

# The npm package, with node and npm of this machine. Without a Chromium (CHROME names one)
# the tests of the page are skipped.
test-js: $(VENV)/test.stamp
	$(RUN_SMALL) $(BIN)/python js/test/write_cases.py js/test/cases
	node --test js/test/*.test.js

# The source distribution, a wheel built from it, and a test of the wheel in a bare
# environment.
dist: $(VENV)/pip.stamp
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build --outdir dist .
	$(PYTHON) -m venv --clear $(VENV)-dist
	$(VENV)-dist/bin/python -m pip install --quiet dist/*.whl
	cd $(VENV)-dist && bin/python $(CURDIR)/.ci/use_wheel.py

lint: $(VENV)/test.stamp $(VENV)/lint.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(abspath $(BIN)):$$PATH" cython-lint sklux/_kernels
	$(BIN)/numpydoc lint $$(git ls-files 'sklux/*.py')
	$(BIN)/mypy
	$(BIN)/codespell $$(git ls-files)
	$(BIN)/python .ci/prose.py
	$(BIN)/python .ci/bodies.py $$(git ls-files 'sklux/*.py' 'benchmarks/*.py' '.ci/*.py')

# Warnings are errors. The build runs the examples, offline.
doc: $(VENV)/doc.stamp
	$(RUN_SMALL) $(BIN)/python -m sphinx -W --keep-going -b html doc doc/_build/html

linkcheck: $(VENV)/doc.stamp
	HF_HUB_OFFLINE=1 $(BIN)/python -m sphinx -b linkcheck doc doc/_build/linkcheck

bench: $(VENV)/benchmark.stamp
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_import.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_collisions.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_quality.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_training.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_windows.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_halves.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_update.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_labels.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_explain.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_cluster_terms.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_alignment.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_memory.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_teacher.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_scale.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_index.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_speed.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_encode.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_levers.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_lexical.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench_javascript.py
	$(BIN)/python benchmarks/bench_languages.py
	$(BIN)/python benchmarks/plot_quality_speed.py

clean:
	rm -rf $(VENV) $(VENV)-* build dist *.egg-info doc/_build doc/auto_examples doc/api/generated \
		doc/api/examples doc/sg_execution_times.rst js/test/cases sklux/_kernels/*.c sklux/_kernels/*.so
