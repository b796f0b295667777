"""What `/setup` says."""

from bot.setup import messages as setup_messages
from bot.text import permission_names
from bot.text.markdown import MESSAGE_CHARACTERS
from knowledge.model.guilds import GuildSettings


def test_setting_up_names_the_permissions_that_are_missing() -> None:
    mentions = ("<#1>", "<@&2>")
    text = setup_messages.set_up(mentions, ["send_messages", "embed_links"], GuildSettings(1), 1)
    assert "**Send Messages**, **Embed Links**" in text
    assert "every permission" in setup_messages.set_up(mentions, [], GuildSettings(1), 1)


def test_what_was_set_up_is_one_message_however_much_was_chosen() -> None:
    settings = GuildSettings(
        1,
        allowed_hosts=tuple(f"host-{number}.example" for number in range(300)),
        listen_channels=tuple(range(10**18, 10**18 + 100)),
    )
    missing = list(permission_names.PERMISSION_NAMES)
    text = setup_messages.set_up(("<#1>", "<@&2>"), missing, settings, 3)
    silent = setup_messages.can_not_answer(settings.listen_channels)
    assert len(f"{text}\n{silent}") <= MESSAGE_CHARACTERS
    assert "and 90 more" in text
