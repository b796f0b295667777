"""Server of a published page: static files with security headers.

Addresses in the page's `gone.txt` answer with 410. The folder is a symbolic link that another
process may change at any time, so the link is resolved for each request.
"""

from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.programs.http_limits import CLOSE, has_body
from knowledge.page.site import HEADERS


def page_application(folder: Path) -> ASGIApp:
    files = StaticFiles(directory=folder, html=True, check_dir=False)
    return _Headers(Starlette(routes=[Mount("/", files)]), folder)


_HEADERS: Final = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


class _Headers:
    """Middleware that adds headers, and changes the status of removed notes from 404 to 410."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self._app = app
        self._folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
                if has_body(scope):
                    # It isn't read, and its slow rest would keep the connection open.
                    message["headers"].append(CLOSE)
                if message["status"] == 404 and self._is_gone(scope["path"]):
                    message["status"] = 410
            await send(message)

        await self._app(scope, receive, answer)

    def _is_gone(self, path: str) -> bool:
        """Whether `gone.txt` lists a path, by its last two names: a proxy may remove a prefix."""
        try:
            listed = (self._folder / "gone.txt").read_text(encoding="utf-8")
        except OSError:
            return False
        ends = (line.partition(" ")[0].rsplit("/", 3)[1:] for line in listed.splitlines())
        return f"{path.strip('/')}/".split("/") in ends
