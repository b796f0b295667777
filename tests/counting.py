"""How much work something is, counted: the same on every machine, however busy it is."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any


def lines_run(call: Callable[[], Any], *modules: ModuleType) -> int:
    """How many lines of these modules run during a call in this thread, those of loops each time.

    Work that a library does in C on a whole array counts as the line that asks for it, so that a
    loop over every pair of things shows as the square of their number.
    """
    own = {str(Path(module.__file__ or "")) for module in modules}
    counted = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal counted
        if frame.f_code.co_filename not in own:
            return None
        counted += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return counted
