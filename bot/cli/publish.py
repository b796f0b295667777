"""The command `publish`: the public page of a server, as static files."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.console import JsonOption, fail, guild_scope, show, with_settings
from bot.config.settings import Settings
from bot.storage.data_folder import data_folder, open_store
from bot.text.languages import translations
from knowledge.dependencies import install_hint
from knowledge.store.store import Store
from knowledge.text import count_of

_ADDRESS: Final = re.compile(r"https?://[^\s<>?#\"']+")


@with_settings()
def publish(
    settings: Settings,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new folder, or an earlier page.")
    ],
    guild: Annotated[
        str | None,
        typer.Option("--guild", metavar="ID", help="The server, if several have a page."),
    ] = None,
    base_url: Annotated[
        str,
        typer.Option(metavar="URL", help="The page's address; the feed and the sitemap need it."),
    ] = "",
    name: Annotated[
        str, typer.Option(metavar="NAME", help="The server's name on the page.")
    ] = "Commonplace",
    invite: Annotated[str, typer.Option(metavar="URL", help="An invitation to the server.")] = "",
    articles: Annotated[
        bool, typer.Option("--articles", help="Include the bundled articles.")
    ] = False,
    empty: Annotated[
        bool, typer.Option("--empty", help="Publish even if that removes every note of the page.")
    ] = False,
    templates: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Your templates, named like the ones they replace."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the public page of a server: a static site of its publishable notes.

    Changed files are written and obsolete files are removed, all in one step.

    Example:
        commonplace publish www/ --base-url https://notes.example.org/
    """
    try:
        from knowledge.page.content import add_articles, site_of_guild
        from knowledge.page.publish import has_notes
        from knowledge.page.publish import publish as write
        from knowledge.page.site import PublishError
    except ImportError as error:
        fail(f"Publishing a page needs {install_hint('page')} ({error}).")
    for option, address in (("--base-url", base_url), ("--invite", invite)):
        if address and not _ADDRESS.fullmatch(address):
            fail(
                f"{option} {address} is no plain web address: it must begin with https://, and "
                "have no ?, # or blank."
            )
    if templates is None and settings.page.templates:
        templates = Path(settings.page.templates).expanduser()
    if templates is not None and not templates.is_dir():
        fail(f"--templates {templates} is no folder: name the folder of your templates.")
    with open_store(data_folder(settings.data.folder), settings.data.database) as store:
        guild_id = _guild_id(store, guild)
        base_url = base_url or settings.page.url_of(guild_id)
        site = site_of_guild(store, guild_id, name, invite=invite, base_url=base_url)
        if not site.notes and not empty and has_notes(folder):
            fail(
                f"{folder} has notes, and server {guild_id} has none for its page. To remove them "
                "all, add --empty."
            )
        published = count_of(len(site.notes), "note")
        if articles or settings.page.articles:
            notes, site = len(site.notes), add_articles(site)
            published += f" and {count_of(len(site.notes) - notes, 'article')}"
        try:
            done = write(
                site,
                folder.absolute(),
                translations(site.language),
                lambda digest: _picture(store, digest),
                templates,
            )
        except PublishError as error:
            fail(str(error))
    text = (
        f"Published to {folder}: {published}. {done.written:,} of {done.entries:,} files changed, "
        f"{done.removed:,} were removed."
    )
    show(
        {"published": str(folder), "notes": len(site.notes), **asdict(done)}, text, as_json=as_json
    )


def _guild_id(store: Store, guild: str | None) -> int:
    guilds = store.public_notes.guilds()
    if guild is not None:
        guild_id = int(guild_scope(guild))
        if guild_id not in store.guilds.known():
            fail(f"There is no server {guild_id} here. Servers with a page: {_ids(guilds)}.")
        return guild_id
    if not guilds:
        fail("No server has turned its page on. Administrators do that in `/setup`.")
    if len(guilds) > 1:
        fail(
            f"{len(guilds)} servers have a page: name one with --guild. Their ids: {_ids(guilds)}."
        )
    return guilds[0]


def _ids(guilds: Sequence[int]) -> str:
    return ", ".join(map(str, guilds)) or "none"


def _picture(store: Store, digest: str) -> bytes:
    picture = store.pictures.by_digest(digest)
    if picture is None:
        raise LookupError(digest)
    return picture.content
