"""JSON lines, arrays and objects of several lines."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklux._commands import json_rows
from sklux._commands.json_rows import ABSENT, keys_of, value_at
from sklux._commands.text_input import TextInput

ROWS = [
    {"text": 'a ] } " \\ [ { , \n', "n": 1.5},
    {"text": "naïve 漢字 🙂", "meta": {"tags": ["x", {"y": None}]}},
    {},
    {"text": ""},
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=5)


def read(content, encoding="utf-8"):
    text = TextInput(io.BytesIO(content.encode(encoding)), "a.json")
    return list(json_rows.json_rows(text))


def written(rows, form, **options):
    if form == "array":
        return json.dumps(rows, **options)
    return "".join(json.dumps(row, **options) + "\n" for row in rows)


@pytest.mark.parametrize("form", ["array", "lines"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("is_ascii", [True, False])
@pytest.mark.parametrize("n_characters", [1, 7, 2**16])
def test_json_rows_of_each_form(monkeypatch, form, indent, is_ascii, n_characters):
    """In chunks of any size; objects may take several lines."""
    monkeypatch.setattr(json_rows, "CHUNK_CHARACTERS", n_characters)
    content = written(ROWS, form, indent=indent, ensure_ascii=is_ascii)
    assert read(content) == ROWS
    assert read(f"\n \n{content}\n\n") == ROWS
    if not is_ascii:
        assert read(content, "utf-16") == ROWS
        assert read(content, "utf-8-sig") == ROWS


@settings(max_examples=100, deadline=None)
@given(OBJECTS, st.integers(1, 50), st.sampled_from([None, 1]))
def test_json_rows_any_array(rows, n_characters, indent):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_rows, "CHUNK_CHARACTERS", n_characters)
        assert read(json.dumps(rows, indent=indent)) == rows


@pytest.mark.parametrize("content", ["", "\n\n", "[]", " [ ] "])
def test_json_rows_empty(content):
    assert read(content) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"a": 1}', "Element 1 of a.json is not followed by a comma"),
        (
            '["a b"]',
            "Element 1 of .* but '\"a b\"'. Make each text the value of a key.",
        ),
        ('[{"a": 1},', "Element 2 of a.json is not JSON: .*It begins with ''"),
        ('[{"a": 1}, {"b": ]', "Element 2 .* It begins with '{\"b\": ]'"),
        ('[{"a": 1} {"b": 2}]', "Element 1 .* is not followed by a comma"),
        ('[{"a": 1}] x', "Element 1 .* is the last one, but text follows the array"),
        ('["a"]', "Element 1 of a.json is not a JSON object.* but '\"a\"'"),
        ("[1, 2]", "Element 1 of a.json is not a JSON object"),
        ('{"a": 1}\n["b"]\n', "Line 2 of a.json is not a JSON object"),
        ('{"a": 1}\n{"b": \n', 'Line 2 of a.json is not JSON: .* The line is \'{"b"'),
        ('{"a" 1}\n', 'Line 1 of a.json is not JSON: .* The line is \'{"a" 1}'),
        ('{\n"a": 1\n}\n{"a"\n', "Element 2 of a.json is not JSON"),
        ("[" * 200_000, "Element 1 of a.json is nested too deeply"),
        ('{"a":' * 200_000, "Line 1 of a.json is nested too deeply"),
        ("id,text\n1,a\n", "Line 1 of a.json is not JSON: .* The line is 'id,text"),
    ],
)
def test_json_rows_errors_show_what_was_found(content, message):
    with pytest.raises(ValueError, match=message):
        read(content)


def test_json_rows_object_that_never_ends(monkeypatch):
    """It does not fill the memory."""
    monkeypatch.setattr(json_rows, "MAX_OBJECT_CHARACTERS", 1000)
    monkeypatch.setattr(json_rows, "CHUNK_CHARACTERS", 100)
    file = io.BytesIO(b'[{"a": "' + b"x" * 100_000)
    text = TextInput(file, "a.json")
    stream, left = text.stream(), []
    objects = json_rows._Objects(iter(lambda: stream.read(100), ""), text)
    with pytest.raises(ValueError, match="Element 1 of a.json is not JSON: Untermin"):
        left.extend(objects.array())
    assert len(objects._buffer) < 5000


def test_json_rows_array_in_another_encoding():
    text = TextInput(io.BytesIO(b'[{"a": "caf\xe9"}]'), "a.json")
    with pytest.raises(ValueError, match=r"caf\\xe9.*--encoding"):
        list(json_rows.json_rows(text))


def test_value_at_follows_paths():
    row = {"a": {"b": {"c": 1}, "d": None}, "a.d": 2, "e": [3]}
    found = [value_at(row, name) for name in ("a.b.c", "a.b", "a.d", "e")]
    assert found == [1, {"c": 1}, 2, [3]]
    for name in ("x", "a.x", "a.b.c.x", "e.0", "a."):
        assert value_at(row, name) is ABSENT


def test_keys_of_shows_paths():
    row = {"a": {"b": {"c": {"d": {"e": 1}}}, "f": {}}, "g": [{"h": 1}]}
    assert list(keys_of(row)) == ["a.b.c.d", "a.f", "g"]
