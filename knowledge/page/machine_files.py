"""Files of a site that aren't pages: sitemap, robots.txt, list of removed addresses, icon.

Source:
    sitemaps.org, "Sitemaps XML format".
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

import regex

from knowledge.page.colours import LIGHT, readable
from knowledge.page.site import Site

SITEMAP_URLS: Final = 50_000


def machine_files(site: Site) -> Iterator[tuple[str, str]]:
    """Path and text of each file."""
    listed = ""
    if site.indexed and site.base_url:
        yield "sitemap.xml", _sitemap(site)
        listed = f"Sitemap: {site.base_url}sitemap.xml\n"
    # A search engine must be allowed to read a page to find its `noindex`.
    yield "robots.txt", f"User-agent: *\nAllow: /\n{listed}"
    yield "gone.txt", _gone_paths(site)
    if site.icon is None:
        yield "icon.svg", _lettered_icon(site)


def _sitemap(site: Site) -> str:
    newest = sorted(site.notes, key=lambda note: (note.updated, note.address), reverse=True)
    urls = "".join(
        f"<url><loc>{escape(site.base_url + quote(note.address))}</loc>"
        f"<lastmod>{note.updated:%Y-%m-%d}</lastmod></url>\n"
        for note in newest[: SITEMAP_URLS - 1]
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"<url><loc>{escape(site.base_url)}</loc></url>\n{urls}</urlset>\n"
    )


def _gone_paths(site: Site) -> str:
    """Paths for 410 responses, to include in nginx's `map`."""
    base = urlsplit(site.base_url).path or "/"
    return "".join(f"{base}{address} 410;\n" for address in sorted(site.gone))


def _lettered_icon(site: Site) -> str:
    """An SVG with the first character of the server's name, on the accent colour."""
    sign = regex.match(r"\X", site.name)
    letter = escape(sign[0].upper()) if sign else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'
        f'<rect width="40" height="40" rx="10" fill="{readable(site.accent, LIGHT)}"/>'
        '<text x="20" y="28" font-family="system-ui, sans-serif" font-size="22" '
        f'font-weight="600" fill="#fff" text-anchor="middle">{letter}</text></svg>\n'
    )
