"""HTTP headers of a site, for whatever serves it."""

from typing import Final

# What a page may load: its own files alone. Pagefind searches with WebAssembly.
POLICY: Final = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)
HEADERS: Final = {
    # A page can't say of itself in which frames it may be shown.
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # A withdrawn note is not shown from a cache.
    "Cache-Control": "no-cache",
}
