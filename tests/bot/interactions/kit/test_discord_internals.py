"""What discord.py does not promise: what of it is gone is named."""

from bot.interactions.kit.discord_internals import USED, missing


def test_the_installed_discord_py_has_everything_that_is_used_of_it() -> None:
    assert missing(USED) == []


def test_a_part_that_is_gone_is_named() -> None:
    gone = ["discord.ui:Modal._never_there", "discord.never_there:anything"]
    gone += ["discord.shard:Shard._never_set", "discord.shard:NeverThere._client"]
    assert missing([*USED, *gone]) == gone
