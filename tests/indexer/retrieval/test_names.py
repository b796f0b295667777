import pytest

from indexer.retrieval.names import missing_names, missing_nouns

# As the default model's vocabulary has them, which is of the most frequent words.
COMMON_TEXT = """adapter all and any back blur boats boot bus club cloud controller crap do file
    for game get have hog house how in install is laptop lol make map meet on oracle pair porto
    print push safe screen server stick straight the theme up use volume we when where"""
COMMON = frozenset(COMMON_TEXT.split())


def missing(
    question: str, passage: str = "A passage of words.", *, title: str = "", language: str = "en"
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The missing proper names, and the other missing words."""
    text = f"{title}\n{passage}"
    proper = missing_names(question, (title,), text, language=language)
    nouns = missing_nouns(question, text, COMMON.__contains__, language=language)
    return proper, tuple([word for word in nouns if word not in proper])


@pytest.mark.parametrize(
    ("question", "proper", "nouns"),
    [
        ("docker volumes on my laptop", (), ("docker",)),
        ("can it push straight to s3", ("s3",), ()),
        ("print from Netflix", ("Netflix",), ()),
        ("where is the Zugspitze", ("Zugspitze",), ()),
        ("how do i install Zorg-Blint", ("Zorg-Blint",), ()),
        ("earbuds or trackpad", (), ("earbuds", "trackpad")),
        ("does borgbase make backups", (), ("borgbase", "backups")),
    ],
)
def test_names_and_rare_nouns_are_reported(
    question: str, proper: tuple[str, ...], nouns: tuple[str, ...]
) -> None:
    assert missing(question) == (proper, nouns)


@pytest.mark.parametrize(
    "question",
    [
        "lol make it stop vs boot",
        "ngl it uses alot of boot rly",
        "it hogs my laptop",
        "boots and laptops in the house",
        "my crappy laptop is sluggish",
        "safe to nuke",
        "the screen is soooo blurry",
        "200 files of 500gb in 24h on the 2nd",
        "a screen is rescanned automatically",
        "Can I Make My Screen Boot",
        "is this 47 or 48",
        "YES or lol",
        "scren for wehn the club is bakc",
        "it mustnt and neednt boot",
        "boot altho itll do",
    ],
)
def test_verbs_adjectives_quantities_noise_slips_and_common_words_are_none(question: str) -> None:
    assert missing(question) == ((), ())


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("a cronjob", "It runs as a cron job."),
        ("which distro", "Any distribution will do."),
        ("the postgres", "PostgreSQL is dumped first."),
        ("my wi-fi", "Turn on wifi."),
        ("using gluster", "A GlusterFS mount."),
        ("on k8s", "Install it on Kubernetes."),
        ("on a pi4", "Boot the Raspberry Pi 4."),
    ],
)
def test_another_form_of_a_name_in_the_passage_counts(question: str, passage: str) -> None:
    assert missing(question, passage) == ((), ())


@pytest.mark.parametrize(
    ("question", "passage", "proper"),
    [
        ("how do i pair a ps5 controller", "Pair the PS4 adapter.", ("ps5",)),
        ("how do i pair a ps5 controller", "Pair the PS 4 in steps 5 and 6.", ("ps5",)),
        ("use python3.12 for the server", "Install python3.11.", ("python3.12",)),
        ("use python3.12 for the server", "Install python3.12.", ()),
        ("is python 3.7 supported", "End support for Python 3.3.", ("3.7",)),
        ("is python v3.7 supported", "Python 3.7.1 works.", ()),
        ("which fuse for 4.5 amps", "Take the smaller one.", ()),
        ("the box has 192.168.0.50", "Open its page.", ()),
    ],
)
def test_versions_differ_in_last_digit(
    question: str, passage: str, proper: tuple[str, ...]
) -> None:
    assert missing(question, passage)[0] == proper


@pytest.mark.parametrize(
    ("question", "proper"),
    [
        ("when do we meet in porto?", ("porto",)),
        ("when do we meet in Lisbon", ()),
        ("how do we meet in porto?", ()),
        ("when do we meet", ()),
    ],
)
def test_word_in_a_titles_place_is_a_name(question: str, proper: tuple[str, ...]) -> None:
    title = "When do we meet in Lisbon?"
    assert missing(question, "On the first Tuesday.", title=title)[0] == proper


def test_capitals_of_german_nouns_make_no_proper_names() -> None:
    german = "Der Verein ist in Bonn und hat eine Uhr."
    question = "Wie viele Stunden hat der kleine Verein?"
    assert missing(question, german, language="de") == ((), ("Stunden",))


def test_other_languages_words_are_not_missed() -> None:
    question = "Wie viele Stunden hat der Verein mit S3?"
    assert missing(question, "The club has a clock and a house.") == (("S3",), ())
