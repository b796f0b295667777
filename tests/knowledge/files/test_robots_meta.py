import pytest

from knowledge.files.robots_meta import (
    hiding_rule,
    hiding_rule_of_tags,
    nofollow_rule,
    nofollow_rule_of_tags,
)


@pytest.mark.parametrize(
    ("header", "hiding", "nofollow"),
    [
        ("noindex", "noindex", ""),
        ("NOINDEX, nofollow", "noindex", "nofollow"),
        ("none", "none", "none"),
        ("max-snippet:-1, nosnippet", "nosnippet", ""),
        ("otherbot: nofollow, commonplace: none", "none", "none"),
        ("robots: noindex", "noindex", ""),
        ("googlebot: noindex, nofollow", "", ""),
        ("unavailable_after: 25 Jun 2030, nofollow", "", "nofollow"),
        ("noarchive", "", ""),
        ("", "", ""),
    ],
)
def test_rules_of_a_header_count_for_us_or_for_all(header: str, hiding: str, nofollow: str) -> None:
    assert (hiding_rule([header]), nofollow_rule([header])) == (hiding, nofollow)


def test_rules_of_tags_count_by_their_names() -> None:
    for name in ("robots", " ROBOTS", "Commonplace"):
        assert hiding_rule_of_tags([("description", "x"), (name, "noindex")]) == "noindex"
        assert nofollow_rule_of_tags([(name, "none")]) == "none"
    others = [("googlebot", "noindex, nofollow"), ("description", "noindex, nofollow")]
    assert not hiding_rule_of_tags(others)
    assert not nofollow_rule_of_tags(others)
