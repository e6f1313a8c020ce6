"""Ray datasets with vectors, by a cluster of several node processes on this machine."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import numpy as np
import pytest
import reference
from conftest import make_corpus, small_vectorizer
from models import random_model
from sklearn.feature_extraction.text import CountVectorizer

from sklux import CachedTeacher, LexicalVectorizer, ReLUProjection
from sklux._ray import objects
from sklux._ray.objects import Stored, kept
from sklux._student.projection import network_of
from sklux.arrow import BatchEmbedder
from sklux.datasets import DocumentStream
from sklux.distributed import count, embed, fit, precompute

ray = pytest.importorskip("ray")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("ray.data")
cluster_utils = pytest.importorskip("ray.cluster_utils")
import pyarrow.parquet as pq  # noqa: E402

# Ray uses settings of its own that it has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.*"),
    # Fits on few documents, with random teacher vectors.
    pytest.mark.filterwarnings("ignore:The student may be no better than chance"),
]
N_TABLES, N_ROWS = 6, 3000
# A word of its own in each document, so that the weights fill a megabyte.
TEXTS = [f"{text} w{i}" for i, text in enumerate(make_corpus(N_ROWS)[0])]


@pytest.fixture(scope="module")
def cluster():
    """Three nodes of one core each on the loopback address, one with a GPU."""
    cluster = cluster_utils.Cluster(
        initialize_head=True, head_node_args=node(1) | {"num_gpus": 1}
    )
    cluster.add_node(**node(1))
    cluster.add_node(**node(1))
    ray.init(address=cluster.address, logging_level="ERROR", log_to_driver=False)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def node(num_cpus):
    return {"num_cpus": num_cpus, "object_store_memory": 100_000_000}


@pytest.fixture(scope="module")
def model():
    return random_model(LexicalVectorizer().fit(TEXTS), sizes=(64, 24))


@pytest.fixture(scope="module")
def vectors(model):
    return model.transform(TEXTS)


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.sklux"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def tables():
    per_table = N_ROWS // N_TABLES
    return [
        pa.table({"id": range(i, i + per_table), "text": TEXTS[i : i + per_table]})
        for i in range(0, N_ROWS, per_table)
    ]


@pytest.fixture
def dataset(cluster, tables):
    """A dataset of several blocks."""
    return ray.data.from_arrow(tables)


@pytest.fixture(scope="module")
def corpus_folder(tables, tmp_path_factory):
    """The same as Parquet files."""
    folder = tmp_path_factory.mktemp("corpus")
    for i, table in enumerate(tables):
        pq.write_table(table, folder / f"{i}.parquet")
    return folder


def rows_of(dataset):
    """The rows of a dataset, in order of their ids, which are all there once."""
    parts = [part for part in ray.get(dataset.to_arrow_refs()) if part.num_rows]
    table = pa.concat_tables(parts).sort_by("id")
    assert table["id"].to_pylist() == list(range(N_ROWS))
    return table


def matrix_of(table, name="embedding"):
    dtype = table.schema.field(name).type.value_type.to_pandas_dtype()
    return np.array(table[name].to_pylist(), dtype=dtype)


def test_embed_has_the_bits_of_transform(cluster, corpus_folder, path, vectors):
    files = ray.data.read_parquet(str(corpus_folder))
    result = embed(files, path, columns=["id"], batch_size=99)
    table = rows_of(result)
    assert table.schema.names == ["id", "embedding"]
    assert table.schema.field("embedding").type == pa.list_(pa.float32(), 24)
    reference.assert_same_bits(matrix_of(table), vectors)


def test_embed_with_a_fitted_model(dataset, model, vectors):
    result = embed(
        dataset, model, output_column="vector", dtype="float16", concurrency=1
    )
    table = rows_of(result)
    assert table.schema.names == ["id", "text", "vector"]
    assert table["text"].to_pylist() == TEXTS
    np.testing.assert_array_equal(
        matrix_of(table, "vector"), vectors.astype(np.float16)
    )


def test_a_fitted_model_is_stored_once(cluster, model):
    """What goes to each task is a reference; the weights lie in shared memory."""
    stored = Stored(BatchEmbedder(model, n_jobs=1))
    assert len(ray.cloudpickle.dumps(stored)) < 1000
    network = network_of(stored.get().model.projection_)
    assert network.rows.nbytes > 500_000
    assert not network.rows.flags.writeable
    assert not network.rows.flags.owndata
    assert stored.get() is stored.get()
    kept.cache_clear()


def test_embed_null_texts_and_an_empty_block(cluster, model):
    blocks = [pa.table({"text": pa.array([], pa.string())})]
    blocks.append(pa.table({"text": ["apple", None]}))
    texts = ray.data.from_arrow(blocks)
    with pytest.raises(ValueError, match="'text' has a null text in row 1"):
        embed(texts, model).materialize()
    result = embed(texts, model, null_documents="null").to_pandas()
    assert result["embedding"].isna().tolist() == [False, True]


def killing_once(marker, of_id):
    """A function of batches that kills its process when it first sees an id."""

    def pass_on(batch):
        if of_id in batch["id"].to_pylist() and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    return pass_on


def test_embed_goes_on_after_a_worker_is_killed(dataset, path, vectors, tmp_path):
    marker = tmp_path / "killed"
    result = embed(dataset, path, batch_size=50).map_batches(
        killing_once(marker, 1234), batch_format="pyarrow", batch_size=50
    )
    reference.assert_same_bits(matrix_of(rows_of(result)), vectors)
    assert marker.exists()


def test_embed_goes_on_after_a_node_is_killed(
    cluster, dataset, model, vectors, tmp_path
):
    victim = cluster.add_node(**node(1))
    cluster.wait_for_nodes()
    marker, victim_id = tmp_path / "reached", victim.node_id

    def wait_on_victim(batch):
        here = ray.get_runtime_context().get_node_id()
        if here == victim_id:
            marker.touch()
            time.sleep(600)
        # Until the other nodes may go on, so that the victim has work.
        deadline = time.monotonic() + 30
        while not marker.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        return batch

    slow = dataset.map_batches(wait_on_victim, batch_format="pyarrow")
    result = embed(slow, model)
    with ThreadPoolExecutor(1) as pool:
        table = pool.submit(rows_of, result)
        while not marker.exists():
            assert not table.done(), "the job ended without the victim"
            time.sleep(0.05)
        cluster.remove_node(victim, allow_graceful=False)
        reference.assert_same_bits(matrix_of(table.result()), vectors)


# The teacher


def counts(texts):
    return [[text.count("a"), text.count("e"), len(text)] for text in texts]


def logging_teacher(log, kill_marker):
    """A teacher that logs its texts, and kills its process once in the middle."""

    def embed_texts(texts):
        if TEXTS[2000] in texts and not kill_marker.exists():
            kill_marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        with open(log, "a") as file:
            file.writelines(f"{text}\n" for text in texts)
        return [[text.count("a"), text.count("e"), len(text)] for text in texts]

    return embed_texts


def test_precompute_goes_on_after_a_worker_is_killed(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log, killed = tmp_path / "log", tmp_path / "killed"
    teacher = CachedTeacher(
        logging_teacher(log, killed), path="cache", model_id="counts"
    )
    taken = precompute(dataset, teacher, columns=["id"], batch_size=250, concurrency=2)
    table = rows_of(taken)
    assert killed.exists()
    assert table.schema.field("embedding").type == pa.list_(pa.float32(), 3)
    np.testing.assert_array_equal(matrix_of(table), counts(TEXTS))
    # Stored batches of the killed worker were not embedded again.
    assert sorted(log.read_text().splitlines()) == sorted(TEXTS)
    np.testing.assert_array_equal(teacher.transform(TEXTS), counts(TEXTS))
    assert len(log.read_text().splitlines()) == N_ROWS


def test_precompute_without_a_cache(cluster, tmp_path):
    texts = ray.data.from_arrow(pa.table({"text": ["a pear", None, "a"]}))
    teacher = logging_teacher(tmp_path / "log", tmp_path / "killed")
    with pytest.raises(ValueError, match="'text' has a null text in row 1"):
        precompute(texts, teacher).materialize()
    result = precompute(texts, teacher, null_documents="empty", dtype="float16")
    (table,) = ray.get(result.to_arrow_refs())
    assert table.schema.field("embedding").type == pa.list_(pa.float16(), 3)
    np.testing.assert_array_equal(matrix_of(table), counts(["a pear", "", "a"]))


def test_precompute_with_gpus(dataset):
    """Ray believes that a node has a GPU."""

    def lengths_and_gpus(texts):
        return [[len(text), len(ray.get_gpu_ids())] for text in texts]

    result = precompute(dataset, lengths_and_gpus, num_gpus=1, batch_size=500)
    expected = [[len(text), 1] for text in TEXTS]
    np.testing.assert_array_equal(matrix_of(rows_of(result)), expected)


# Fits


def assert_same_counts(table, texts, vectorizer):
    """Fail unless a table has scikit-learn's terms, occurrences and documents."""
    X = vectorizer.fit_transform(texts)
    assert table["term"].to_pylist() == vectorizer.get_feature_names_out().tolist()
    np.testing.assert_array_equal(table["count"], X.sum(axis=0).A1)
    np.testing.assert_array_equal(table["documents"], (X > 0).sum(axis=0).A1)
    assert not np.any(table["missed"])


def test_count_equals_scikit_learn(dataset):
    table = count(dataset, LexicalVectorizer(ngram_range=(1, 3)))
    assert_same_counts(table, TEXTS, CountVectorizer(ngram_range=(1, 3)))
    pairs = CountVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b")
    assert_same_counts(count(dataset), TEXTS, pairs)


def test_count_in_bounded_memory(dataset):
    exact = count(dataset)
    table = count(dataset, max_terms=500, concurrency=2)
    assert 0 < table.num_rows <= 500
    true = dict(zip(exact["term"].to_pylist(), exact["count"].to_pylist()))
    for row in table.to_pylist():
        assert row["count"] <= true[row["term"]] <= row["count"] + row["missed"]


def test_count_goes_on_after_a_worker_is_killed(dataset, tmp_path):
    marker = tmp_path / "killed"
    slow = dataset.map_batches(
        killing_once(marker, 1234), batch_format="pyarrow", batch_size=50
    )
    assert count(slow).equals(count(dataset))
    assert marker.exists()


def test_count_without_documents(cluster):
    empty = ray.data.from_arrow(pa.table({"text": pa.array([], pa.string())}))
    assert count(empty).num_rows == 0


@pytest.fixture(scope="module")
def embedded(tables):
    """The dataset as tables with a column of embeddings."""
    added, random = [], np.random.RandomState(0)
    for table in tables:
        vectors = random.standard_normal((table.num_rows, 8)).astype(np.float32)
        lists = pa.FixedSizeListArray.from_arrays(vectors.ravel(), 8)
        added.append(table.append_column("embedding", lists))
    return added


@pytest.mark.parametrize("sample_size", [1500, 10_000])
def test_fit_has_the_bits_of_the_fit_on_a_stream(cluster, embedded, sample_size):
    stream = DocumentStream(
        embedded, embeddings="embedding", sample_size=sample_size, batch_size=700
    )
    expected = small_vectorizer(lexical=None).fit(stream)
    student = small_vectorizer(lexical=None)
    result = fit(
        student,
        ray.data.from_arrow(embedded),
        embeddings="embedding",
        sample_size=sample_size,
        batch_size=700,
    )
    assert result is student
    assert student.stream_report_ == expected.stream_report_
    assert student.lexical_.vocabulary_ == expected.lexical_.vocabulary_
    reference.assert_same_bits(student.lexical_.idf_, expected.lexical_.idf_)
    reference.assert_same_bits(student.transform(TEXTS), expected.transform(TEXTS))


def test_fit_goes_on_after_a_worker_is_killed(cluster, embedded, tmp_path):
    marker = tmp_path / "killed"
    plain = ray.data.from_arrow(embedded)
    slow = plain.map_batches(
        killing_once(marker, 1234), batch_format="pyarrow", batch_size=50
    )
    expected = fit(small_vectorizer(), plain, embeddings="embedding")
    student = fit(small_vectorizer(), slow, embeddings="embedding")
    assert marker.exists()
    reference.assert_same_bits(student.transform(TEXTS), expected.transform(TEXTS))


def test_fit_with_precomputed_vectors_and_words(dataset):
    """The teacher of the words is in this process, which become terms."""

    def teacher(texts):
        return [[text.count("a"), text.count("e"), len(text)] for text in texts]

    embedded = precompute(dataset, teacher).materialize()
    projection = ReLUProjection(2, hidden_layer_sizes=(8,), max_iter=2)
    student = small_vectorizer(
        teacher, teacher_words=["w17", "unseen"], projection=projection
    )
    fit(student, embedded, embeddings="embedding", sample_size=500)
    assert {"word__w17", "word__unseen"} <= student.lexical_.vocabulary_.keys()
    assert student.stream_report_.n_sampled == 500


# Bad input


def test_known_columns_are_checked_at_once(dataset, model):
    with pytest.raises(ValueError, match="no column 'body'. Its columns: 'id', 'text'"):
        embed(dataset, model, column="body")
    with pytest.raises(ValueError, match="has a column 'id' already"):
        precompute(dataset, counts, output_column="id")
    with pytest.raises(ValueError, match="'output_column' parameter of precompute"):
        precompute(dataset, counts, output_column="text")


def test_unknown_columns_are_checked_by_the_workers(dataset, model):
    unknown = dataset.map_batches(lambda batch: batch, batch_format="pyarrow")
    with pytest.raises(ValueError, match="no column 'body'. Its columns: 'id', 'text'"):
        embed(unknown, model, column="body").materialize()


def test_a_model_file_that_changes(cluster, dataset, model, tmp_path):
    model.save(tmp_path / "model.sklux")
    result = embed(dataset, tmp_path / "model.sklux")
    model.quantize("float16").save(tmp_path / "model.sklux")
    with pytest.raises(ValueError, match=r"model\.sklux' has changed since"):
        result.materialize()


def test_workers_with_another_version(dataset, model, monkeypatch):
    monkeypatch.setattr(objects, "version", lambda name: "9.9")
    message = f"A worker has sklux {version('sklux')}, but .* has sklux 9.9"
    with pytest.raises(ValueError, match=message):
        embed(dataset, model).materialize()


def test_workers_without_the_package(cluster, dataset, model, tmp_path):
    lines = "import sys; sys.modules['sklux'] = None"
    (tmp_path / "sitecustomize.py").write_text(lines)
    environment = {"env_vars": {"PYTHONPATH": str(tmp_path)}}
    message = "No module named 'sklux|import of sklux"
    with pytest.raises(ray.exceptions.RayError, match=message):
        embed(dataset, model, runtime_env=environment).materialize()


def test_workers_without_a_module_of_the_teacher(dataset):
    """Workers cannot import this file, and Ray must not try forever."""
    with pytest.raises(ValueError, match="No module named 'test_distributed'"):
        precompute(dataset, counts).materialize()


def test_other_arguments(dataset, model):
    with pytest.raises(TypeError, match=r"must be a ray\.data\.Dataset.* Got list"):
        embed(TEXTS, model)
    with pytest.raises(TypeError, match=r"must be a ray\.data\.Dataset.* Got list"):
        precompute(TEXTS, counts)
    with pytest.raises(TypeError, match="A teacher must be"):
        precompute(dataset, 3)
    with pytest.raises(ValueError, match="'dtype' parameter of embed"):
        embed(dataset, model, dtype="int8")
    with pytest.raises(ValueError, match="'num_gpus' parameter of precompute"):
        precompute(dataset, counts, num_gpus=-1)
    with pytest.raises(FileNotFoundError):
        embed(dataset, "none.sklux")


def test_bad_input_of_count_and_fit(cluster, dataset):
    with pytest.raises(TypeError, match=r"must be a ray\.data\.Dataset.* Got list"):
        count(TEXTS)
    with pytest.raises(TypeError, match=r"must be a ray\.data\.Dataset.* Got list"):
        fit(small_vectorizer(counts), TEXTS)
    with pytest.raises(ValueError, match="no column 'body'"):
        count(dataset, column="body")
    with pytest.raises(ValueError, match="no column 'vector'"):
        fit(small_vectorizer(), dataset, embeddings="vector")
    with pytest.raises(ValueError, match="column 'id' must hold text"):
        fit(small_vectorizer(counts), dataset, column="id")
    for lexical in (
        LexicalVectorizer(analyzer="subword"),
        LexicalVectorizer(tokenizer=str.split, token_pattern=None),
    ):
        with pytest.raises(ValueError, match="count needs a LexicalVectorizer"):
            count(dataset, lexical)
    with pytest.raises(ValueError, match="'max_terms' parameter of count"):
        count(dataset, max_terms=0)
    missing = ray.data.from_arrow(pa.table({"text": ["an apple", None, "a pear"]}))
    with pytest.raises(ValueError, match="null"):
        fit(small_vectorizer(counts), missing)
