"""Models on a hub: folders with a model card, uploads and downloads."""

import os
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Literal

from sklearn.utils.validation import check_is_fitted

from sklux._hub.card import TAGS, Stated, card_text, teacher_name
from sklux._hub.files import CARD_FILE, MODEL_FILE, write_settings, write_text
from sklux._teacher.named import hub_problem
from sklux._utils.messages import as_sentence
from sklux._utils.optional import import_optional
from sklux._vectorizer import LuxicalVectorizer

__all__ = ["from_pretrained", "model_card", "push_to_hub", "save_pretrained"]


def from_pretrained(
    repo_id: str | os.PathLike[str],
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
    local_files_only: bool = False,
    mmap_mode: Literal["r"] | None = None,
    verify: bool = True,
) -> LuxicalVectorizer:
    """Load a student from a model hub, or from a folder.

    The file is downloaded once and then kept in the cache of huggingface_hub. No code
    is loaded with it: `LuxicalVectorizer.load` reads and checks the file.

    Parameters
    ----------
    repo_id : str or path-like
        Name of a repository, such as ``"user/name"``, or a folder that
        `save_pretrained` wrote.

    revision : str or None, default=None
        Branch, tag or commit. None means the main branch.

    token : str, bool or None, default=None
        Token of the hub for private repositories. None means the token that
        ``hf auth login`` stored.

    cache_dir : str, path-like or None, default=None
        Cache folder. None means the folder that huggingface_hub uses.

    force_download : bool, default=False
        Whether to download the file again if it is in the cache.

    local_files_only : bool, default=False
        Whether to read the cache only, without asking the hub.

    mmap_mode : {'r', None}, default=None
        As in `LuxicalVectorizer.load`.

    verify : bool, default=True
        As in `LuxicalVectorizer.load`.

    Returns
    -------
    LuxicalVectorizer
        Fitted, with ``teacher=None``.

    Raises
    ------
    FileNotFoundError
        If there is no such repository, revision or model file, or if the hub cannot be
        asked and the model is not in the cache.
    ImportError
        If huggingface_hub is not installed. A folder does not need it.
    ValueError
        If `repo_id` is neither a folder nor a name that a hub allows, or if the file is
        not a model file.

    See Also
    --------
    push_to_hub : Uploads a model.
    LuxicalVectorizer.load : Reads a single file.

    Examples
    --------
    >>> from sklux.hub import from_pretrained
    >>> model = from_pretrained("user/name")  # doctest: +SKIP
    >>> model.transform(["shortest path in a graph"]).shape  # doctest: +SKIP
    (1, 256)
    """
    name = os.fspath(repo_id)
    if os.path.isdir(name):
        path = os.path.join(name, MODEL_FILE)
        if not os.path.isfile(path):
            raise FileNotFoundError(
                f"The folder {name!r} has no file {MODEL_FILE}. Give a folder that "
                "save_pretrained wrote, or load a single file with "
                "LuxicalVectorizer.load."
            )
    elif os.path.isfile(name):
        raise ValueError(
            f"repo_id={name!r} is a file. Read it with LuxicalVectorizer.load."
        )
    else:
        path = _downloaded(
            name,
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            force_download=force_download,
            local_files_only=local_files_only,
        )
    return LuxicalVectorizer.load(path, mmap_mode=mmap_mode, verify=verify)


def save_pretrained(
    model: LuxicalVectorizer, folder: str | os.PathLike[str], *, card: Any = None
) -> None:
    """Write a folder for a model hub: the model file and its card.

    `from_pretrained` reads the folder, and so does
    ``SentenceTransformer(folder, trust_remote_code=True)``. You can look at the card
    and change it, and then upload the folder with huggingface_hub:
    ``hf upload user/name folder``.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    folder : str or path-like
        Folder to write to. It is made if it does not exist. The files of an earlier
        call are replaced, the card too.

    card : huggingface_hub.ModelCard or None, default=None
        Card to write as ``README.md``. None means ``model_card(model)``.

    Raises
    ------
    ImportError
        If huggingface_hub is not installed.
    NotFittedError
        If `model` is not fitted.
    TypeError
        If `model` is not a `LuxicalVectorizer`, or if a model file cannot hold one of
        its parts.
    OSError
        If a file cannot be written.

    See Also
    --------
    model_card : Makes a card with a licence, a language and the data.
    push_to_hub : Uploads the same files.

    Examples
    --------
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.hub import model_card, save_pretrained
    >>> model = LuxicalVectorizer.load("model.sklux")  # doctest: +SKIP
    >>> card = model_card(model, license="mit", language="en")  # doctest: +SKIP
    >>> save_pretrained(model, "folder", card=card)  # doctest: +SKIP
    """
    _check_model(model)
    card = model_card(model) if card is None else card
    _check_card(card)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        model.save(folder / MODEL_FILE)
    except TypeError as error:
        raise TypeError(
            f"The model cannot be put on a hub: {as_sentence(error)} A hub gets model "
            "files only, because a pickle can run code. Replace this part by "
            "parameters that a model file can hold, and fit again."
        ) from error
    write_settings(folder)
    write_text(folder / CARD_FILE, str(card))


def push_to_hub(
    model: LuxicalVectorizer,
    repo_id: str,
    *,
    card: Any = None,
    private: bool | None = None,
    token: str | bool | None = None,
    revision: str | None = None,
    commit_message: str = "Upload a model of sklux",
    create_pr: bool = False,
) -> str:
    """Upload a student to a model hub, in one commit.

    The repository is made if it does not exist. The terms of the model are in its file,
    and rare terms may be names: choose `min_df` with care before you publish a model.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    repo_id : str
        Name of the repository, such as ``"user/name"``.

    card : huggingface_hub.ModelCard or None, default=None
        Model card. None means ``model_card(model, repo_id=repo_id)``. To keep a card
        that is on the hub, give ``huggingface_hub.ModelCard.load(repo_id)``.

    private : bool or None, default=None
        Whether a new repository is private. None means the default of the hub. It does
        not change a repository that exists.

    token : str, bool or None, default=None
        Token of the hub with the right to write. None means the token that
        ``hf auth login`` stored.

    revision : str or None, default=None
        Branch to commit to; it is made if it does not exist. None means the main
        branch.

    commit_message : str, default="Upload a model of sklux"
        First line of the commit.

    create_pr : bool, default=False
        Whether to make a pull request instead of a commit to the branch.

    Returns
    -------
    str
        Address of the commit, or of the pull request.

    Raises
    ------
    ImportError
        If huggingface_hub is not installed.
    NotFittedError
        If `model` is not fitted.
    TypeError
        If `model` is not a `LuxicalVectorizer`, or if a model file cannot hold one of
        its parts. Nothing is uploaded then.
    ValueError
        If the hub does not allow the name.
    OSError
        If the hub cannot be reached, or refuses the upload.

    See Also
    --------
    save_pretrained : Writes the same files to a folder.
    from_pretrained : Loads the model.

    Examples
    --------
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.hub import model_card, push_to_hub
    >>> model = LuxicalVectorizer.load("model.sklux")  # doctest: +SKIP
    >>> card = model_card(model, repo_id="user/name", license="mit")  # doctest: +SKIP
    >>> push_to_hub(model, "user/name", card=card)  # doctest: +SKIP
    """
    library: Any = _library("push_to_hub")
    _check_name(repo_id)
    with TemporaryDirectory() as folder:
        card = model_card(model, repo_id=repo_id) if card is None else card
        save_pretrained(model, folder, card=card)
        api = library.HfApi(
            token=token, library_name="sklux", library_version=version("sklux")
        )
        api.create_repo(repo_id, private=private, exist_ok=True)
        if revision is not None and not revision.startswith("refs/"):
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            revision=revision,
            commit_message=commit_message,
            create_pr=create_pr,
        )
    return str(commit.pr_url if create_pr else commit.commit_url)


def model_card(
    model: LuxicalVectorizer,
    *,
    repo_id: str | None = None,
    license: str | None = None,
    language: str | Sequence[str] | None = None,
    datasets: str | Sequence[str] | None = None,
    base_model: str | None = None,
    description: str | None = None,
) -> Any:
    """Make a model card from a fitted student.

    The figures come from the model's `report_`. What the model does not hold, and
    you do not state, is left out, and the card says so.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    repo_id : str or None, default=None
        Name of the repository, for the title and the examples.

    license : str or None, default=None
        Identifier of the licence of the model, such as ``"mit"``.

    language : str, sequence of str or None, default=None
        Codes of the languages of the documents, such as ``"en"``.

    datasets : str, sequence of str or None, default=None
        Names on the hub of the data sets that hold the documents.

    base_model : str or None, default=None
        Name of the teacher on the hub. None means the name in `teacher_id_`, if it is
        a name on a hub.

    description : str or None, default=None
        Markdown about the model and its data, which follows the first paragraph.

    Returns
    -------
    huggingface_hub.ModelCard
        The card. Its ``text`` is Markdown and its ``data`` the metadata; both can be
        changed.

    Raises
    ------
    ImportError
        If huggingface_hub is not installed.
    NotFittedError
        If `model` is not fitted.
    TypeError
        If `model` is not a `LuxicalVectorizer`.

    Examples
    --------
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.hub import model_card
    >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
    >>> embeddings = [[1, 0, 0], [0.9, 0.4, 0], [0, 0.1, 1], [0, 0.4, 0.9]] * 5
    >>> model = LuxicalVectorizer(random_state=0).fit(
    ...     documents, teacher_embeddings=embeddings
    ... )
    >>> card = model_card(model, license="mit", language="en")
    >>> card.data.license, card.data.library_name
    ('mit', 'sklux')
    """
    library: Any = _library("model_card")
    _check_model(model)
    stated = Stated(
        repo_id,
        license,
        _listed(language),
        _listed(datasets),
        base_model or teacher_name(model.teacher_id_),
        description,
    )
    data = library.ModelCardData(
        library_name="sklux",
        license=stated.license,
        language=stated.languages or None,
        base_model=stated.base_model,
        datasets=stated.datasets or None,
        pipeline_tag="sentence-similarity",
        tags=list(TAGS),
    )
    return library.ModelCard(
        f"---\n{data.to_yaml()}\n---\n\n{card_text(model, stated)}"
    )


def _library(purpose: str) -> Any:
    """The package huggingface_hub."""
    return import_optional("huggingface_hub", extra="hub", purpose=purpose)


def _listed(value: str | Sequence[str] | None) -> list[str]:
    """One string or several as a list."""
    return [value] if isinstance(value, str) else list(value or ())


def _check_model(model: object) -> None:
    """Refuse what is not a fitted student."""
    if not isinstance(model, LuxicalVectorizer):
        raise TypeError(
            "The hub takes models of class LuxicalVectorizer. Got "
            f"{type(model).__name__} instead."
        )
    check_is_fitted(model)


def _check_card(card: object) -> None:
    """Refuse a card of another class."""
    cards: Any = _library("save_pretrained").ModelCard
    if not isinstance(card, cards):
        raise TypeError(
            f"card must be a huggingface_hub.ModelCard or None. Got {card!r:.80} "
            "instead. Make one with model_card, or with ModelCard(text)."
        )


def _check_name(repo_id: str) -> None:
    """Refuse a name that no hub allows."""
    utils = import_module("huggingface_hub.utils")
    try:
        utils.validate_repo_id(repo_id)
    except utils.HFValidationError as error:
        raise ValueError(
            f"repo_id={repo_id!r} is neither a folder nor a name on a model hub, such "
            f"as 'user/name': {as_sentence(error)}"
        ) from error


def _downloaded(repo_id: str, **options: Any) -> str:
    """Path of the model file of a repository in the cache."""
    library: Any = _library("from_pretrained")
    _check_name(repo_id)
    errors = import_module("huggingface_hub.utils")
    silent = options["local_files_only"]
    # Without a network, huggingface_hub would try again for half a minute.
    problem = None if silent else hub_problem()
    try:
        path: str = library.hf_hub_download(
            repo_id,
            MODEL_FILE,
            library_name="sklux",
            library_version=version("sklux"),
            **{**options, "local_files_only": silent or problem is not None},
        )
        return path
    except (
        errors.EntryNotFoundError,
        errors.RepositoryNotFoundError,
        errors.RevisionNotFoundError,
    ) as error:
        reason = _reason(errors, error, problem, options)
        raise FileNotFoundError(f"The repository {repo_id!r} {reason}") from error


def _reason(
    errors: ModuleType,
    error: Exception,
    problem: Exception | None,
    options: dict[str, Any],
) -> str:
    """Why a file was not downloaded, and what to do.

    ``problem`` is an error that kept the hub from being asked for the file.
    """
    if isinstance(error, errors.LocalEntryNotFoundError):
        if options["local_files_only"]:
            reason = "was not asked, because local_files_only=True"
        elif isinstance(problem, errors.OfflineModeIsEnabled):
            reason = "was not asked, because HF_HUB_OFFLINE is set"
        else:
            cause = problem or error.__cause__ or error
            reason = f"did not give it ({' '.join(str(cause).split())})"
        return (
            f"is not in the cache of huggingface_hub, and the hub {reason}. Load the "
            "model once with a network, or give a folder."
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            "does not exist on the hub, or you may not read it. Check the name. For a "
            "private repository give token=, or run: hf auth login"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return f"has no revision {options['revision']!r}. Give a branch, tag or commit."
    return (
        f"has no file {MODEL_FILE}, so it holds no model of sklux. Give a repository "
        "that push_to_hub wrote."
    )
