"""Which folder may import which, and packages that are never imported early."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sklux

PACKAGE = Path(sklux.__file__).parent

# Folder, or module at the top -> others that it may import; it may import itself.
# _lexical, _student and _teacher never import each other; others join them.
ALLOWED = {
    "_kernels": set(),
    "_utils": set(),
    "_lexical": {"_kernels", "_utils"},
    "_student": {"_kernels", "_utils"},
    "_teacher": {"_utils"},
    "_sources": {"_utils"},
    "_fused": {"_kernels", "_lexical", "_student", "_utils"},
    "_streamed_fit": {"_lexical", "_sources", "_student", "_utils"},
    "_vectorizer": {
        "_fused",
        "_lexical",
        "_sources",
        "_streamed_fit",
        "_student",
        "_teacher",
        "_utils",
    },
    "_inspection": {"_lexical", "_student", "_utils", "_vectorizer"},
    "inspection": {"_inspection", "_lexical", "_student", "_utils", "_vectorizer"},
    "_map": {"_utils"},
    "maps": {"_map", "_utils", "_vectorizer", "inspection"},
    "_hub": {"_student", "_teacher", "_utils", "_vectorizer"},
    "hub": {"_hub", "_teacher", "_utils", "_vectorizer"},
    "sentence_transformers": {"_hub", "_vectorizer"},
    "interop": {
        "_inspection",
        "_kernels",
        "_lexical",
        "_quantizer",
        "_streamed_fit",
        "_student",
        "_teacher",
        "_utils",
        "_vectorizer",
        "sentence_transformers",
    },
    "alignment": {"_utils"},
    "arrow": {"_utils", "_vectorizer"},
    "_ray": {"_lexical", "_streamed_fit", "_utils"},
    "distributed": {
        "_lexical",
        "_ray",
        "_sources",
        "_teacher",
        "_utils",
        "_vectorizer",
        "arrow",
    },
    "_quantizer": {"_utils"},
    "metrics": {"_utils"},
    "datasets": {"_sources", "_utils"},
    "_display": {"_student", "_utils", "_vectorizer"},
    "_commands": {
        "_display",
        "_lexical",
        "_quantizer",
        "_sources",
        "_student",
        "_teacher",
        "_utils",
        "_vectorizer",
        "arrow",
        "datasets",
        "inspection",
        "maps",
        "metrics",
    },
    "cli": {"_commands", "_utils"},
}
# The package itself loads its public names.
ALLOWED["__init__"] = set(ALLOWED) - {
    "_kernels",
    "_utils",
    "_sources",
    "_streamed_fit",
    "_fused",
    "_hub",
    "_inspection",
    "_ray",
    "_commands",
    "cli",
    # It needs a package of that name when it is imported.
    "sentence_transformers",
}
ALLOWED["__main__"] = {"cli"}
# Heavy packages, and the modules that may import them.
HEAVY = {
    "torch": {
        "_student.losses",
        "_student.projection",
        "_student.training",
        "sentence_transformers",
    },
    "sentence_transformers": {"_teacher.models", "interop", "sentence_transformers"},
    "huggingface_hub": {"_teacher.named", "hub"},
    "matplotlib": {
        "_commands.demo",
        "_display.drawing",
        "_display.embedding_map",
        "_display.loss_curve",
        "_display.quality",
    },
    "typer": {"_commands.app", "_commands.options"},
    "rich": {"_commands.console"},
    "faiss": {"_commands.near_duplicates", "_map.neighbors"},
    "ray": {"_ray.objects"},
    "tokenizers": {"_lexical.subwords", "_teacher.token_text"},
    "pyarrow": {
        "_commands.document_files",
        "_commands.embed_folder",
        "_commands.embedding_files",
        "_commands.parquet_columns",
        "_commands.part_files",
        "_commands.parts",
        "_commands.row_groups",
        "_commands.text_input",
        "_commands.vector_files",
        "_lexical.buffers",
        "_ray.counts",
        "_utils.tables",
    },
}


def imports_of(file):
    """Names that a file imports anywhere, as absolute module names."""
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


def modules():
    """Modules by their names within the package, such as `_student.network`."""
    for file in sorted(PACKAGE.rglob("*.py")):
        yield ".".join(file.relative_to(PACKAGE).with_suffix("").parts), file


def test_imports_follow_the_table():
    for module, file in modules():
        folder = module.split(".")[0]
        imported = {
            name.split(".")[1] for name in imports_of(file) if name.startswith("sklux.")
        }
        assert imported <= ALLOWED[folder] | {folder}, module


def test_imports_table_names_every_folder():
    assert {module.split(".")[0] for module, _ in modules()} == set(ALLOWED)


def test_imports_table_has_no_cycle():
    def reach(folder, path=()):
        assert folder not in path, f"{' -> '.join((*path, folder))}"
        for below in ALLOWED[folder]:
            reach(below, (*path, folder))

    for folder in ALLOWED:
        reach(folder)


def test_imports_within_a_folder_have_no_cycle():
    imported = {
        f"sklux.{module}": {
            # A module, or a name in a module.
            name if name.startswith(f"sklux.{module.split('.')[0]}.") else ""
            for name in imports_of(file)
        }
        for module, file in modules()
    }

    def below(module):
        names = imported[module]
        return {
            other
            for other in imported
            if other != module
            and any(name == other or name.startswith(f"{other}.") for name in names)
        }

    def reach(module, path=()):
        assert module not in path, f"{' -> '.join((*path, module))}"
        for other in below(module):
            reach(other, (*path, module))

    for module in imported:
        if not module.endswith("__init__"):
            reach(module)


def test_init_files_of_folders_have_no_code():
    for module, file in modules():
        if module.endswith(".__init__"):
            assert file.read_text(encoding="utf-8").count("\n") <= 1, module


def test_imports_heavy_packages_stay_in_the_listed_modules():
    for module, file in modules():
        for package, importers in HEAVY.items():
            if any(name.split(".")[0] == package for name in imports_of(file)):
                assert module in importers, f"{module} imports {package}"


def modules_after(program):
    """Names in sys.modules after a program has run in a fresh interpreter."""
    program += "\nimport sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_imports_sklux_alone_imports_nothing_heavy():
    modules = modules_after("import sklux; dir(sklux)")
    assert modules.isdisjoint({"torch", "sentence_transformers", "sklearn", "scipy"})


def test_imports_all_public_names_import_neither_torch_nor_teacher():
    modules = modules_after("from sklux import *")
    assert "sklearn" in modules
    assert modules.isdisjoint(
        {"torch", "sentence_transformers", "matplotlib", "tokenizers"}
    )


def test_imports_transform_of_a_loaded_model_needs_nothing_heavy(fitted, tmp_path):
    """The file holds the word pieces, so neither torch nor tokenizers is needed."""
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


def test_imports_dir_has_nothing_but_public_names():
    """Except for dunders, in a fresh interpreter without other imports."""
    program = (
        "import sklux\n"
        "sklux.LexicalVectorizer\n"
        "print(*(name for name in dir(sklux) if not name.startswith('__')))\n"
        "print('__version__' in dir(sklux))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    names, has_version = result.stdout.splitlines()
    assert names.split() == sorted(sklux.__all__)
    assert has_version == "True"


def test_broken_library_is_named_by_the_import():
    """An AttributeError would look as if sklux had no such class."""
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
