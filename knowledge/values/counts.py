"""Counted nouns of output that is not translated: `1 file`, `2 files`."""


def counted(count: int, one: str, several: str = "") -> str:
    """A number with its noun; `several` where the plural takes more than an s."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"
