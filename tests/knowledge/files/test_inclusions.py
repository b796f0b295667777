from pathlib import Path, PurePosixPath

import pytest

from knowledge.files.inclusions import with_inclusions
from knowledge.files.scan import read_with_inclusions, scan
from knowledge.values.documents import SHARED, Scope

CODE = b"""\
import door


@open
class Zoo:
    def feed(self):
        return 1

    def close(self):
        return 2


last = True
"""
FILES = {"examples/zoo.py": CODE, "docs/a.sh": b"make door\n"}


def included(page: str, path: str = "docs/a.rst") -> str:
    whole = with_inclusions(page.encode(), PurePosixPath(path), lambda file: FILES.get(str(file)))
    return whole.decode()


@pytest.mark.parametrize(
    ("options", "language"), [("", "sh"), ("   :language: console\n", "console")]
)
def test_a_page_has_the_lines_it_includes(options: str, language: str) -> None:
    read = included(f"A.\n\n.. literalinclude:: a.sh\n{options}\nB.")
    assert read == f"A.\n\n.. code-block:: {language}\n\n    make door\n\n\nB."


@pytest.mark.parametrize(
    ("option", "lines"),
    [
        (":lines: 1,13-", ["import door", "last = True"]),
        (":pyobject: Zoo.feed", ["def feed(self):", "    return 1", ""]),
        (":start-after: return 1\n:end-before: last", ["", "def close(self):", "    return 2", ""]),
        (":start-at: last", ["last = True"]),
        (":lines: nonsense", []),
    ],
)
def test_options_choose_the_lines(option: str, lines: list[str]) -> None:
    page = f"```{{literalinclude}} /examples/zoo.py\n{option}\n```\nB."
    read = included(page).split("\n")
    assert read[0] == "```{code-block} python"
    assert [line for line in read[1:-2] if line] == [line for line in lines if line]
    assert read[-2:] == ["```", "B."]


@pytest.mark.parametrize("path", ["../../etc/passwd", "/.env", "gone.py", "../.git/config", "//a"])
def test_other_files_are_not_asked_for_or_left_as_written(path: str) -> None:
    page = f".. literalinclude:: {path}\n   :language: sh\n\nB."
    assert included(page) == page


def test_page_includes_only_visible_files_of_its_source(tmp_path: Path) -> None:
    docs, secret = tmp_path / "docs", tmp_path / "secret.py"
    (docs / "team").mkdir(parents=True)
    secret.write_text("secret = 1\n")
    (docs / "door.py").write_text("door = 1\n")
    (docs / ".env").write_text("token = 1\n")
    (docs / "team" / "own.py").write_text("own = 1\n")
    (docs / "link.py").symlink_to(secret)
    names = ("door.py", ".env", "team/own.py", "link.py", "../secret.py", str(secret))
    (docs / "a.rst").write_text("A\n=\n\n" + "".join(f".. literalinclude:: {n}\n\n" for n in names))
    sources = [(str(docs), SHARED), (str(docs / "team"), Scope(7))]
    *_, found = scan(sources, {}, {})
    [page] = [file for file in found.stale if file.path.name == "a.rst"]
    content, includes = read_with_inclusions(page)
    assert includes
    assert content.count(b" = 1") == content.count(b"door = 1") == 1
