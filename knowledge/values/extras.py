"""Extras: optional parts of the program, and how an operator installs what each needs."""


def needed(extra: str) -> str:
    """What to install for an extra, as the rest of a sentence that begins with what needs it."""
    return (
        f"the extra `{extra}`: run `.venv/bin/pip install -e '.[{extra}]'` in the checkout, or "
        f"build the image with EXTRAS={extra}"
    )
