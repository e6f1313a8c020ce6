"""Who may import whom, and what may never be imported early."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sklux

PACKAGE = Path(sklux.__file__).parent

# Room -> rooms it may import. Arrows only go down: a room imports rooms that
# stand below it. `cli`, `_commands`, `_demo` and `interop` are doors.
ALLOWED = {
    "__init__": {
        "_lexical",
        "_plot",
        "_plot_map",
        "_plot_quality",
        "_projection",
        "_teacher",
        "_vectorizer",
        "datasets",
        "interop",
        "metrics",
    },
    "cli": {"_commands", "_optional"},
    "_commands": {"_demo", "_jobs"},
    "_jobs": {
        "_document_files",
        "_fit_report",
        "_taught",
        "_teacher",
        "_vector_cache",
        "_vector_files",
        "_vectorizer",
        "metrics",
    },
    "_document_files": {"_optional"},
    "_vector_files": {"_optional", "_persistence"},
    "_demo": {
        "_jobs",
        "_lexical",
        "_optional",
        "_teacher",
        "_vectorizer",
        "datasets",
        "metrics",
    },
    "datasets": set(),
    "interop": {
        "_analysis",
        "_kernels",
        "_lexical",
        "_lexical_state",
        "_persistence",
        "_projection",
        "_subword",
        "_token_streams",
        "_vectorizer",
    },
    "metrics": {"_documents", "_similarity", "_typing"},
    "_plot": {"_drawing", "_optional", "_projection", "_vectorizer"},
    "_plot_map": {"_documents", "_drawing", "_optional", "_similarity"},
    "_plot_quality": {"_drawing", "_optional", "_similarity"},
    "_drawing": {"_optional"},
    "_vectorizer": {
        "_callbacks",
        "_documents",
        "_embedding",
        "_fit_arguments",
        "_fit_report",
        "_html",
        "_lexical",
        "_lexical_state",
        "_network",
        "_persistence",
        "_progress",
        "_projection",
        "_projection_state",
        "_settings",
        "_similarity",
        "_taught",
        "_taught_terms",
        "_teacher",
        "_teacher_words",
        "_text_buffers",
        "_warnings",
    },
    "_teacher_words": set(),
    "_settings": set(),
    "_progress": set(),
    "_warnings": set(),
    "_embedding": {
        "_kernels",
        "_network",
        "_term_matrix",
        "_term_reader",
        "_text_buffers",
        "_threads",
        "_token_streams",
    },
    "_projection_state": {
        "_fit_report",
        "_memory",
        "_network",
        "_persistence",
        "_projection",
    },
    "_projection": {
        "_auto",
        "_callbacks",
        "_fit_arguments",
        "_fit_report",
        "_held_out",
        "_html",
        "_initialization",
        "_latent",
        "_network",
        "_optional",
        "_progress",
        "_settings",
        "_similarity",
        "_targets",
        "_threads",
        "_training",
        "_typing",
        "_untaught",
        "_warnings",
    },
    "_auto": set(),
    "_callbacks": set(),
    "_fit_arguments": {"_network", "_taught", "_typing"},
    "_held_out": set(),
    "_fit_report": {"_similarity"},
    "_html": set(),
    "_training": {
        "_callbacks",
        "_first_layer",
        "_kernels",
        "_losses",
        "_network",
        "_similarity",
        "_threads",
        "_warnings",
    },
    "_losses": set(),
    "_first_layer": {"_kernels", "_threads"},
    "_initialization": {"_products", "_ridge", "_similarity", "_taught_terms"},
    "_ridge": {"_orthonormal", "_products", "_similarity"},
    "_targets": {"_similarity"},
    "_untaught": {"_products", "_ridge", "_similarity", "_taught_terms"},
    "_taught_terms": {"_products", "_similarity"},
    "_latent": {"_orthonormal", "_products", "_similarity"},
    "_orthonormal": {"_similarity"},
    "_products": {"_kernels", "_threads"},
    "_network": {"_kernels", "_memory", "_threads"},
    "_teacher": {
        "_documents",
        "_html",
        "_identity",
        "_optional",
        "_taught",
        "_teacher_words",
        "_vector_cache",
        "_windows",
    },
    "_taught": {"_similarity"},
    "_identity": set(),
    "_vector_cache": set(),
    "_windows": set(),
    "_lexical_state": {
        "_kernels",
        "_lexical",
        "_persistence",
        "_subword",
        "_text_rules",
        "_token_streams",
    },
    "_lexical": {
        "_analysis",
        "_corpus_terms",
        "_documents",
        "_html",
        "_kernels",
        "_settings",
        "_subword",
        "_term_matrix",
        "_term_reader",
        "_text_buffers",
        "_threads",
        "_token_streams",
    },
    "_analysis": {
        "_kernels",
        "_subword",
        "_text_buffers",
        "_text_rules",
        "_token_streams",
    },
    "_subword": {
        "_kernels",
        "_optional",
        "_text_buffers",
        "_text_rules",
        "_token_streams",
    },
    "_corpus_terms": {"_kernels", "_threads", "_token_streams"},
    "_term_matrix": {"_kernels", "_threads", "_token_streams"},
    "_token_streams": {"_kernels", "_text_buffers", "_threads"},
    "_text_rules": {"_kernels"},
    "_text_buffers": {"_documents", "_kernels"},
    "_term_reader": {"_kernels", "_text_buffers", "_threads", "_token_streams"},
    "_persistence": {"_memory"},
    "_memory": set(),
    "_documents": set(),
    "_optional": set(),
    "_similarity": set(),
    "_threads": set(),
    "_typing": set(),
    "_kernels": set(),
}
HEAVY = {
    "torch": {"_losses", "_training", "_projection"},
    "sentence_transformers": {"_teacher"},
    "matplotlib": {"_demo", "_drawing", "_plot", "_plot_map", "_plot_quality"},
    "typer": {"_commands"},
    "rich": {"_demo", "_jobs"},
    "tokenizers": {"_subword"},
    "pyarrow": {"_document_files", "_text_buffers", "_vector_files"},
}


def imports_of(file):
    """Names that a file imports, as absolute module names, wherever they stand."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args:
            function = getattr(node.func, "id", None)
            name = getattr(node.args[0], "value", None)
            if function in ("import_optional", "import_module") and name:
                names.add(name)
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms():
    files = [*PACKAGE.glob("*.py"), PACKAGE / "_kernels" / "__init__.py"]
    for file in files:
        yield "_kernels" if file.parent.name == "_kernels" else file.stem, file


def test_imports_follow_the_table():
    for room, file in rooms():
        imported = {
            name.split(".")[1] for name in imports_of(file) if name.startswith("sklux.")
        }
        assert imported <= ALLOWED[room], room


def test_imports_table_names_every_room():
    assert {room for room, _ in rooms()} == set(ALLOWED)


def test_imports_table_has_no_circle():
    def reach(room, path=()):
        assert room not in path, f"{' -> '.join((*path, room))}"
        for below in ALLOWED[room]:
            reach(below, (*path, room))

    for room in ALLOWED:
        reach(room)


def test_imports_heavy_packages_stay_behind_their_doors():
    for room, file in rooms():
        for package, doors in HEAVY.items():
            if any(name.split(".")[0] == package for name in imports_of(file)):
                assert room in doors, f"{room} imports {package}"


def modules_after(program):
    """Names in sys.modules after a program has run in a fresh interpreter."""
    program += "\nimport sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_imports_sklux_alone_brings_in_nothing_heavy():
    modules = modules_after("import sklux; dir(sklux)")
    assert modules.isdisjoint({"torch", "sentence_transformers", "sklearn", "scipy"})


def test_imports_all_public_names_bring_in_neither_torch_nor_teacher():
    modules = modules_after("from sklux import *")
    assert "sklearn" in modules
    assert modules.isdisjoint(
        {"torch", "sentence_transformers", "matplotlib", "tokenizers"}
    )


def test_imports_transform_of_a_loaded_model_needs_nothing_heavy(fitted, tmp_path):
    """Its word pieces are there: neither torch nor tokenizers has to read them."""
    assert fitted.lexical_.analyzer == "word+subword"
    fitted.save(tmp_path / "model.sklux")
    modules = modules_after(
        "from sklux import LuxicalVectorizer\n"
        f"model = LuxicalVectorizer.load({str(tmp_path / 'model.sklux')!r})\n"
        "assert model.transform(['apple car']).any()"
    )
    assert modules.isdisjoint({"torch", "sentence_transformers", "tokenizers"})


def test_imports_words_need_no_tokenizers():
    modules = modules_after(
        "from sklux import LexicalVectorizer\n"
        "LexicalVectorizer(ngram_range=(1, 2)).fit_transform(['apple car'])"
    )
    assert modules.isdisjoint({"torch", "tokenizers"})


def test_imports_change_no_global_state():
    """Neither environment, warning filters, signal handlers nor threads."""
    program = """
import os, signal, threading, warnings
import numpy, scipy.sparse, sklearn.base, sklearn.feature_extraction.text
import sklearn.decomposition, safetensors.numpy, tqdm.auto, joblib
def state():
    return (dict(os.environ), list(warnings.filters), numpy.geterr(),
            [signal.getsignal(s) for s in signal.valid_signals()],
            threading.active_count())
before = state()
from sklux import *
assert state() == before
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_imports_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Vectorizer'"):
        _ = sklux.Vectorizer


def test_imports_public_names_are_listed():
    assert set(sklux.__all__) <= set(dir(sklux))
    assert sklux.__version__
    for name in sklux.__all__:
        assert getattr(sklux, name).__doc__


def test_broken_library_is_named_by_the_import():
    """Its AttributeError would read as if sklux had no such class."""
    program = (
        "import sklux\n"
        "def broken(name):\n"
        "    raise AttributeError('scipy is broken')\n"
        "sklux.import_module = broken\n"
        "try:\n"
        "    from sklux import LexicalVectorizer\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert result.stdout == (
        "sklux.LexicalVectorizer cannot be imported: scipy is broken\n"
    ), result.stderr
