"""HTTP headers of a site, for its web server."""

from typing import Final

# A page loads only its own files. Pagefind needs WebAssembly.
POLICY: Final = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)
HEADERS: Final = {
    # Only a header, not a page, can restrict framing.
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # A withdrawn note must not be shown from a cache.
    "Cache-Control": "no-cache",
}
