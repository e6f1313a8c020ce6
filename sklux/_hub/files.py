"""The files of a repository: model, card, and settings of sentence-transformers."""

import json
from pathlib import Path
from typing import Any

from sklux._utils.output_file import replaced_when_whole

MODEL_FILE, CARD_FILE = "model.sklux", "README.md"
# With these files sentence-transformers loads the model file by the class of ours.
SETTINGS: dict[str, Any] = {
    "modules.json": [
        {
            "idx": 0,
            "name": "0",
            "path": "",
            "type": "sklux.sentence_transformers.StudentModule",
        }
    ],
    "config_sentence_transformers.json": {
        "model_type": "SentenceTransformer",
        "prompts": {"query": "", "document": ""},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    },
}


def write_settings(folder: Path) -> None:
    """Write the files with which sentence-transformers finds the model file.

    Parameters
    ----------
    folder : pathlib.Path
        Folder that exists.
    """
    for name, values in SETTINGS.items():
        write_text(folder / name, json.dumps(values, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file, complete or not at all.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    text : str
        Its content.
    """
    with replaced_when_whole(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")
