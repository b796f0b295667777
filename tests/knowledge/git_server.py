"""A real Git server on this machine, over smart HTTP, with repositories that a test makes."""

import io
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from dulwich.objects import Blob, Commit, Tree
from dulwich.repo import Repo
from dulwich.server import DictBackend, UploadPackHandler
from dulwich.web import make_wsgi_chain

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class _Handler(UploadPackHandler):
    """Dulwich's side of a fetch, which asks no more of a client than Git's own does."""

    @classmethod
    def required_capabilities(cls) -> tuple[bytes, ...]:
        """Take clients that don't ask for thin packs, as Git's own server does."""
        return ()


class Repositories:
    """Bare repositories by name, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Dulwich has types of its own for what is bytes everywhere else.
        self.opened: dict[str, Any] = {}

    def make(self, name: str) -> Any:
        path = self.folder / name
        path.mkdir(parents=True)
        made: Any = Repo.init_bare(str(path))
        self.opened[f"/{name}"] = made
        made.refs.set_symbolic_ref(b"HEAD", b"refs/heads/main")
        return made

    def commit(
        self,
        name: str,
        files: Mapping[str, bytes | str],
        *,
        branch: str = "main",
        modes: Mapping[str, int] | None = None,
        rewrite: bool = False,
    ) -> str:
        """Commit just these files, on top of the branch or, to `rewrite` it, of nothing."""
        repo = self.opened[f"/{name}"]
        root: dict[str, Any] = {}
        for path, content in files.items():
            *folders, last = path.split("/")
            inner = root
            for folder in folders:
                inner = inner.setdefault(folder, {})
            raw = content.encode() if isinstance(content, str) else content
            inner[last] = (Blob.from_string(raw), (modes or {}).get(path, 0o100644))
        return self.commit_tree(name, self._stored(repo, root), branch=branch, rewrite=rewrite)

    def commit_tree(
        self, name: str, tree: bytes, *, branch: str = "main", rewrite: bool = False
    ) -> str:
        repo = self.opened[f"/{name}"]
        made: Any = Commit()
        made.tree = tree
        ref = b"refs/heads/" + branch.encode()
        before = repo.refs.as_dict(b"refs/heads").get(branch.encode())
        made.parents = [before] if before and not rewrite else []
        made.author = made.committer = b"Ada <ada@docs.test>"
        made.author_time = made.commit_time = 1_700_000_000
        made.author_timezone = made.commit_timezone = 0
        made.message = b"Changed" if not rewrite else b"Written anew"
        repo.object_store.add_object(made)
        repo.refs[ref] = made.id
        return str(made.id.decode())

    def _stored(self, repo: Any, folder: Mapping[str, Any]) -> bytes:
        tree: Any = Tree()
        for name, inner in folder.items():
            if isinstance(inner, dict):
                tree.add(name.encode(), 0o040000, self._stored(repo, inner))
            else:
                blob, mode = inner
                if mode != 0o160000:
                    repo.object_store.add_object(blob)
                tree.add(name.encode(), mode, blob.id)
        repo.object_store.add_object(tree)
        return bytes(tree.id)


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        pass


class _Server(WSGIServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class GitServer:
    """Serves repositories; `first` may answer a request in their place."""

    def __init__(self, folder: Path) -> None:
        self.repositories = Repositories(folder)
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []
        self.first: Application | None = None
        self.chain: Application = make_wsgi_chain(
            DictBackend(self.repositories.opened), handlers={b"git-upload-pack": _Handler}
        )

        def answered(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            self.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            self.bodies.append(body)
            environ["wsgi.input"] = io.BytesIO(body)
            return (self.first or self.chain)(environ, start)

        self._server = make_server(
            "127.0.0.1", 0, answered, server_class=_Server, handler_class=_Quiet
        )
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for repo in self.repositories.opened.values():
            repo.close()

    def url(self, name: str, host: str = "github.test") -> str:
        return f"http://{host}:{self.port}/{name}"
