"""Private parts of simcord that the preview uses; at import, their existence is checked.

simcord shows one channel with frozen time, but the preview needs many pages and real time.
simcord's minor version is pinned, because its private parts may change.
"""

from typing import Any, Final

from simcord import interactions
from simcord._clock import Clock
from simcord.http import router
from simcord.preview import _server
from simcord.preview._server import PreviewServer
from simcord.preview._snapshot import build_snapshot

from knowledge.dependencies import require

__all__ = ["ROUTES", "Clock", "PreviewServer", "_server", "build_snapshot", "use_locale"]

USED: Final = (
    "simcord._clock:Clock._epoch",
    "simcord._clock:Clock.now",
    "simcord.builders:ChannelHandle._channel",
    "simcord.builders:ChannelHandle._env",
    "simcord.builders:RoleHandle._role",
    "simcord.env:run._env",
    "simcord.env:Env._preview",
    "simcord.http.router:_ROUTES",
    "simcord.interactions:base_payload",
    "simcord.preview._server:PreviewServer._STATIC_FILES",
    "simcord.preview._server:PreviewServer._SECURITY_HEADERS",
    "simcord.preview._server:PreviewServer._index",
    "simcord.preview._server:PreviewServer._pages",
    "simcord.preview._server:PreviewServer._requested_port",
    "simcord.preview._server:PreviewServer._static",
    "simcord.preview._snapshot:build_snapshot",
    "simcord.preview:Preview._advance_presentation_time",
    "simcord.preview:Preview._close_page",
    "simcord.preview:Preview._closed",
    "simcord.preview:Preview._initial_target",
    "simcord.preview:Preview._mark_action_dispatched",
    "simcord.preview:Preview._pages",
    "simcord.preview:Preview._publish",
    "simcord.preview:Preview._server",
)

require("simcord", USED)

ROUTES: Final = router._ROUTES

_base_payload: Final = interactions.base_payload


def use_locale(locale: str) -> None:
    """Send this language of members' Discord with interactions; simcord's own is English."""

    def base_payload(*args: Any, **values: Any) -> tuple[Any, dict[str, Any]]:
        interaction, payload = _base_payload(*args, **values)
        return interaction, {**payload, "locale": locale}

    interactions.base_payload = base_payload
