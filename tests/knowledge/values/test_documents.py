from hypothesis import given
from hypothesis import strategies as st

from knowledge.values.documents import SHARED, Scope, channel_of, channel_scope


@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_channels_scope_leads_back_to_the_channel(snowflake: int) -> None:
    scope = channel_scope(snowflake)

    assert scope not in (SHARED, Scope(snowflake))
    assert channel_of(scope) == snowflake


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_no_guild_and_nothing_shared_is_a_channels(snowflake: int) -> None:
    assert channel_of(Scope(snowflake)) is None
