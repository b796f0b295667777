"""Forum posts until they are solved: times of the ping of helpers and of *Solved?*, words. Pure."""

from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from bot.text.languages import Plural, Sentence
from knowledge.values.questions import HelpedQuestion, PostState
from knowledge.values.settings import EffectiveSettings, SolvedPosts

# Time without a message in an answered post before its author is asked.
QUIET: Final = timedelta(hours=4)
# The age from which posts are left alone.
FOLLOWED_FOR: Final = timedelta(days=14)
# A post is looked at again after an eighth of its age, but not before this pause.
PAUSE: Final = timedelta(hours=1)
_SHARE: Final = 8

PING: Final = Plural(
    "{role} This post has had no answer for an hour.",
    "{role} This post has had no answer for {number:,} hours.",
)
SIMILAR: Final = Sentence("Similar posts and notes:")
ASK: Final = Sentence("{author} Is this solved now?")
LABELS: Final = {"yes": Sentence("Yes, solved"), "no": Sentence("Not yet")}
SOLVED: Final = Sentence("✅ Solved.")
NOT_SOLVED: Final = Sentence("Not solved yet. What's still missing? Write it here.")
NOT_YOURS: Final = Sentence("Only the post's author and moderators can answer that.")


class Step(Enum):
    """A step for a post."""

    PING = auto()
    ASK = auto()
    WAIT = auto()
    END = auto()


def first_look(post: HelpedQuestion, settings: EffectiveSettings) -> datetime | None:
    """The time from which a look at a post may lead to a step; None if its settings demand none."""
    asks = settings.solved_posts is not SolvedPosts.OFF
    waits = [QUIET] if asks else []
    if settings.ping_hours and post.post_state is PostState.OPEN:
        waits.append(timedelta(hours=settings.ping_hours))
    if post.post_state is PostState.SOLVED:
        waits.append(timedelta())
    return post.look_at or post.asked_at + min(waits) if waits else None


def next_step(
    post: HelpedQuestion,
    settings: EffectiveSettings,
    at: datetime,
    *,
    answered: bool,
    quiet_since: datetime,
) -> tuple[Step, datetime]:
    """The step for a post now, and the time of the next look."""
    asks = settings.solved_posts is not SolvedPosts.OFF
    due, step = at + max(PAUSE, (at - post.asked_at) / _SHARE), Step.WAIT
    if answered and asks:
        due, step = quiet_since + QUIET, Step.ASK
    elif not answered and settings.ping_hours and post.post_state is PostState.OPEN:
        due, step = post.asked_at + timedelta(hours=settings.ping_hours), Step.PING
    elif not asks:
        step = Step.END
    return (Step.WAIT, due) if step in (Step.ASK, Step.PING) and due > at else (step, due)
