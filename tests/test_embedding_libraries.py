"""A student in MTEB, LangChain and LlamaIndex, as the guide describes them."""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

# MTEB uses older names of sentence-transformers, and of its own parameters.
old_names = pytest.mark.filterwarnings(
    "ignore:The `get_sentence:FutureWarning", "ignore:The fill_:DeprecationWarning"
)
PAGE = Path(__file__).parents[1] / "doc" / "guide" / "other_libraries.md"


def names_of(section, **names):
    """The names that the first block of a section of the guide defines."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {section}\n")[1]
    block = re.search(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[1]
    exec(compile(block, section, "exec"), names)
    return names


@pytest.fixture(scope="module")
def model(fitted):
    pytest.importorskip("sentence_transformers.base.modules")
    from sklux.interop import to_sentence_transformer

    return to_sentence_transformer(fitted)


def metadata(name, kind, score):
    """Facts of a task that is made of local data."""
    mteb = pytest.importorskip("mteb")
    unknown = (
        *("date", "domains", "task_subtypes", "license", "annotations_creators"),
        *("dialect", "sample_creation", "bibtex_citation", "reference"),
    )
    return mteb.TaskMetadata(
        name=name,
        type=kind,
        main_score=score,
        description="Made of local data.",
        dataset={"path": "local", "revision": "1"},
        category="t2t",
        modalities=["text"],
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        **dict.fromkeys(unknown),
    )


@old_names
def test_mteb_evaluates_a_student(model, fitted, documents):
    """Gold scores that are the student's own cosines give the best score."""
    mteb = pytest.importorskip("mteb")
    datasets = pytest.importorskip("datasets")
    from mteb.abstasks.sts import AbsTaskSTS

    first, second = documents[:40], documents[40:80]
    cosines = (fitted.transform(first) * fitted.transform(second)).sum(axis=1)
    columns = {"sentence1": first, "sentence2": second, "score": cosines.tolist()}

    class LocalPairs(AbsTaskSTS):
        min_score, max_score = -1, 1

        def load_data(self, num_proc=None, **kwargs):
            test = datasets.Dataset.from_dict(columns)
            self.dataset, self.data_loaded = datasets.DatasetDict(test=test), True

    LocalPairs.metadata = metadata("LocalPairs", "STS", "cosine_spearman")
    result = mteb.evaluate(model, LocalPairs(), cache=None, show_progress_bar=False)
    (scores,) = result.task_results[0].scores["test"]
    assert scores["cosine_spearman"] == pytest.approx(1)
    assert scores["cosine_pearson"] == pytest.approx(1, abs=1e-5)


@old_names
def test_mteb_searches_with_a_student(model, fitted, documents, topics):
    """Documents of the query's topic are relevant; the score is scikit-learn's."""
    mteb = pytest.importorskip("mteb")
    datasets = pytest.importorskip("datasets")
    from mteb.abstasks.retrieval import AbsTaskRetrieval

    def rows(prefix, texts):
        ids = (f"{prefix}{number}" for number in range(len(texts)))
        return datasets.Dataset.from_list(
            [{"id": name, "text": text} for name, text in zip(ids, texts)]
        )

    queries, corpus = documents[:10], documents[10:]
    relevance = (topics[:10, None] == topics[None, 10:]).astype(int)
    split = {
        "queries": rows("q", queries),
        "corpus": rows("d", corpus),
        "relevant_docs": {
            f"q{i}": {f"d{j}": int(value) for j, value in enumerate(row)}
            for i, row in enumerate(relevance)
        },
        "top_ranked": None,
    }

    class LocalSearch(AbsTaskRetrieval):
        def load_data(self, num_proc=None, **kwargs):
            self.dataset, self.data_loaded = {"default": {"test": split}}, True

    LocalSearch.metadata = metadata("LocalSearch", "Retrieval", "ndcg_at_10")
    result = mteb.evaluate(model, LocalSearch(), cache=None, show_progress_bar=False)
    (scores,) = result.task_results[0].scores["test"]
    cosines = fitted.transform(queries) @ fitted.transform(corpus).T
    expected = ndcg_score(relevance, cosines, k=10)
    assert scores["ndcg_at_10"] == pytest.approx(expected, abs=1e-4)


def test_langchain_searches_with_a_student(fitted, documents):
    pytest.importorskip("langchain_core")
    names = names_of("LangChain", vectorizer=fitted, documents=documents)
    embeddings = names["StudentEmbeddings"](fitted)
    vectors = fitted.transform(documents)
    np.testing.assert_array_equal(
        np.float32(embeddings.embed_documents(documents)), vectors
    )
    np.testing.assert_array_equal(
        np.float32(embeddings.embed_query(documents[3])), vectors[3]
    )
    found = names["store"].similarity_search_with_score(documents[0], k=5)
    cosines = np.sort(vectors @ vectors[0])[::-1][:5]
    np.testing.assert_allclose([score for _, score in found], cosines, atol=1e-6)
    assert found[0][0].page_content == documents[0]


def test_llama_index_searches_with_a_student(fitted, documents):
    pytest.importorskip("llama_index.core")
    names = names_of("LlamaIndex", vectorizer=fitted, documents=documents)
    embedding = names["StudentEmbedding"](student=fitted)
    vectors = fitted.transform(documents)
    np.testing.assert_array_equal(
        np.float32(embedding.get_text_embedding_batch(documents)), vectors
    )
    np.testing.assert_array_equal(
        np.float32(embedding.get_query_embedding(documents[3])), vectors[3]
    )
    retriever = names["index"].as_retriever(similarity_top_k=5)
    found = retriever.retrieve(documents[0])
    cosines = np.sort(vectors @ vectors[0])[::-1][:5]
    np.testing.assert_allclose([node.score for node in found], cosines, atol=1e-6)
    assert found[0].text == documents[0]
