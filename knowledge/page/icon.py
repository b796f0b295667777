"""Icon of a server that has none: the first sign of its name on its accent colour."""

from xml.sax.saxutils import escape

import regex

from knowledge.page.colours import LIGHT, readable
from knowledge.page.site import Site


def lettered_icon(site: Site) -> str:
    """The icon as SVG."""
    sign = regex.match(r"\X", site.name)
    letter = escape(sign[0].upper()) if sign else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'
        f'<rect width="40" height="40" rx="10" fill="{readable(site.accent, LIGHT)}"/>'
        '<text x="20" y="28" font-family="system-ui, sans-serif" font-size="22" '
        f'font-weight="600" fill="#fff" text-anchor="middle">{letter}</text></svg>\n'
    )
