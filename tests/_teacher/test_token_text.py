"""The text that a token of a tokenizer stands for."""

import json
from types import SimpleNamespace

import pytest

from sklux._teacher.token_text import has_mark, is_marked, token_reader
from sklux._teacher.words import tokenizer_words

tokenizers = pytest.importorskip("tokenizers")

RUSSIAN = """яблоко груша слива машина мотор тормоз музыка скрипка гитара флейта барабан
книга страница дорога улица город деревня река озеро море гора лес трава цветок солнце
луна звезда""".split()
FRENCH = """pomme poire élève école été forêt garçon français déjà fenêtre théâtre
hôpital cœur sœur œuvre naïf maïs noël bientôt côté idée année journée soirée lumière
rivière château""".split()
CHINESE = """苹果 香蕉 汽车 火车 飞机 音乐 电影 学校 老师 学生 朋友 城市 农村 河流 海洋
高山 森林 花朵 太阳 月亮 星星 中国 北京 上海 今天 明天""".split()
# Words with vowels that are marks.
MARKED = "हिन्दी भाषा किताब ปีใหม่ เสื้อ தமிழ் বাংলা".split()
WORDS = RUSSIAN + FRENCH + CHINESE
SPECIAL = ["<s>", "<pad>", "[CLS]", "unk"]
TRAINING = dict(show_progress=False, special_tokens=SPECIAL, vocab_size=5000)


def bpe(end="", **options):
    """A model of byte pairs and its trainer."""
    ends = {"end_of_word_suffix": end} if end else {}
    trainer = tokenizers.trainers.BpeTrainer(**TRAINING, **ends, **options)
    return tokenizers.models.BPE(**ends), trainer


def parts_of(kind, words):
    """Model, trainer, pre-tokenizer and decoder of a kind of tokenizer."""
    models, trainers = tokenizers.models, tokenizers.trainers
    pre, decoders = tokenizers.pre_tokenizers, tokenizers.decoders
    if kind.startswith("byte level"):
        end = "</w>" if kind.endswith("ends") else ""
        first = pre.ByteLevel(add_prefix_space=kind.endswith("marks"))
        model = bpe(end, initial_alphabet=pre.ByteLevel.alphabet())
        return *model, first, decoders.ByteLevel()
    if kind == "BPE with ▁":
        steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
        steps.append(decoders.Strip(" ", 1, 0))
        return *bpe(), pre.Metaspace(), decoders.Sequence(steps)
    if kind == "BPE with </w>":
        return *bpe("</w>"), pre.Whitespace(), decoders.BPEDecoder()
    if kind == "Unigram":
        # Its trainer drops words that are made of frequent parts: they are given.
        pieces = ["unk", "<0x0A>", "<0xD0>", "▁", *sorted(set("".join(words)))]
        pieces += [f"▁{word}" for word in words]
        scored = [(piece, -float(rank)) for rank, piece in enumerate(pieces)]
        model = models.Unigram(scored, unk_id=0, byte_fallback=True)
        return model, None, pre.Metaspace(), decoders.Metaspace()
    model = models.WordPiece(unk_token="unk")
    trainer = trainers.WordPieceTrainer(**TRAINING)
    return model, trainer, pre.Whitespace(), decoders.WordPiece()


def trained(kind, words=WORDS, has_decoder=True):
    """A small tokenizer with a token for each word, if the trainer wants it."""
    model, trainer, pre_tokenizer, decoder = parts_of(kind, words)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer
    if has_decoder:
        tokenizer.decoder = decoder
    if trainer is not None:
        tokenizer.train_from_iterator(words * 20, trainer)
    tokenizer.add_tokens(["added"])
    return tokenizer


def words_of(tokenizer):
    return tokenizer_words(SimpleNamespace(tokenizer=tokenizer))


KINDS = [
    "byte level",
    "byte level with marks",
    "byte level with ends",
    "BPE with ▁",
    "BPE with </w>",
    "Unigram",
    "WordPiece",
]


@pytest.mark.parametrize("has_decoder", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_token_text_of_all_words(kind, has_decoder):
    """80 words of Russian, French and Chinese. A byte-level kind had 2 of them."""
    tokenizer = trained(kind, has_decoder=has_decoder)
    found = words_of(tokenizer)
    assert set(WORDS) <= set(found)
    # Parts of words cannot be told from words, but there is nothing else.
    assert all(any(text in word for word in WORDS) for text in found)
    assert len(found) == len(set(found))
    assert not {"added", "unk"} & set(found)


@pytest.mark.parametrize("kind", ["byte level with marks", "BPE with ▁", "WordPiece"])
def test_token_text_of_parts_within_words_is_not_a_word(kind):
    tokenizer = trained(kind, RUSSIAN)
    inner = {
        tokenizer.decode([number]).removeprefix("##")
        for token, number in tokenizer.get_vocab().items()
        if token[0] not in "▁Ġ"
    } - set(RUSSIAN)
    beginnings = {word[:length] for word in RUSSIAN for length in range(len(word) + 1)}
    assert len(inner - beginnings) > 10
    assert not (inner - beginnings) & set(words_of(tokenizer))


@pytest.mark.parametrize("kind", KINDS[3:])
def test_token_text_of_words_with_vowel_marks(kind):
    """Python does not count such marks as letters."""
    assert set(MARKED) <= set(words_of(trained(kind, MARKED)))


@pytest.mark.parametrize("kind", ["byte level with marks", "BPE with ▁"])
def test_token_text_of_chinese_words_within_a_sentence_of_spaced_words(kind):
    """They have no mark of a beginning, because there is no space before them."""
    sentences = [f"{word}{word}" for word in CHINESE[:3]] + RUSSIAN * 3
    assert set(CHINESE[:3]) <= set(words_of(trained(kind, sentences)))


@pytest.mark.parametrize("kind", KINDS)
def test_token_text_of_fast_tokenizers_of_transformers(kind):
    transformers = pytest.importorskip("transformers")
    tokenizer = trained(kind)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="unk"
    )
    assert words_of(fast) == words_of(tokenizer)


def test_token_text_of_a_slow_byte_level_tokenizer(tmp_path):
    """Slow tokenizers have no decoder of the tokenizers library."""
    clvp = pytest.importorskip("transformers.models.clvp.tokenization_clvp")
    state = json.loads(trained("byte level with marks").to_str())["model"]
    (tmp_path / "vocab.json").write_text(json.dumps(state["vocab"]), encoding="utf-8")
    merges = "\n".join(" ".join(pair) for pair in state["merges"])
    (tmp_path / "merges.txt").write_text(f"#version\n{merges}\n", encoding="utf-8")
    slow = clvp.ClvpTokenizer(
        *(str(tmp_path / name) for name in ("vocab.json", "merges.txt")),
        unk_token="unk",
    )
    assert set(WORDS) <= set(words_of(slow))


def test_token_reader_leaves_what_is_no_text():
    tokens = ["<0x0A>", "<s>", "[UNK]", "ĠÐ", "ĠÐ´Ð¾Ð¼", "Ð¾Ð¼", "Ġ"]
    read = token_reader(SimpleNamespace(), tokens)
    assert [read(token) for token in tokens] == ["", "", "", "", "дом", "ом", ""]


def test_token_reader_removes_the_marks_of_its_vocabulary_alone():
    """Ġ is a letter of Maltese, and words of a user may end as HTML does."""
    words = ["Ġorġ", *["dar", "triq", "belt"] * 10]
    read = token_reader(SimpleNamespace(), words)
    assert read("Ġorġ") == "Ġorġ"
    assert read("belt</w>") == "belt</w>"
    assert not is_marked(words, "Ġ")
    assert not is_marked([], "Ġ")
    assert has_mark("Ġorġ", "Ġ")
    assert not has_mark("Ġorġ", "</w>")
