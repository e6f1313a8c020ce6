"""The public names as a type checker sees them: no result is of type Any."""

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

for package in ("mypy", "scipy-stubs"):
    try:
        version(package)
    except PackageNotFoundError:
        pytest.skip(f"{package} is not installed", allow_module_level=True)

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_BLOCK = re.search(r"^```python\n(.*?)^```$", README, flags=re.DOTALL | re.M)[1]

# Without their parameters, which depend on the versions of numpy and of the stubs.
ARRAY = "numpy.ndarray"
MATRIX = "scipy.sparse._csr.csr_matrix"
PARAMETERS = re.compile(r"(ndarray|csr_matrix)\[(?:[^][]|\[[^][]*\])*\]")
LUXICAL = "sklux._vectorizer.LuxicalVectorizer"
LEXICAL = "sklux._lexical.vectorizer.LexicalVectorizer"
PROJECTION = "sklux._student.projection.ReLUProjection"
TEACHER = "sklux._teacher.cached.CachedTeacher"
REPORT = "sklux._student.report.FitReport | None"

# After README's first code, which makes texts, teacher, vectorizer, vectors and query.
NAMES = """
import numpy as np
import sklux
from sklux import (
    EmbeddingMapDisplay,
    LexicalVectorizer,
    LossCurveDisplay,
    QualityDisplay,
    ReLUProjection,
    ScalarQuantizer,
    alignment,
    arrow,
    distributed,
    hub,
    inspection,
    interop,
    maps,
    metrics,
)

E = np.eye(3)
lexical = LexicalVectorizer()
projection = ReLUProjection()
quantizer = ScalarQuantizer()
aligner = alignment.OrthogonalProcrustes()
"""
TYPES = {
    "teacher": TEACHER,
    "vectorizer": LUXICAL,
    "vectors": ARRAY,
    "LuxicalVectorizer(teacher).fit(texts)": LUXICAL,
    "LuxicalVectorizer().fit(texts, teacher_embeddings=E)": LUXICAL,
    "vectorizer.fit_transform(texts)": ARRAY,
    "vectorizer.transform(texts)": ARRAY,
    "vectorizer.score(texts, teacher_embeddings=E)": "float",
    "vectorizer.project_teacher(E)": ARRAY,
    "vectorizer.quantize('int8')": LUXICAL,
    "vectorizer.truncate(8)": LUXICAL,
    "vectorizer.with_labels(texts, ['a', 'b'])": LUXICAL,
    "vectorizer.set_params(n_jobs=1)": LUXICAL,
    "vectorizer.save('file')": "None",
    "LuxicalVectorizer.load('file')": LUXICAL,
    "vectorizer.lexical": "Any | None",
    "vectorizer.projection_": PROJECTION,
    "vectorizer.report_": REPORT,
    "vectorizer.n_teacher_documents_": "int",
    "lexical.fit(texts)": LEXICAL,
    "lexical.fit_transform(texts)": MATRIX,
    "lexical.transform(texts)": MATRIX,
    "projection.fit(E, E)": PROJECTION,
    "ReLUProjection(hidden_layer_sizes=64, weights_dtype='int8')": PROJECTION,
    "projection.transform(E)": ARRAY,
    "projection.coefs_": f"list[{ARRAY}]",
    "quantizer.fit(E)": "sklux._quantizer.ScalarQuantizer",
    "quantizer.transform(E)": ARRAY,
    "quantizer.inverse_transform(E)": ARRAY,
    "teacher.fit(texts)": TEACHER,
    "teacher.transform(texts)": ARRAY,
    "metrics.neighbor_recall_score(E, E)": "float",
    "metrics.similarity_correlation(E, E)": "float",
    "metrics.effective_rank(E)": "float",
    "metrics.mean_cosine(E)": "float",
    "metrics.half_document_retrieval(E, E)": "float",
    "metrics.bitext_retrieval_score(E, E, csls_neighbors=2)": "float",
    "aligner.fit(E, E)": "sklux.alignment.OrthogonalProcrustes",
    "aligner.transform(E)": ARRAY,
    "aligner.inverse_transform(E)": ARRAY,
    "alignment.paired_terms(texts, texts)[0]": ARRAY,
    "interop.load_luxical('file')": LUXICAL,
    "interop.save_luxical(vectorizer, 'file')": "None",
    "interop.skops_trusted_types()": "list[str]",
    "interop.save_word2vec(vectorizer, 'file', joiner='_')": "None",
    "interop.to_sentence_transformer(vectorizer)": "Any",
    "hub.from_pretrained('user/name', mmap_mode='r')": LUXICAL,
    "hub.save_pretrained(vectorizer, 'folder')": "None",
    "hub.push_to_hub(vectorizer, 'user/name', private=True)": "str",
    "hub.model_card(vectorizer, license='mit')": "Any",
    "arrow.BatchEmbedder('file', dtype='float16')('batch')": "str",
    "arrow.BatchEmbedder(vectorizer)": "sklux.arrow.BatchEmbedder",
    "distributed.embed('dataset', vectorizer, dtype='float16')": "str",
    "distributed.precompute('dataset', teacher, num_gpus=1)": "str",
    "distributed.count('dataset')": "Any",
    "inspection.explain_embedding(vectorizer, 'text')": (
        "sklux._inspection.explanations.TextExplanation"
    ),
    "inspection.explain_similarity(vectorizer, 'a', 'b').pairs": ARRAY,
    "inspection.explain_prediction('pipeline', 'text').value": "float",
    "inspection.nearest_terms(vectorizer, 'text').cosines": ARRAY,
    "inspection.term_embeddings(vectorizer)[1]": ARRAY,
    "inspection.cluster_terms(vectorizer, ['a'], [0]).names": "list[str]",
    "maps.save_map(vectorizer, ['a'], 'map.html')": "None",
    "inspection.strongest_terms(vectorizer, 'price').strengths": ARRAY,
    "inspection.explain_embedding(vectorizer, 'text', dimension='price').value": (
        "float"
    ),
    "vectorizer.get_feature_names_out()": ARRAY,
    "distributed.fit(vectorizer, 'dataset', embeddings='vector')": LUXICAL,
    "EmbeddingMapDisplay.from_embeddings(E)": (
        "sklux._display.embedding_map.EmbeddingMapDisplay"
    ),
    "LossCurveDisplay.from_estimator(vectorizer)": (
        "sklux._display.loss_curve.LossCurveDisplay"
    ),
    "QualityDisplay.from_embeddings(E, E)": "sklux._display.quality.QualityDisplay",
    "sklux.__version__": "str",
}
ERRORS = {
    "LuxicalVectorizer().fit()": "call-arg",
    "LuxicalVectorizer().fit(1)": "arg-type",
    "LuxicalVectorizer().fit(texts, teacher_embedding=E)": "call-arg",
    "LuxicalVectorizer(teacher_sample_size='all')": "arg-type",
    "vectorizer.transform(1)": "arg-type",
    "vectorizer.quantize('int4')": "arg-type",
    "distributed.embed('dataset', vectorizer, dtype='int4')": "arg-type",
    "inspection.nearest_terms(vectorizer, 1)": "arg-type",
    "maps.save_map(vectorizer, ['a'], 'map.html', title=1)": "arg-type",
    "inspection.strongest_terms(vectorizer, 1.5)": "arg-type",
    "hub.from_pretrained('user/name', mmap_mode='w')": "arg-type",
    "hub.push_to_hub(vectorizer)": "call-arg",
    "ReLUProjection(weights_dtype='int4')": "arg-type",
    "ReLUProjection(hidden_layer_sizes='64')": "arg-type",
    "aligner.fit(E)": "call-arg",
    "lexical.fit(1)": "arg-type",
    "projection.fit(E)": "call-arg",
    "ScalarQuantizer('int4')": "arg-type",
    "teacher.transform(1)": "arg-type",
    "metrics.neighbor_recall_score(E, E, n_neighbours=10)": "call-arg",
}
# mypy does not read the packages below: they take as long as everything else.
SETTINGS = """
[mypy]
ignore_missing_imports = True
follow_imports = silent
show_error_codes = True
[mypy-torch.*,matplotlib.*,transformers.*,sentence_transformers.*,tokenizers.*]
follow_imports = skip
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The lines of a program, by expression, and what mypy says about each line."""
    folder = tmp_path_factory.mktemp("typing")
    (folder / "mypy.ini").write_text(SETTINGS)
    lines = [*FIRST_BLOCK.splitlines(), *NAMES.splitlines()]
    places = {}
    for expression in (*TYPES, *ERRORS):
        lines.append(f"reveal_type({expression})")
        places[expression] = len(lines)
    (folder / "program.py").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "program.py"]
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert result.stderr == ""
    said = {}
    for line in result.stdout.splitlines():
        if match := re.match(r"program\.py:(\d+): (.*)", line):
            said.setdefault(int(match[1]), []).append(match[2])
    assert said, result.stdout
    return places, said


def test_typing_first_lines_of_the_readme_have_no_errors(program):
    _, said = program
    n_lines = FIRST_BLOCK.count("\n") + NAMES.count("\n")
    assert [said[line] for line in range(n_lines + 1) if line in said] == []


@pytest.mark.parametrize("expression", TYPES)
def test_typing_reveals(expression, program):
    places, said = program
    (note,) = said[places[expression]]
    revealed = re.fullmatch(r'note: Revealed type is "(.*)"', note)[1]
    revealed = PARAMETERS.sub(r"\1", revealed.replace("builtins.", ""))
    assert revealed == TYPES[expression]


@pytest.mark.parametrize("expression", ERRORS)
def test_typing_refuses(expression, program):
    places, said = program
    (error,) = [text for text in said[places[expression]] if "error: " in text]
    assert error.endswith(f"[{ERRORS[expression]}]")


def test_typing_names_every_public_name():
    import sklux

    names = {
        node.id if isinstance(node, ast.Name) else node.attr
        for expression in (*TYPES, NAMES, FIRST_BLOCK)
        for node in ast.walk(ast.parse(expression))
        if isinstance(node, (ast.Name, ast.Attribute))
    }
    assert set(sklux.__all__) - names <= {"datasets"}
