"""Look-up tables in a model file: the same vectors, and no harm if they are damaged."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import numpy as np
import pytest
from collisions import colliding_pairs, colliding_words
from hypothesis import given, settings
from hypothesis import strategies as st
from models import random_model
from pieces_reference import bert_tokenizer
from sklux._kernels.words import LONGEST_RUN

import sklux._lexical.vectorizer as vectorizer_module
from sklux import LexicalVectorizer, LuxicalVectorizer
from sklux._lexical import ready
from sklux._lexical.ready import PREFIX
from sklux._lexical.subwords import Subwords
from sklux._lexical.tokens import pack_strings
from sklux._lexical.vectorizer import default_lexical_stage
from sklux._utils.model_file import read_model, write_model

DOCUMENTS = [
    "The quick brown fox jumps over the lazy dog, twice.",
    "Internationalisation of the pneumonoultramicroscopic: the lazy dog sleeps!",
    "na\u00efve caf\u00e9s \u2014 \u00dcbergr\u00f6\u00dfe; a brown fox, the dog",
    "\u65e5\u672c\u8a9e\u306e\u6587 and \u0e2a\u0e37\u0e49\u0e2d a fox e\u0301",
    "",
]
QUERIES = [
    *DOCUMENTS,
    "the foxes of an unknown internationalised caf\u00e9",
    "\u65e5\u672c \ud55c\uad6d\uc5b4 E\u0301 \u212b \U0001f34e \ud800",
    "\u1e0b\u0323 \u0130\u03a3 pneumonoultramicroscopics",
]
STAGES = {
    "default": default_lexical_stage(),
    "words": LexicalVectorizer(analyzer="word", stop_words=["a", "the"]),
    "trigrams": LexicalVectorizer(
        analyzer="word", ngram_range=(2, 3), strip_accents="unicode"
    ),
    "characters": LexicalVectorizer(analyzer="char_wb", ngram_range=(2, 4)),
    "pieces": LexicalVectorizer(
        analyzer="subword", ngram_range=(1, 2), segmentation="unicode", n_subwords=300
    ),
    "tokenizer": LexicalVectorizer(
        analyzer="word+subword", tokenizer=bert_tokenizer(), stop_words=["the"]
    ),
}


def saved_model(name, folder, in_order=False):
    """A model with random weights, and its file."""
    model = random_model(STAGES[name].fit(DOCUMENTS), in_order=in_order)
    model.save(folder / "model")
    return model, folder / "model"


def load_mapped(path):
    return LuxicalVectorizer.load(path, mmap_mode="r", verify=False)


def forbid_building(monkeypatch):
    """Make it an error to build a table, or to parse a tokenizer."""

    def refuse(*args, **kwargs):
        raise AssertionError("the tables of the file were not used")

    monkeypatch.setattr(vectorizer_module, "term_reader", refuse)
    for name in ("word_tables", "character_tables", "composition_pages"):
        monkeypatch.setattr(f"sklux._lexical.analysis.{name}", refuse)
    monkeypatch.setattr("sklux._lexical.subwords.composition_pages", refuse)
    monkeypatch.setattr(Subwords, "_state", property(refuse))


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_ready_tables_give_the_same_bits(
    tmp_path, monkeypatch, name, in_order, mmap_mode
):
    model, path = saved_model(name, tmp_path, in_order)
    expected = model.transform(QUERIES)
    forbid_building(monkeypatch)
    loaded = LuxicalVectorizer.load(path, mmap_mode=mmap_mode, verify=False)
    assert expected.any(axis=1).sum() >= 4
    np.testing.assert_array_equal(loaded.transform(QUERIES), expected)


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("change", ["none", "version", "unicode", "byte_order"])
def test_ready_tables_of_another_version_are_built_anew(tmp_path, name, change):
    """A file without tables works in the same way."""
    model, path = saved_model(name, tmp_path)
    tensors, state = read_model(path, mmap_mode=None, verify=True)
    if change == "none":
        tensors = {n: a for n, a in tensors.items() if not n.startswith(PREFIX)}
        del state["tables"]
    else:
        state["tables"][change] = "another"
        # They are not read at all.
        tensors = {n: a[:0] if n.startswith(PREFIX) else a for n, a in tensors.items()}
    write_model(path, tensors, state)
    np.testing.assert_array_equal(
        load_mapped(path).transform(QUERIES), model.transform(QUERIES)
    )


@pytest.mark.parametrize(
    "params",
    [
        {"stop_words": ["fox", "the"]},
        {"stop_words": None},
        {"lowercase": False},
        {"strip_accents": "unicode"},
        {"segmentation": "unicode"},
        {"ngram_range": (1, 2)},
    ],
    ids=str,
)
def test_ready_tables_follow_later_settings(tmp_path, params):
    model, path = saved_model("words", tmp_path)
    loaded = load_mapped(path)
    for changed in (model, loaded):
        changed.lexical_.set_params(**params)
    np.testing.assert_array_equal(loaded.transform(QUERIES), model.transform(QUERIES))


def test_ready_tables_are_for_one_order_of_rows(tmp_path):
    """The matrix has its own columns."""
    model, path = saved_model("default", tmp_path)
    found = load_mapped(path).lexical_.transform(QUERIES)
    assert (found != model.lexical_.transform(QUERIES)).nnz == 0


@pytest.mark.parametrize(
    "derive",
    [
        lambda model: pickle.loads(pickle.dumps(model)),
        deepcopy,
        lambda model: model.quantize("int8"),
        lambda model: model.truncate(7),
    ],
    ids=["pickle", "deepcopy", "quantize", "truncate"],
)
def test_ready_tables_of_derived_models(tmp_path, derive):
    model, path = saved_model("default", tmp_path)
    loaded = load_mapped(path)
    expected = derive(model).transform(QUERIES)
    for _ in range(2):
        derived = derive(loaded)
        np.testing.assert_array_equal(derived.transform(QUERIES), expected)
        derived.save(tmp_path / "derived")
        again = load_mapped(tmp_path / "derived")
        np.testing.assert_array_equal(again.transform(QUERIES), expected)
        # Tables are in use now.
        loaded.transform(QUERIES)


def test_ready_tables_outlive_their_model(tmp_path):
    """A reader keeps the file mapped."""
    model, path = saved_model("default", tmp_path)
    loaded = load_mapped(path)
    fused = loaded._fused_transform()
    del loaded
    path.unlink()
    blocks = list(vectorizer_module.text_buffers(QUERIES))
    np.testing.assert_array_equal(fused(blocks, 1), model.transform(QUERIES))


def test_ready_tables_in_threads(tmp_path):
    model, path = saved_model("default", tmp_path)
    expected, loaded = model.transform(QUERIES), load_mapped(path)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(loaded.transform, [QUERIES] * 16):
            np.testing.assert_array_equal(found, expected)


def test_ready_tables_do_not_grow(tmp_path):
    _, path = saved_model("default", tmp_path)
    table = load_mapped(path)._fused_transform().reader.indexes[1].table
    with pytest.raises(ValueError, match="a table that uses other words cannot grow"):
        table.add(*pack_strings(["new"]))


@pytest.mark.parametrize("name", STAGES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_ready_tables_that_are_damaged_do_no_harm(tmp_path_factory, name, data):
    """Any bytes of any table: vectors, or a ValueError."""
    if name not in FILES:
        path = saved_model(name, tmp_path_factory.mktemp("damaged"))[1]
        FILES[name] = path, *read_model(path, mmap_mode=None, verify=True)
    path, tensors, state = FILES[name]
    tables = sorted(n for n, a in tensors.items() if n.startswith(PREFIX) and a.size)
    chosen = data.draw(st.sampled_from(tables))
    damaged = tensors[chosen].copy()
    change_bytes(damaged.reshape(-1).view(np.uint8), data)
    write_model(path, tensors | {chosen: damaged}, state)
    use(path)


# Files of the test above, by the name of the stage.
FILES = {}


def change_bytes(content, data):
    """Overwrite some bytes, or repeat one value of four bytes everywhere."""
    if data.draw(st.booleans()):
        value = data.draw(st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE]))
        whole = content[: len(content) // 4 * 4].view(np.uint32)
        whole[data.draw(st.integers(0, 3)) :: data.draw(st.integers(1, 4))] = value
        return
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))


def use(path):
    """Read documents with a damaged file, which may be refused."""
    try:
        vectors = load_mapped(path).transform(QUERIES)
    except ValueError:
        return
    assert vectors.shape[0] == len(QUERIES)


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize(
    "change",
    [
        lambda array: array[:0],
        lambda array: array[: len(array) // 2],
        lambda array: array[:-1],
        lambda array: array.astype(np.float32),
        lambda array: array.reshape(-1, 1, 1),
        None,
    ],
    ids=["empty", "half", "short", "dtype", "shape", "missing"],
)
def test_ready_tables_of_another_shape_do_no_harm(tmp_path, name, change):
    _, path = saved_model(name, tmp_path)
    tensors, state = read_model(path, mmap_mode=None, verify=True)
    for table in [n for n in tensors if n.startswith(PREFIX)]:
        others = {n: a for n, a in tensors.items() if n != table}
        if change is not None:
            others[table] = change(tensors[table])
        write_model(path, others, state)
        use(path)


@pytest.mark.parametrize(
    ("table", "value", "message"),
    [
        ("1.slots", np.uint64(0), "a word leads outside"),
        ("1.steps", np.uint64(1 << 62), "a step leads outside"),
        ("1.columns", np.uint32(1 << 20), "a column leads outside"),
        ("1.words_offsets", np.int64(5), "its words do not fit"),
        ("1.shifts", np.int32(1 << 30), "table of characters is damaged"),
        ("1.composing_pages", np.uint16(1 << 15), "table of characters is damaged"),
        ("0.trie", np.uint64(1 << 62), "a step leads outside"),
        ("0.numbers", np.uint32(1 << 20), "word pieces are damaged"),
    ],
)
def test_ready_tables_that_lead_outside_are_refused(tmp_path, table, value, message):
    _, path = saved_model("default", tmp_path)
    tensors, state = read_model(path, mmap_mode=None, verify=True)
    tensors[PREFIX + table][:] = value
    write_model(path, tensors, state)
    with pytest.raises(ValueError, match=message):
        load_mapped(path).transform(QUERIES)


@pytest.mark.parametrize(
    "damage",
    [
        {"parts": None},
        {"parts": []},
        {"parts": [{}, {}]},
        {"parts": [{"trie": [-1, 3]}, {}]},
        {"parts": [{"trie": [1 << 40, 3]}, {}]},
        {"parts": [{"trie": [0, 1 << 70]}, {}]},
        {"parts": [{"trie": "xy"}, {}]},
    ],
    ids=str,
)
def test_ready_tables_with_a_damaged_state(tmp_path, damage):
    _, path = saved_model("default", tmp_path)
    tensors, state = read_model(path, mmap_mode=None, verify=True)
    state["tables"] |= damage
    write_model(path, tensors, state)
    use(path)


@pytest.mark.parametrize("table", ["1.slots", "1.steps", "0.trie"])
def test_ready_tables_with_long_searches_are_built_anew(tmp_path, monkeypatch, table):
    """A file of an earlier version, or a forged file, may have terms that collide."""
    model, path = saved_model("default", tmp_path)
    tensors, state = read_model(path, mmap_mode=None, verify=True)
    # Slots that nothing leads to, with the number and the column of another slot.
    slots = tensors[PREFIX + table].copy()
    used = slots[slots[:, 1] & np.uint64(0xFFFFFFFF) != 0xFFFFFFFF][0, 1]
    slots = np.full((4096, 2), 0xFFFFFFFFFFFFFFFF, dtype=np.uint64)
    slots[:LONGEST_RUN] = 0x7E, used
    tensors[PREFIX + table] = slots
    write_model(path, tensors, state)
    loaded = load_mapped(path)
    # The run is not too long yet, so its table is used, and has lost its terms.
    assert not np.array_equal(loaded.transform(QUERIES), model.transform(QUERIES))
    slots[-1] = slots[0]
    write_model(path, tensors, state)
    np.testing.assert_array_equal(
        load_mapped(path).transform(QUERIES), model.transform(QUERIES)
    )


@pytest.mark.parametrize("kind", ["words", "pairs"])
def test_ready_tables_are_not_stored_for_terms_that_collide(tmp_path, kind):
    """Their slots would depend on the process."""
    if kind == "words":
        terms, lexical = colliding_words(1500), LexicalVectorizer(analyzer="word")
    else:
        pairs = colliding_pairs(1000, 9)
        terms = [f"w{i:04d}" for i in range(1000)]
        terms += [f"{terms[a]} {terms[b]}" for a, b in pairs]
        lexical = LexicalVectorizer(analyzer="word", ngram_range=(1, 2))
    model = random_model(lexical.fit(terms), in_order=True)
    model.save(tmp_path / "model")
    tensors, state = read_model(tmp_path / "model", mmap_mode=None, verify=True)
    assert state["tables"] is None
    assert not [name for name in tensors if name.startswith(PREFIX)]
    np.testing.assert_array_equal(
        load_mapped(tmp_path / "model").transform(terms), model.transform(terms)
    )


def test_ready_tables_are_not_stored_for_other_ways(tmp_path):
    """A stage that the kernels do not read needs no tables."""
    lexical = LexicalVectorizer(analyzer="word", token_pattern=r"[a-z]+")
    model = random_model(lexical.fit(DOCUMENTS))
    model.save(tmp_path / "model")
    tensors, state = read_model(tmp_path / "model", mmap_mode=None, verify=True)
    assert state["tables"] is None
    assert not any(name.startswith(PREFIX) for name in tensors)


def test_ready_state_names_the_versions(tmp_path):
    _, path = saved_model("default", tmp_path)
    _, state = read_model(path, mmap_mode=None, verify=True)
    assert ready._versions().items() <= state["tables"].items()
