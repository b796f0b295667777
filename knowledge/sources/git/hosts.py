"""Code hosts: addresses of repositories, and links to a file at a commit.

An address is recognized as a repository without a request if it has an owner and a name at a known
code host, or ends in `.git`. All other repositories must be marked by the operator.

Source:
    The hosts' permanent links: docs.github.com "Creating a permanent link to a code snippet",
    docs.gitlab.com "Files", support.atlassian.com "Hyperlink to source code in Bitbucket",
    forgejo.org "Permanent links to files", man.sr.ht/git.sr.ht.
"""

import re
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
    """The canonical form of a repository's address.

    Raises:
        ValueError: if the address is unusable; the message is the rest of a sentence.
    """
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
    way = _way(place)
    if way is None:
        return place, ""
    pattern, lines = way
    values = {"commit": commit, "path": quote(path)}
    return _PLACE.sub(lambda match: values.get(match[1], match[0]), pattern), lines


def branch_link(page: str, branch: str, path: str) -> str:
    """The web address of a folder or file on a branch; `path` "." is the whole repository."""
    parts = [page, _ON_BRANCH.get(_kind(page), "blob"), quote(branch)]
    return "/".join([*parts, quote(path)] if path != "." else parts)


def _way(place: str) -> tuple[str, str] | None:
    if "{path}" in place:
        pattern, _, lines = place.partition("#")
        return pattern, lines
    kind = _kind(place)
    if not kind:
        return None
    pattern, lines = _WAYS[kind]
    return f"{place.rstrip('/').removesuffix('.git')}/{pattern}", lines


def _kind(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return next((kind for word, kind in _WORDS if word in host), "")
