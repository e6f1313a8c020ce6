"""Models on a hub: with the real huggingface_hub, and a hub on this machine."""

import re
import subprocess
import sys
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import small_vectorizer
from hub_server import COMMIT, running_hub
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer

from sklux import LexicalVectorizer, LuxicalVectorizer
from sklux.hub import from_pretrained, model_card, push_to_hub, save_pretrained

package = pytest.importorskip("huggingface_hub")
constants = pytest.importorskip("huggingface_hub.constants")
FILES = [
    "README.md",
    "config_sentence_transformers.json",
    "model.sklux",
    "modules.json",
]


def use_hub(address, monkeypatch):
    """Let huggingface_hub ask the hub of this address."""
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    # Older versions have a copy of the second one.
    for module in (constants, import_module("huggingface_hub.file_download")):
        name = "HUGGINGFACE_CO_URL_TEMPLATE"
        monkeypatch.setattr(module, name, template, raising=False)
    set_offline(False, monkeypatch)


def set_offline(value, monkeypatch):
    """Set what HF_HUB_OFFLINE sets when huggingface_hub is imported."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", value)
    # Older versions look at the constant when a session is made.
    getattr(import_module("huggingface_hub.utils"), "reset_sessions", int)()


@pytest.fixture
def hub(monkeypatch):
    """A hub; what it has got is in `repositories` and `calls`."""
    with running_hub() as (address, repositories, calls):
        use_hub(address, monkeypatch)
        yield SimpleNamespace(address=address, repositories=repositories, calls=calls)


@pytest.fixture(scope="module")
def folder(fitted, tmp_path_factory):
    """A folder that `save_pretrained` wrote; tests must not change it."""
    path = tmp_path_factory.mktemp("hub") / "student"
    save_pretrained(fitted, path)
    return path


def cached(path, cache_dir, name="user/student"):
    """Put a file into a cache folder as huggingface_hub does."""
    repository = cache_dir / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    (snapshot / "model.sklux").write_bytes(path.read_bytes())


def test_saved_folder_has_the_files_of_a_repository(folder, fitted, documents):
    assert sorted(path.name for path in folder.iterdir()) == FILES
    card = package.ModelCard.load(folder / "README.md")
    assert card.data.to_dict() == model_card(fitted).data.to_dict()
    assert card.text == model_card(fitted).text
    again = from_pretrained(folder)
    np.testing.assert_array_equal(
        again.transform(documents), fitted.transform(documents)
    )
    assert again.report_ == fitted.report_


def test_saved_folder_is_a_model_of_sentence_transformers(folder, fitted, documents):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    pytest.importorskip("sentence_transformers.base.modules")
    model = sentence_transformers.SentenceTransformer(
        str(folder), device="cpu", trust_remote_code=True
    )
    np.testing.assert_array_equal(model.encode(documents), fitted.transform(documents))
    assert model.similarity_fn_name == "cosine"


def test_save_replaces_an_earlier_folder(fitted, tmp_path):
    save_pretrained(fitted, tmp_path / "deep" / "folder")
    card = package.ModelCard("---\nlicense: mit\n---\n\n# Mine\n")
    save_pretrained(fitted.truncate(2), tmp_path / "deep" / "folder", card=card)
    text = (tmp_path / "deep" / "folder" / "README.md").read_text()
    assert text == "---\nlicense: mit\n---\n\n# Mine\n"
    assert from_pretrained(tmp_path / "deep" / "folder").projection_.n_components_ == 2


def test_push_and_load_again(hub, fitted, documents, tmp_path):
    url = push_to_hub(fitted, "user/student", token="secret", private=True)
    assert url == f"{hub.address}/user/student/commit/{COMMIT}"
    files = hub.repositories["user/student"]
    assert sorted(files) == FILES
    assert "# student\n" in files["README.md"].decode()
    assert 'from_pretrained("user/student")' in files["README.md"].decode()
    tokens = {token for method, _, token in hub.calls if method == "POST"}
    assert tokens == {"Bearer secret"}
    model = from_pretrained(
        "user/student", cache_dir=tmp_path, token="secret", mmap_mode="r"
    )
    np.testing.assert_array_equal(
        model.transform(documents), fitted.transform(documents)
    )
    n_calls = len(hub.calls)
    from_pretrained("user/student", cache_dir=tmp_path, local_files_only=True)
    assert len(hub.calls) == n_calls
    from_pretrained("user/student", cache_dir=tmp_path)
    assert [call[0] for call in hub.calls[n_calls:]] == ["HEAD"]
    from_pretrained("user/student", cache_dir=tmp_path, force_download=True)
    assert [call[0] for call in hub.calls[n_calls + 1 :]] == ["HEAD", "GET"]


def test_sentence_transformers_loads_from_the_hub(hub, fitted, documents, tmp_path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    pytest.importorskip("sentence_transformers.base.modules")
    push_to_hub(fitted, "user/student", token=False)
    model = sentence_transformers.SentenceTransformer(
        "user/student",
        device="cpu",
        trust_remote_code=True,
        cache_folder=str(tmp_path),
    )
    np.testing.assert_array_equal(model.encode(documents), fitted.transform(documents))


def test_push_to_a_branch_makes_it(hub, fitted):
    push_to_hub(fitted, "user/student", revision="trial", token=False)
    paths = [path for method, path, _ in hub.calls if "/student/" in path]
    assert paths == [
        f"/api/models/user/student/{call}/trial"
        for call in ("branch", "preupload", "commit")
    ]


def test_push_passes_its_arguments_on(fitted, monkeypatch):
    calls = {}

    class Api:
        def __init__(self, **options):
            calls["api"] = options

        def create_repo(self, repo_id, **options):
            calls["repo"] = {"repo_id": repo_id} | options

        def upload_folder(self, *, folder_path, **options):
            calls["upload"] = options
            return SimpleNamespace(commit_url="commit", pr_url="request")

    monkeypatch.setattr(package, "HfApi", Api)
    url = push_to_hub(
        fitted,
        "user/student",
        private=False,
        token="secret",
        revision="refs/pr/1",
        commit_message="Better",
        create_pr=True,
    )
    assert url == "request"
    assert calls["api"]["token"] == "secret"
    assert calls["repo"] == {
        "repo_id": "user/student",
        "private": False,
        "exist_ok": True,
    }
    assert calls["upload"] == {
        "repo_id": "user/student",
        "revision": "refs/pr/1",
        "commit_message": "Better",
        "create_pr": True,
    }


def test_load_passes_the_mapping_and_the_checks_on(folder, tmp_path):
    cached(folder / "model.sklux", tmp_path)
    options = {"cache_dir": tmp_path, "local_files_only": True}
    assert isinstance(from_pretrained("user/student", **options), LuxicalVectorizer)
    file = next(tmp_path.rglob("model.sklux"))
    damaged = bytearray(file.read_bytes())
    # In the middle of the tensors, where only the checksums see it.
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(ValueError, match="checksum"):
        from_pretrained("user/student", **options)
    model = from_pretrained("user/student", **options, mmap_mode="r", verify=False)
    assert isinstance(model, LuxicalVectorizer)
    with pytest.raises(ValueError, match="mmap_mode"):
        from_pretrained("user/student", **options, mmap_mode="w")


def test_load_of_another_file_runs_no_pickle(tmp_path):
    pickled = tmp_path / "pickled"
    pickled.write_bytes(b"cos\nabort\n(tR.")
    cached(pickled, tmp_path)
    with pytest.raises(ValueError, match="is not a sklux model file"):
        from_pretrained("user/student", cache_dir=tmp_path, local_files_only=True)


def test_load_says_what_is_missing_on_the_hub(hub, tmp_path):
    hub.repositories["user/other"] = {"model.safetensors": b""}
    with pytest.raises(FileNotFoundError, match=r"'user/other' has no file model\.sk"):
        from_pretrained("user/other", cache_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match="'user/no' does not exist .* auth log"):
        from_pretrained("user/no", cache_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match="has no revision 'v9'"):
        from_pretrained("user/other", cache_dir=tmp_path, revision="v9")


def test_load_without_a_hub_says_why(tmp_path, monkeypatch):
    options = {"cache_dir": tmp_path}
    with pytest.raises(
        FileNotFoundError, match="local_files_only=True. Load the model"
    ):
        from_pretrained("user/student", **options, local_files_only=True)
    set_offline(True, monkeypatch)
    with pytest.raises(
        FileNotFoundError, match="HF_HUB_OFFLINE is set. Load the model"
    ):
        from_pretrained("user/student", **options)
    with running_hub() as (address, *_):
        use_hub(address, monkeypatch)
    with pytest.raises(FileNotFoundError, match=r"the hub did not give it \(.*refused"):
        from_pretrained("user/student", **options)


@pytest.mark.parametrize("name", ["a/b/c", "user/na me", "", "../student"])
def test_wrong_names_are_refused(name, fitted):
    with pytest.raises(ValueError, match="neither a folder nor a name on a model hub"):
        from_pretrained(name)
    with pytest.raises(ValueError, match="neither a folder nor a name on a model hub"):
        push_to_hub(fitted, name)


def test_load_of_a_folder_without_a_model_and_of_a_file(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no file model\.sklux"):
        from_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"is a file. Read it with LuxicalVec"):
        from_pretrained(folder / "model.sklux")


def own_words(text):
    return text.split()


@pytest.mark.parametrize(
    ("lexical", "part"),
    [
        (TfidfVectorizer(analyzer=own_words), "analyzer"),
        (LexicalVectorizer(preprocessor=str.lower), "preprocessor"),
        (LexicalVectorizer(tokenizer=own_words, token_pattern=None), "tokenizer"),
    ],
    ids=["analyzer", "preprocessor", "tokenizer"],
)
def test_models_that_a_file_cannot_hold(
    lexical, part, documents, teacher_embeddings, tmp_path, monkeypatch
):
    model = small_vectorizer(lexical=lexical)
    model.fit(documents, teacher_embeddings=teacher_embeddings)
    with pytest.raises(TypeError, match=f"put on a hub: .*{part}.*fit again"):
        save_pretrained(model, tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(package, "HfApi", None)
    with pytest.raises(TypeError, match=f"put on a hub: .*{part}"):
        push_to_hub(model, "user/student")


def test_bad_models_and_cards(fitted, tmp_path):
    for call in (model_card, lambda model: save_pretrained(model, tmp_path)):
        with pytest.raises(TypeError, match="class LuxicalVectorizer. Got LexicalVec"):
            call(LexicalVectorizer())
        with pytest.raises(NotFittedError):
            call(LuxicalVectorizer())
    with pytest.raises(TypeError, match="must be a huggingface_hub.ModelCard or None"):
        save_pretrained(fitted, tmp_path, card="# Mine")


def test_missing_library_is_named_with_its_extra(fitted, folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    calls = {
        "from_pretrained": lambda: from_pretrained("user/student"),
        "push_to_hub": lambda: push_to_hub(fitted, "user/student"),
        "model_card": lambda: save_pretrained(fitted, tmp_path),
    }
    for name, call in calls.items():
        message = rf"{name} needs the optional package.*pip install 'sklux\[hub\]'"
        with pytest.raises(ImportError, match=message):
            call()
    # A folder is read without it.
    assert isinstance(from_pretrained(folder), LuxicalVectorizer)


def test_a_folder_is_loaded_without_the_library_and_without_torch(folder):
    program = (
        "import sys\n"
        "from sklux.hub import from_pretrained\n"
        f"assert from_pretrained({str(folder)!r}).transform(['apple car']).any()\n"
        "print(*{'torch', 'huggingface_hub', 'sentence_transformers'} & {*sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "\n"


def test_card_names_no_place_of_this_machine(folder):
    assert not re.search(r"/tmp|/home|/root|Users", (folder / "README.md").read_text())
