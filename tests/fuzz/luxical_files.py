"""Luxical files: archives of arrays, whose values, tokenizer or bytes are forged."""

import io
import json
import zipfile

import numpy as np
from hypothesis import strategies as st
from pieces_reference import bert_tokenizer, other_tokenizer
from test_interop import count_ngrams, make_arrays, word_tokenizer

from fuzz.changes import (
    array_changes,
    byte_changes,
    value_changes,
    with_array,
    with_bytes,
    with_value,
)
from fuzz.model_files import use
from sklux.interop import load_luxical

MEMORY_MB = 256


def prepare(folder):
    """Arrays of files with different tokenizers, and the files as they are written."""
    prepared = {}
    for name in ("bert", "bpe", "unigram", "words"):
        if name == "words":
            tokenizer = word_tokenizer({"[UNK]": 0, "a": 1, "tree": 2})
            ngrams = [[1], [2, 1], [0]]
        else:
            kind = bert_tokenizer() if name == "bert" else other_tokenizer(name)
            tokenizer, (ngrams, _) = kind.to_str(), count_ngrams(kind, 2)
        arrays = make_arrays(tokenizer, ngrams[-40:], (8, 6))
        prepared[name] = (arrays, archive_of(arrays, False))
    return prepared


def archive_of(arrays, is_compressed):
    """The bytes of an archive; names may be anything."""
    stream = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if is_compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", kind) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
            archive.writestr(f"{name}.npy", member.getvalue())
    return stream.getvalue()


def cases(prepared):
    """A file, and one or more changes of its arrays, its tokenizer or its bytes."""

    def changes_of(name):
        arrays, content = prepared[name]
        tokenizer = json.loads(arrays["tokenizer"].tobytes())
        one = st.sampled_from(sorted(arrays)).flatmap(
            lambda key: st.fixed_dictionaries(
                {
                    "array": st.just(key),
                    "change": array_changes(np.asarray(arrays[key])),
                }
            )
        ) | st.fixed_dictionaries({"tokenizer": value_changes(tokenizer)})
        after = st.fixed_dictionaries({"file": byte_changes(content)})
        return st.fixed_dictionaries(
            {
                "file": st.just(name),
                "changes": st.lists(one, min_size=1, max_size=3)
                | st.lists(after, min_size=1, max_size=2),
                "is_compressed": st.booleans(),
            }
        )

    return st.sampled_from(sorted(prepared)).flatmap(changes_of)


def content_of(prepared, case):
    """The bytes of the file of a case."""
    arrays, content = prepared[case["file"]]
    for change in case["changes"]:
        if "file" in change:
            content = with_bytes(content, change["file"])
        elif "tokenizer" in change:
            tokenizer = json.loads(prepared[case["file"]][0]["tokenizer"].tobytes())
            text = json.dumps(with_value(tokenizer, change["tokenizer"]))
            arrays = arrays | {"tokenizer": np.frombuffer(text.encode(), np.uint8)}
        elif change["change"] is None:
            arrays = {k: v for k, v in arrays.items() if k != change["array"]}
        elif change["array"] in arrays:
            array = np.asarray(arrays[change["array"]])
            arrays = arrays | {change["array"]: with_array(array, change["change"])}
    is_whole = "file" in case["changes"][0]
    return content if is_whole else archive_of(arrays, case["is_compressed"])


def check(prepared, case, folder):
    """Fail unless `load_luxical` refuses the file, or gives a model that works."""
    path = folder / "forged.npz"
    path.write_bytes(content_of(prepared, case))
    try:
        model = load_luxical(path)
    except ValueError as error:
        assert str(error).startswith("The Luxical file ")
        return
    use(model)
