"""Who sees a public answer may read what it quotes: compared with every member there could be."""

from collections.abc import Iterator
from itertools import chain, combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.interactions.policy.channel_access import (
    READING,
    READING_VOICE,
    Need,
    Overwrite,
    Place,
    Roles,
    quotable,
)

STAFF, HELPERS, MUTED = 11, 12, 13
ROLE_IDS = (STAFF, HELPERS, MUTED)
MEMBER_IDS = (21, 22)
# Somebody of whom no channel says anything.
ANYBODY = 29

NEEDS = frozenset(Need)
VIEW = frozenset({Need.VIEW})
HISTORY = frozenset({Need.HISTORY})

EVERYBODY = Roles(NEEDS, dict.fromkeys(ROLE_IDS, frozenset()))
GATED = Roles(frozenset(), {STAFF: NEEDS, HELPERS: NEEDS, MUTED: frozenset()})
HIDDEN = Overwrite(denied=VIEW)
SHOWN = Overwrite(allowed=VIEW)

OPEN = Place(1)
OTHER_OPEN = Place(2)
STAFF_ONLY = Place(3, HIDDEN, {STAFF: SHOWN})
STAFF_TOO = Place(4, HIDDEN, {STAFF: SHOWN})
STAFF_AND_HELPERS = Place(5, HIDDEN, {STAFF: SHOWN, HELPERS: SHOWN})


def permissions(
    roles: Roles, place: Place, own_roles: frozenset[int], member_id: int
) -> frozenset[Need]:
    """What a member may do in a channel: Discord's documentation, step by step."""
    found = roles.everyone.union(*(roles.others[one] for one in own_roles))
    found = (found - place.everyone.denied) | place.everyone.allowed
    said = [place.roles[one] for one in own_roles if one in place.roles]
    found -= frozenset(chain.from_iterable(one.denied for one in said))
    found |= frozenset(chain.from_iterable(one.allowed for one in said))
    own = place.members.get(member_id, Overwrite())
    return (found - own.denied) | own.allowed


def everybody(roles: Roles) -> Iterator[tuple[frozenset[int], int]]:
    """Every member there could be, as roles and id."""
    for size in range(len(roles.others) + 1):
        for own in combinations(roles.others, size):
            for member_id in (*MEMBER_IDS, ANYBODY):
                yield frozenset(own), member_id


def kept_from_somebody(roles: Roles, here: Place, there: Place) -> bool:
    return any(
        Need.VIEW in permissions(roles, here, *member)
        and not there.needs <= permissions(roles, there, *member)
        for member in everybody(roles)
    )


needs = st.frozensets(st.sampled_from(Need))
overwrites = st.builds(Overwrite, needs, needs)
all_roles = st.builds(Roles, needs, st.fixed_dictionaries(dict.fromkeys(ROLE_IDS, needs)))


def places(place_id: int) -> st.SearchStrategy[Place]:
    return st.builds(
        Place,
        st.just(place_id),
        overwrites,
        st.dictionaries(st.sampled_from(ROLE_IDS), overwrites),
        st.dictionaries(st.sampled_from(MEMBER_IDS), overwrites),
        st.sampled_from([READING, READING_VOICE]),
    )


@given(all_roles, places(1), places(2))
@example(EVERYBODY, OPEN, OTHER_OPEN)
@example(EVERYBODY, OPEN, STAFF_ONLY)
@example(EVERYBODY, STAFF_ONLY, Place(2, members={21: HIDDEN}))
@example(GATED, STAFF_ONLY, Place(2, HIDDEN, {STAFF: SHOWN, MUTED: HIDDEN}))
def test_a_channel_is_used_only_where_all_read_it(roles: Roles, here: Place, there: Place) -> None:
    assert (quotable(roles, here, [there]) == ()) == kept_from_somebody(roles, here, there)


# What that means, in servers as there are.


@pytest.mark.parametrize("roles", [EVERYBODY, GATED])
def test_what_everybody_may_read_is_used_everywhere(roles: Roles) -> None:
    for here in (OTHER_OPEN, STAFF_ONLY, STAFF_AND_HELPERS):
        assert quotable(roles, here, [OPEN]) == (OPEN.id,)


def test_staff_channels_are_used_among_staff() -> None:
    assert quotable(EVERYBODY, STAFF_TOO, [STAFF_ONLY]) == (STAFF_ONLY.id,)
    assert quotable(EVERYBODY, OPEN, [STAFF_ONLY]) == ()
    assert quotable(EVERYBODY, STAFF_AND_HELPERS, [STAFF_ONLY]) == ()


def test_a_channel_is_used_where_fewer_may_look() -> None:
    assert quotable(EVERYBODY, STAFF_ONLY, [STAFF_AND_HELPERS]) == (STAFF_AND_HELPERS.id,)


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (Place(9, roles={MUTED: HIDDEN}), Place(8, roles={MUTED: HIDDEN})),
        (Place(9, members={21: HIDDEN}), Place(8, members={21: HIDDEN})),
    ],
    ids=["role", "member"],
)
def test_a_channel_is_used_where_its_denied_may_not_look(there: Place, here: Place) -> None:
    assert quotable(EVERYBODY, OPEN, [there]) == ()
    assert quotable(EVERYBODY, here, [there]) == (9,)


def test_a_guest_blocks_what_they_may_not_read() -> None:
    here = Place(8, HIDDEN, {STAFF: SHOWN}, {21: SHOWN})
    assert quotable(EVERYBODY, here, [STAFF_ONLY]) == ()
    guest_too = Place(9, HIDDEN, {STAFF: SHOWN}, {21: SHOWN})
    assert quotable(EVERYBODY, here, [guest_too]) == (9,)


def test_unreadable_history_is_not_used() -> None:
    without_history = Place(9, Overwrite(denied=HISTORY))
    assert quotable(EVERYBODY, without_history, [without_history]) == ()
    assert quotable(EVERYBODY, OPEN, [OPEN]) == (OPEN.id,)


def test_adult_channels_are_used_among_adults() -> None:
    adults, more_adults = Place(8, restricted=True), Place(9, restricted=True)
    assert quotable(EVERYBODY, OPEN, [adults]) == ()
    assert quotable(EVERYBODY, more_adults, [adults, OPEN]) == (OPEN.id, adults.id)


def test_channels_come_in_the_order_of_their_ids() -> None:
    assert quotable(EVERYBODY, OPEN, [OTHER_OPEN, STAFF_ONLY, OPEN]) == (OPEN.id, OTHER_OPEN.id)
