"""The teacher that the options of a command describe."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sklux._commands.console import note
from sklux._teacher.cache_file import FILE_NAME, data_home
from sklux._teacher.cached import CachedTeacher
from sklux._teacher.models import is_within
from sklux._teacher.named import packaged_folder
from sklux._vectorizer import DEFAULT_TEACHER_SAMPLE_SIZE

# Continues the message about a missing teacher, for commands with this option.
OR_EMBEDDINGS = ", or give teacher embeddings with --embeddings"


@dataclass
class TeacherOptions:
    """Options of a command that describe a teacher.

    Attributes
    ----------
    model : str or None
        Name or folder.
    cache : Path or None
        Folder of its cache.
    windows : int
        Maximum number of windows of a long document.
    prompt : str or None
        Name of the prompt before each text.
    """

    model: str | None
    cache: Path | None
    windows: int = 1
    prompt: str | None = None

    def teacher(self, quiet: bool, alternative: str = "") -> CachedTeacher:
        """Make the teacher. It loads its model when it needs it.

        Parameters
        ----------
        quiet : bool
            Whether to show no progress.
        alternative : str
            Another remedy, which continues the message.

        Returns
        -------
        CachedTeacher
            The teacher.

        Raises
        ------
        ValueError
            If no model is given.
        """
        if not self.model:
            raise ValueError(
                "No teacher is given. Name a sentence-transformers model or its folder "
                f"with --teacher{alternative}."
            )
        self.note_package(quiet)
        return CachedTeacher(
            self.model,
            path=self.cache,
            windows=self.windows,
            prompt_name=self.prompt,
            verbose=not quiet,
        )

    def note_package(self, quiet: bool) -> None:
        """Say that a package holds the model; to find out takes a moment.

        Parameters
        ----------
        quiet : bool
            Whether to print nothing.
        """
        if quiet or self.model is None:
            return
        folder = packaged_folder(self.model)
        if folder is not None:
            note(f"The teacher {self.model} is an installed package: {folder}", quiet)

    @property
    def cache_file(self) -> Path | None:
        """File of the cache; None without a teacher."""
        if not self.model:
            return None
        folder = data_home() if self.cache is None else self.cache.expanduser()
        return folder / FILE_NAME

    def kept_in_words(self) -> str:
        """What remains of the work of the teacher if a command is stopped.

        Returns
        -------
        str
            A sentence; empty without a teacher.
        """
        if self.cache_file is None:
            return ""
        return (
            f"The cache {self.cache_file} keeps the teacher embeddings: the same "
            "command continues from there."
        )

    def check_outside(self, output: Path) -> None:
        """Refuse an output in the folder of the teacher: it changes the teacher.

        Parameters
        ----------
        output : Path
            File to write.

        Raises
        ------
        ValueError
            If the output is in the folder of the teacher.
        """
        if is_within(Path(output), self.model):
            raise ValueError(
                f"The output {output} is in the folder of the teacher. A file there "
                "changes the teacher. Write the output to another folder."
            )

    def check_unused(self, embeddings: Path | None, **others: bool) -> None:
        """Refuse options of a teacher together with its embeddings.

        Parameters
        ----------
        embeddings : Path or None
            File of teacher embeddings.
        **others : bool
            Whether further options of a teacher are given, by name.

        Raises
        ------
        ValueError
            If both are given.
        """
        is_given = {
            "teacher": self.model is not None,
            "cache": self.cache is not None,
            "windows": self.windows != 1,
            "prompt": self.prompt is not None,
            **others,
        }
        given = [f"--{name}" for name, is_given in is_given.items() if is_given]
        if embeddings is not None and given:
            raise ValueError(
                f"--embeddings {embeddings} replaces the teacher, so "
                f"{', '.join(given)} cannot be used with it. Leave out one or the "
                "other."
            )


def parse_sample_size(option: str) -> int | Literal["auto"] | None:
    """Value of the option ``--teacher-sample-size`` as the library takes it.

    Parameters
    ----------
    option : str
        ``'auto'``, ``'all'``, or a number.

    Returns
    -------
    int, 'auto' or None
        The parameter `teacher_sample_size`.

    Raises
    ------
    ValueError
        If the option has another value.
    """
    if option == "auto":
        return "auto"
    if option == "all":
        return None
    if not option.isdecimal() or int(option) < 1:
        raise ValueError(
            "--teacher-sample-size must be 'auto' (at most "
            f"{DEFAULT_TEACHER_SAMPLE_SIZE:,}), 'all' or a number from 1. Got "
            f"{option!r}."
        )
    return int(option)
