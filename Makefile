# Each target installs what it needs into the virtual environment $(VENV).
PYTHON ?= python3.11
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: help demo test test-crash test-interrupt soak fuzz sanitize test-ray test-doors \
	test-libraries test-js test-oldest test-newest test-pickles test-threads test-flaky \
	coverage mutants audit lint doc linkcheck dist bench clean

help:
	@echo "make demo   the whole job on the docstrings of installed packages"
	@echo "make test   all tests"
	@echo "make lint   all linters: style, types, docstrings, spelling, plain English"
	@echo "make test-ray   the tests of sklux.distributed"
	@echo "make test-doors   the tests with DuckDB, LanceDB, FastAPI and MLflow"
	@echo "make test-js    the npm package against Python, in Node and in Chromium"
	@echo "make test-libraries   a student in BERTopic, KeyBERT, MTEB, LangChain, LlamaIndex"
	@echo "make test-crash   kill processes that write, and flip bits; nothing is lost or wrong"
	@echo "make test-flaky   all tests ten times, each time in another order"
	@echo "make coverage   branches of Python and lines of Cython that tests reach"
	@echo "make mutants   changes of the library that no test notices"
	@echo "make audit   known vulnerabilities of the dependencies"
	@echo "make test-interrupt   stop fit, transform and embed 300 times by Ctrl-C"
	@echo "make soak MINUTES=60   eight threads use models in all ways for an hour"
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

# Branches of Python and lines of Cython that tests reach. Kernels that report their lines
# are compiled in a copy of the tree; they are slow, so fewer tests run with them, with
# fewer examples of hypothesis.
COVERED = $(abspath $(VENV))-coverage
KERNEL_TESTS = tests/_kernels tests/_lexical tests/test_fused.py \
	tests/_student/test_network.py tests/_student/test_first_layer.py
COVERAGE = $(abspath $(BIN))/coverage
# Their processes may not write files, and so cannot write what they have reached.
UNCOVERED = --deselect tests/_commands/test_embed_folder.py::test_embed_folder_without_space \
	--deselect tests/_teacher/test_cache_faults.py::test_a_quota_ends_with_an_error
coverage: $(VENV)/test.stamp
	rm -rf $(COVERED)
	mkdir -p $(COVERED)/tree
	$(RUN_SMALL) COVERAGE_FILE=$(COVERED)/python $(COVERAGE) run -m pytest $(IN_PARALLEL) \
		$(UNCOVERED)
	COVERAGE_FILE=$(COVERED)/python $(COVERAGE) combine --quiet
	git ls-files -z | tar --null --files-from - --create | tar --extract -C $(COVERED)/tree
	cd $(COVERED)/tree && SKLUX_TRACE_CYTHON=1 $(abspath $(BIN))/python setup.py \
		--quiet build_ext --inplace
	cd $(COVERED)/tree && $(RUN_SMALL) PYTHONPATH=$(COVERED)/tree:$(COVERED)/tree/.ci $(COVERAGE) run \
		--rcfile .ci/kernels.coveragerc -m pytest -p few_examples \
		-k 'not every_character and not megabytes and not million' $(KERNEL_TESTS)
	COVERAGE_FILE=$(COVERED)/python $(COVERAGE) report
	COVERAGE_FILE=$(COVERED)/python $(COVERAGE) json --quiet -o $(COVERED)/python.json
	$(BIN)/python .ci/branches.py $(COVERED)/python.json 95
	cd $(COVERED)/tree && $(COVERAGE) report --rcfile .ci/kernels.coveragerc --fail-under 90

# Small changes of the modules that setup.cfg lists, each with the tests that run it.
# doc/internals.md has the changes that no test can notice.
mutants: $(VENV)/mutants.stamp
	rm -rf mutants
	$(RUN_SMALL) $(BIN)/mutmut run
	$(BIN)/mutmut results

# All tests ten times, in an order that each time is another one. A test that fails once is
# a fault: `make test-flaky TIMES=1 SEED=...` repeats an order.
TIMES ?= 10
SEED ?= $(shell date +%s)
TESTS ?=
test-flaky: $(VENV)/test.stamp
	for time in $$(seq $(TIMES)); do \
		seed=$$(($(SEED) + time - 1)); \
		echo "order $$seed"; \
		$(RUN_SMALL) $(BIN)/python -m pytest $(IN_PARALLEL) --random-order \
			--random-order-bucket=module --random-order-seed=$$seed $(TESTS) || exit 1; \
	done

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
	$(RUN_SMALL) $(BIN)/python .ci/kill_saves.py $(KILLS)
	$(RUN_SMALL) $(BIN)/python .ci/flip_bits.py $(FLIPS)

# Each of fit, transform and `sklux embed` is stopped so often by Ctrl-C.
STOPS ?= 100
test-interrupt: $(VENV)/test.stamp
	$(RUN_SMALL) $(BIN)/python .ci/interrupt.py $(STOPS)

# Threads and processes use models in all ways at once. For a free-threaded Python:
# make test-threads soak SOAK_PYTHON=.venv-free/bin/python
MINUTES ?= 60
SOAK_PYTHON ?= $(BIN)/python
soak: $(VENV)/test.stamp
	$(RUN_SMALL) $(SOAK_PYTHON) .ci/soak.py $(MINUTES)

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

# The kernels with gcc's sanitizers. First they must find faults that are planted. Left out
# are tests that train, because torch's kernels take the time, and tests of the teacher, the
# hub, pages and other libraries, which reach no other kernels. A panic of the tokenizers
# library ends a process that has an address sanitizer, whose memory has no limit, either.
SANITIZED = tests/_kernels tests/_lexical tests/_utils tests/fuzz tests/test_arrow.py \
	tests/test_forged_files.py tests/test_fused.py tests/test_interop.py \
	tests/test_numerics.py tests/test_quantize.py tests/_student/test_first_layer.py \
	tests/_student/test_network.py
# polars crashes under ThreadSanitizer, so tests import it where they need it. A fork of a
# process with threads cannot start threads under it.
THREADED = -k '(thread or threads or jobs or n_jobs or pool) and not fork' \
	tests/_kernels tests/_lexical \
	tests/_student/test_network.py tests/_utils/test_threads.py tests/test_fused.py \
	tests/test_refits.py
sanitize: $(VENV)/test.stamp
	.ci/sanitize address $(BIN)/python .ci/planted.py address 2>&1 | \
		grep 'ERROR: AddressSanitizer'
	.ci/sanitize address $(BIN)/python .ci/planted.py undefined 2>&1 | \
		grep 'runtime error: .* misaligned address'
	$(RUN_SMALL) .ci/sanitize address $(BIN)/python -m pytest -q -k 'not panic' --deselect \
		'tests/fuzz/test_fuzz.py::test_fuzz_driver_finds_faults[bytearray(2**30)]' $(SANITIZED)
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

# Known vulnerabilities of the newest versions of all packages that users, tests and linters
# install. `--strict` fails if a package could not be looked up.
AUDITED = .[benchmark,doc,lint,ray,test]
audit:
	$(PYTHON) -m venv --clear $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet --upgrade pip pip-audit
	$(VENV)-audit/bin/python -m pip install --quiet --dry-run --ignore-installed \
		--constraint constraints.txt --report $(VENV)-audit/report.json '$(AUDITED)'
	$(VENV)-audit/bin/python -c 'import json; print(*( \
		"{name}=={version}".format(**package["metadata"]) \
		for package in json.load(open("$(VENV)-audit/report.json"))["install"] \
		if package["metadata"]["name"] != "sklux"), sep="\n")' > $(VENV)-audit/packages.txt
	$(VENV)-audit/bin/pip-audit --strict --no-deps --disable-pip \
		--requirement $(VENV)-audit/packages.txt

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
	$(BIN)/python benchmarks/bench_map.py
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
	rm -rf $(VENV) $(VENV)-* build dist mutants *.egg-info doc/_build doc/auto_examples doc/api/generated \
		doc/api/examples doc/sg_execution_times.rst js/test/cases sklux/_kernels/*.c sklux/_kernels/*.so
