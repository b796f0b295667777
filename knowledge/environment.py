"""Environment of the programs that this program starts.

A child process gets the variables that its starter names, and no others. So a new secret in the
bot's environment reaches no child process.
"""

import os
from typing import Final

# An ordinary command needs these: where programs, its user's files and temporary files are, and the
# language.
COMMAND: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP"),
    *("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "TZ"),
)
# Windows can't start a program without it.
_ALWAYS: Final = ("SYSTEMROOT",) if os.name == "nt" else ()


def environment(*names: str) -> dict[str, str]:
    """The variables with these names, as far as they are set."""
    return {name: os.environ[name] for name in (*_ALWAYS, *names) if name in os.environ}
