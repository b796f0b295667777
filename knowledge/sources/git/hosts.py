"""Code hosts: addresses of repositories, links to a file at a commit, and pages of local checkouts.

An address is recognized as a repository without a request if it has an owner and a name at a known
code host, or ends in `.git`. All other repositories must be marked by the operator.

The page of a checkout is read from the files in `.git`. Git itself isn't run, because a checkout's
settings can make it run programs (hooks, a file system monitor). User names and passwords in a
remote's address are dropped.

Source:
    The hosts' permanent links: docs.github.com "Creating a permanent link to a code snippet",
    docs.gitlab.com "Files", support.atlassian.com "Hyperlink to source code in Bitbucket",
    forgejo.org "Permanent links to files", man.sr.ht/git.sr.ht. git-config(1), "Syntax" and
    "branch.<name>.merge"; git-clone(1), "Git URLs".
"""

import configparser
import re
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from knowledge.sources.net.addresses import normal_url, problem_with_url

# First path segments of a host's own pages, in the place of an owner's name.
_HOSTS: Final = {
    "github.com": frozenset(
        {
            *("about", "apps", "collections", "contact", "customer-stories", "enterprise"),
            *("events", "explore", "features", "marketplace", "orgs", "resources", "search"),
            *("security", "settings", "site", "sponsors", "stars", "team", "topics"),
            *("trending", "users"),
        }
    ),
    "gitlab.com": frozenset({"explore", "help", "users", "dashboard", "groups"}),
    "codeberg.org": frozenset({"explore", "user", "org"}),
    "gitea.com": frozenset({"explore", "user", "org"}),
    "bitbucket.org": frozenset({"product", "account", "blog", "site", "dashboard"}),
    "git.sr.ht": frozenset(),
}

# Words in a host's name that identify its software, in order; `_WAYS` has the links of each.
_WORDS: Final = (
    ("github", "github"),
    ("gitlab", "gitlab"),
    ("bitbucket", "bitbucket"),
    ("codeberg", "gitea"),
    ("forgejo", "gitea"),
    ("gitea", "gitea"),
    ("git.sr.ht", "sourcehut"),
)
# Paths of a file at a commit, below the repository's page, and the fragments of lines. The query
# shows Markdown as source, because only the source has lines.
_WAYS: Final = {
    "github": ("blob/{commit}/{path}?plain=1", "L{first}-L{last}"),
    "gitlab": ("-/blob/{commit}/{path}?plain=1", "L{first}-{last}"),
    "bitbucket": ("src/{commit}/{path}", "lines-{first}:{last}"),
    "gitea": ("src/commit/{commit}/{path}?display=source", "L{first}-L{last}"),
    "sourcehut": ("tree/{commit}/item/{path}?view-source", "L{first}-{last}"),
}
# Path segments of a branch; other software uses the same as GitHub.
_ON_BRANCH: Final = {"gitlab": "-/blob", "bitbucket": "src", "gitea": "src/branch"}
_PLACE: Final = re.compile(r"\{(commit|path|first|last)\}")


def is_repository(address: str) -> bool:
    """Whether a web address has the form of a repository's address; no request is made."""
    found = urlsplit(address)
    parts = [part for part in found.path.split("/") if part]
    if found.query or not parts:
        return False
    if parts[-1].endswith(".git") and parts[-1] != ".git":
        return True
    host = _host(address)
    return len(parts) == 2 and host in _HOSTS and parts[0].lower() not in _HOSTS[host]


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "").removeprefix("www.")


def repository_url(address: str) -> str:
    """The canonical address of a repository; ValueError with the rest of a sentence if unusable."""
    if problem := problem_with_url(address):
        if "password" in problem:
            problem += ", which would be shown in citations: leave it out"
        raise ValueError(problem)
    url = normal_url(address)
    if "?" in url:
        raise ValueError("has a ? in it, which no repository's address has")
    url = url.rstrip("/")
    # These hosts serve a repository with and without `.git`; others may not.
    return url.removesuffix(".git") if _host(url) in _HOSTS else url


def file_link(place: str, commit: str, path: str) -> tuple[str, str]:
    """The link to a file at a commit, and the pattern of the URL fragment for its lines.

    `place` is the page of a repository, or a pattern with `{path}` in it. The fragment's pattern is
    empty if the host can't link lines. The link is `place` itself if the host can't link files.
    """
    if "{path}" in place:
        pattern, _, lines = place.partition("#")
    elif kind := _kind(place):
        pattern, lines = _WAYS[kind]
        pattern = f"{place.rstrip('/').removesuffix('.git')}/{pattern}"
    else:
        return place, ""
    values = {"commit": commit, "path": quote(path)}
    return _PLACE.sub(lambda match: values.get(match[1], match[0]), pattern), lines


def _kind(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return next((kind for word, kind in _WORDS if word in host), "")


_HOST: Final = r"(?P<host>[\w-]+(?:\.[\w-]+)+"
_PATH: Final = r"(?P<path>[^\s?#]+?)(?:\.git)?/?"
# A port is part of the site's address only in a remote with http.
_URLS: Final = (
    re.compile(rf"https?://(?:[^@/\s]*@)?{_HOST}(?::\d+)?)/{_PATH}"),
    re.compile(rf"(?:ssh|git)://(?:[^@/\s]*@)?{_HOST})(?::\d+)?/{_PATH}"),
    re.compile(rf"(?<![\w.-])[\w.-]+@{_HOST}):/?{_PATH}"),
)


def web_address(path: Path) -> str:
    """The web address of a folder in a checkout, or of a file's folder; empty if unknown."""
    folder = path if path.is_dir() else path.parent
    root = next(
        (parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), None
    )
    if root is None:
        return ""
    page, merged = _remote_of(root / ".git")
    if not page:
        return ""
    branch, place = merged.removeprefix("refs/heads/"), folder.relative_to(root).as_posix()
    parts = [page, _ON_BRANCH.get(_kind(page), "blob"), quote(branch)]
    return "/".join([*parts, quote(place)] if place != "." else parts)


def is_checkout(path: Path) -> bool:
    """Whether a folder is a Git checkout or a bare repository."""
    return (path / ".git").exists() or ((path / "HEAD").is_file() and (path / "objects").is_dir())


def remote_page(path: Path) -> str:
    """The web page of a checkout's or bare repository's remote; empty if there is none."""
    git = path / ".git"
    return _remote_of(git if git.exists() else path)[0]


def _remote_of(git: Path) -> tuple[str, str]:
    """The web page of a repository's remote, and the upstream branch; both may be empty."""
    config = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        own, common = _git_folders(git)
        lines = (common / "config").read_text(encoding="utf-8").splitlines()
        # `configparser` takes an indented line for a part of the value above it.
        config.read_string("\n".join(line.strip() for line in lines))
        head = (own / "HEAD").read_text(encoding="utf-8").strip()
    except (OSError, ValueError, configparser.Error):
        return "", ""
    name = head.removeprefix("ref: refs/heads/")
    remote = config.get(f'branch "{name}"', "remote", fallback="origin") or "origin"
    merged = config.get(f'branch "{name}"', "merge", fallback=name) or name
    return page_of(config.get(f'remote "{remote}"', "url", fallback="") or ""), merged


def _git_folders(git: Path) -> tuple[Path, Path]:
    """The folder of HEAD and the folder of `config`; a linked work tree has two folders."""
    if git.is_dir():
        return git, git
    # A submodule, or one of several work trees.
    own = git.parent / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    shared = own / "commondir"
    common = shared.read_text(encoding="utf-8").strip() if shared.exists() else "."
    return own, own / common


def page_of(url: str) -> str:
    """Convert a remote's URL to the address of the remote's web page; empty if there is none."""
    found = next(filter(None, (pattern.fullmatch(url.strip()) for pattern in _URLS)), None)
    return f"https://{found['host']}/{found['path']}" if found else ""
