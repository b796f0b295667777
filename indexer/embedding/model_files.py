"""Files of models on this machine: the folder for a name, the languages on the model card."""

import os
from pathlib import Path
from typing import Any, Final

import frontmatter
import yaml

from indexer.embedding.installed_models import installed_models

# Files taken from the hub: they shape vectors, or are the card. A `*` matches across folders.
DOWNLOADED_FILES: Final = ("*.json", "*.txt", "*.model", "*.safetensors", "README.md")
# The model in other formats.
OTHER_FORMATS: Final = (
    "onnx/*",
    "openvino/*",
    "coreml/*",
    "*/onnx/*",
    "*/openvino/*",
    "*/coreml/*",
)


# If a tokenizer's files are missing, the library makes one up, with special tokens and a few
# characters. A real vocabulary has at least this many words.
_LEAST_WORDS: Final = 10
NO_VOCABULARY: Final = (
    "its tokenizer knows no words, so that all texts would be alike. Are tokenizer.json or the "
    "vocabulary missing in its folder? Copy the folder whole."
)


def model_folder(name: str) -> Path | None:
    """The folder with the model's files; None if they are not on this machine."""
    return named_folder(name) or downloaded_folder(name)


def named_folder(name: str) -> Path | None:
    """The folder at the path `name`, where `~` is the home folder; None if there is none."""
    # These two return False where `Path` raises: for too long a name, or an unknown user.
    folder = os.path.expanduser(name)  # noqa: PTH111
    return Path(folder) if name.strip() and os.path.isdir(folder) else None  # noqa: PTH112


def model_languages(name: str) -> frozenset[str]:
    """The languages on a model's card, as two-letter codes.

    Empty if the card names none or says multilingual: then the model is assumed to read every
    language.
    """
    installed = installed_models().get(name)
    if installed is not None:
        return frozenset(installed.languages)
    folder = model_folder(name)
    card = folder / "README.md" if folder is not None else None
    if card is None or not card.is_file():
        return frozenset()
    try:
        languages = frontmatter.load(str(card)).metadata.get("language")
    except (OSError, ValueError, yaml.YAMLError):
        return frozenset()
    named = [languages] if isinstance(languages, str) else languages
    if not isinstance(named, list) or "multilingual" in named:
        return frozenset()
    return frozenset(str(language)[:2].lower() for language in named)


def downloaded_folder(name: str, revision: str | None = None) -> Path | None:
    """The folder of a model in the hub's cache; None if the model or `revision` isn't there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        # A download counts as whole with all the files taken from the hub.
        found = snapshot_download(
            name,
            revision=revision,
            local_files_only=True,
            allow_patterns=list(DOWNLOADED_FILES),
            ignore_patterns=list(OTHER_FORMATS),
        )
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    return Path(found)


def lacks_vocabulary(tokenizer: Any) -> bool:
    """Whether a tokenizer has hardly any words, as when its files are missing."""
    special = getattr(tokenizer, "all_special_tokens", None)
    return special is not None and len(tokenizer) - len(special) < _LEAST_WORDS
