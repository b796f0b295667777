import pytest

from knowledge.store.database_url import check_database_url, database_label, is_database_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://bot@db.example:5433/community", "community on db.example:5433"),
        ("postgres:///community", "community on this machine"),
        ("postgresql://bot@/a%20b?host=/run/pg&sslmode=disable", "a b on /run/pg"),
        ("postgresql://[::1]/", "the default database on [::1]"),
        ("postgresql://a.example:5432,b.example/d", "d on a.example:5432,b.example"),
        ("postgresql://bot@/d?host=@/run/pg&passfile=/etc/pg.pass", "d on @/run/pg"),
        ("postgresql://bot@db/d?options=-c%20search_path%3Dx&connect_timeout=5", "d on db"),
    ],
)
def test_a_url_is_shown_without_its_user(url: str, shown: str) -> None:
    assert check_database_url(url) == url
    assert database_label(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bot:s3cret@db/community",
        "postgresql://bot:@db/community",
        "postgresql://bot@db/community?password=s3cret",
        "postgresql://bot@db/community?sslmode=require&PASSWORD=s3cret",
        "postgresql://bot@db/community?sslpassword=s3cret",
        "postgresql://bot@db/community?passwd=s3cret",
        "postgresql://bot@db/community?pass%77ord=s3cret",
    ],
)
def test_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="PGPASSWORD") as refused:
        check_database_url(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bot@db/community;password=s3cret",
        "postgresql://bot@db;password=s3cret/community",
        "postgresql://bot@db/community#?password=s3cret",
        "postgresql://bot@db/community#s3cret",
        "postgresql://bot@db/community&password=s3cret",
        "postgresql://bot@db/community password=s3cret",
        "postgresql://bot@db/community%20password%3Ds3cret",
        "postgresql://bot@db/community%3Bs3cret",
        "postgresql://bot@db/community?sslmode=require;password=s3cret",
        "postgresql://bot@db/community?sslmode=require#password=s3cret",
        "postgresql://bot@db/community?s3cret",
        "postgresql://bot@db:s3cret/community",
        "postgresql://bot%3As3cret@db/community",
        "postgresql://db/community?user=bot:s3cret",
        "postgresql://db/community?host=bot:s3cret@db",
        "postgresql://db/?dbname=postgresql://bot:s3cret@db/community",
        "postgresql://bot@db/community/bot:s3cret",
        "postgresql://[s3cret]/community",
        "postgresql://s3cret\u2100@db/community",
        "postgresql://bot@db\\s3cret/community",
    ],
)
def test_hidden_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"out of place.*PGPASSWORD") as refused:
        check_database_url(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "community.db", "mysql://db/x", "host=db password=s3cret"])
def test_other_texts_are_no_urls(text: str) -> None:
    assert not is_database_url(text)
    with pytest.raises(ValueError, match="postgresql://USER@HOST/DATABASE") as refused:
        check_database_url(text)
    assert "s3cret" not in str(refused.value)
