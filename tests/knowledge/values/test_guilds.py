import pytest

from knowledge.values.settings import GuildSettings


@pytest.mark.parametrize(
    ("channel", "role", "complete"),
    [(None, None, False), (1, None, False), (None, 1, False), (1, 1, True)],
)
def test_review_needs_channel_and_role(
    channel: int | None, role: int | None, complete: bool
) -> None:
    assert GuildSettings(5, channel, role).complete is complete
