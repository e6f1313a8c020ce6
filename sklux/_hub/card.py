"""The text of a model card, made of what a fitted model holds; nothing is invented."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sklux._student.projection import network_of
from sklux._teacher.named import DEFAULT_OWNER
from sklux._vectorizer import LuxicalVectorizer

HUB = "https://huggingface.co/"
PAPER = "https://arxiv.org/abs/2512.09015"
TAGS = ("sklux", "sentence-transformers", "feature-extraction", "text-embeddings")
# A name of a hub as the identity of a teacher, perhaps with the name of a prompt.
NAMED = re.compile(r"name:([\w.-]+(?:/[\w.-]+)?)(?:, prompt '.*')?")
# Kinds of identities that mean nothing to readers, or name a place of a machine.
NAMELESS = ("name:", "folder:", "weights:", "object:", "function:")
# Stands in the examples while the repository has no name yet.
NO_NAME = "USER/NAME"

USE = """## Use

```
pip install 'sklux[hub]'
```

```python
from sklux.hub import from_pretrained

model = from_pretrained("{repo_id}")
vectors = model.transform(["shortest path in a graph"])
print(vectors.shape)
```

The model is a scikit-learn transformer: it maps a list of texts to an array of unit
vectors, whose dot product is their cosine. It needs no GPU and no torch.

With sentence-transformers 6 or newer:

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{repo_id}", device="cpu", trust_remote_code=True)
vectors = model.encode(["shortest path in a graph"])
```

`trust_remote_code` is needed because the class of the module is in the package sklux.
The repository itself holds no code."""

MEASURES = (
    "The first row is the share of the documents nearest to a document by the teacher "
    "that the student finds nearest, too. Correlation and mean are over pairs of "
    "documents. The effective rank is the number of directions that the vectors use."
)

LIMITS = """## Limits

- The model knows the terms of its training documents. Texts about other subjects or in
  other languages get vectors that may mean little.
- It reads which terms a text has, and little of their order.
- A text without a known term has the zero vector."""


@dataclass(frozen=True)
class Stated:
    """What only the publisher knows. None is a fact that is not stated.

    Attributes
    ----------
    repo_id : str or None
        Name of the repository.
    license : str or None
        Name of the licence.
    languages : sequence of str
        Codes of languages.
    datasets : sequence of str
        Names of data sets on the hub.
    base_model : str or None
        Name of the teacher on the hub.
    description : str or None
        Markdown about the model and its data.
    """

    repo_id: str | None = None
    license: str | None = None
    languages: Sequence[str] = ()
    datasets: Sequence[str] = ()
    base_model: str | None = None
    description: str | None = None


def teacher_name(teacher_id: str | None) -> str | None:
    """Name of a teacher on the hub.

    Parameters
    ----------
    teacher_id : str or None
        Identity of the teacher, `teacher_id_` of a model.

    Returns
    -------
    str or None
        The name with its owner. None if the identity is not a name on a hub.
    """
    match = NAMED.fullmatch(teacher_id or "")
    if match is None or Path(match[1]).exists():
        return None
    return match[1] if "/" in match[1] else DEFAULT_OWNER + match[1]


def card_text(model: LuxicalVectorizer, stated: Stated) -> str:
    """Return the text of a card, without its metadata.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    stated : Stated
        What the publisher states.

    Returns
    -------
    str
        Markdown.
    """
    parts = [
        _introduction(model, stated),
        stated.description and stated.description.strip(),
        USE.format(repo_id=stated.repo_id or NO_NAME),
        _model_section(model, stated),
        _figures(model),
        LIMITS,
        _not_stated(model, stated),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _introduction(model: LuxicalVectorizer, stated: Stated) -> str:
    """Title and first paragraph."""
    title = (stated.repo_id or "Student").split("/")[-1]
    width = model.projection_.n_components_
    teacher = _teacher(model, stated) or "whose name is not stated"
    return (
        f"# {title}\n\nText embeddings of {width} dimensions, computed on a CPU from "
        "the terms of a text. This model is a student: the package sklux trained it "
        f"to reproduce the vectors of a teacher, {teacher}, on a corpus of documents. "
        f"The method is [Luxical]({PAPER})."
    )


def _teacher(model: LuxicalVectorizer, stated: Stated) -> str:
    """The teacher, with a link if it has a name; empty if it has none."""
    name = stated.base_model or teacher_name(model.teacher_id_)
    if name is not None:
        return f"[{name}]({HUB}{name})"
    if model.teacher_id_ is None or model.teacher_id_.startswith(NAMELESS):
        return ""
    return f"`{model.teacher_id_}`"


def _model_section(model: LuxicalVectorizer, stated: Stated) -> str:
    """Table of facts; counts that the file does not hold are left out."""
    projection, lexical = model.projection_, model.lexical_
    network = network_of(projection)
    layers = [weights.shape[1] for weights in (network.rows, *network.dense)]
    tied = ", tied rows" if network.tied else ""
    counts = {
        "documents of all fits": model.n_samples_seen_,
        "documents embedded by the teacher": model.n_teacher_documents_,
        "terms embedded by the teacher": model.n_teacher_terms_,
        "epochs": projection.n_iter_,
    }
    facts = {
        "dimensions": f"{projection.n_components_:,}",
        "terms": f"{projection.n_features_in_:,}",
        "analyzer": f"`{lexical.analyzer}`, `ngram_range={lexical.ngram_range}`",
        "widths of the layers": " - ".join(map(str, layers)) + tied,
        "weights": str(network.dtype),
        "teacher": _teacher(model, stated),
        **{name: f"{count:,}" for name, count in counts.items() if count},
        "written by": f"sklux {version('sklux')}",
    }
    if stated.datasets:
        links = [f"[{name}]({HUB}datasets/{name})" for name in stated.datasets]
        facts["data"] = ", ".join(links)
    rows = [f"| {name} | {value} |" for name, value in facts.items() if value]
    return "\n".join(["## The model", "", "| fact | value |", "| --- | --- |", *rows])


def _figures(model: LuxicalVectorizer) -> str:
    """The report of the fit as a table."""
    title, report = "## How close it is to its teacher\n\n", model.report_
    if report is None or report.neighbor_recall is None:
        return (
            f"{title}The model holds no figures: it was truncated, or had "
            "too few documents to compare."
        )
    kind, caution = "that were held out of the training", ""
    if not report.held_out:
        kind = "of the training itself"
        caution = "On other documents the student is less like its teacher. "
    rows = "\n".join(f"| {' | '.join(row)} |" for row in report.rows())
    return (
        f"{title}Measured at the end of the fit, on {report.n_documents:,} documents "
        f"{kind}:\n\n| | student | teacher |\n| --- | ---: | ---: |\n{rows}\n\n"
        f"{caution}{MEASURES}"
    )


def _not_stated(model: LuxicalVectorizer, stated: Stated) -> str:
    """List what a reader would look for and does not find."""
    missing = {
        "the licence": stated.license,
        "the language": stated.languages,
        "the data": stated.datasets or stated.description,
        "the name of the teacher": stated.base_model or teacher_name(model.teacher_id_),
    }
    names = [name for name, value in missing.items() if not value]
    return f"## Not stated\n\n{', '.join(names).capitalize()}." if names else ""
