import os
import re
import sys
from pathlib import Path

import pytest

from bot.config import settings as config
from bot.config.settings import ConfigError, Settings
from knowledge.dependencies import needed


@pytest.fixture(autouse=True)
def _nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the tester's own variables nor the project's own file are read."""
    monkeypatch.delenv("COMMONPLACE_DATA", raising=False)
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    monkeypatch.delenv("DISCORD_TOKEN_FILE", raising=False)
    monkeypatch.chdir(tmp_path)


def _file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "settings.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_that_was_named_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.toml can't be read: No such file"):
        config.load(tmp_path / "missing.toml")


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        config.load(tmp_path)


def test_a_file_that_is_not_toml_is_explained_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not valid TOML: .*line 2"):
        config.load(_file(tmp_path, "[data]\nfolder = oops\n"))


def test_a_file_that_is_not_utf_8_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not UTF-8: save it as UTF-8"):
        config.load(_file(tmp_path, b'[data]\nfolder = "\xff"'))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[answers]\npassage = 2", r"unknown key `answers\.passage`. Did you mean `answers\.pass"),
        ("[answer]\npassages = 2", r"unknown key `answer`"),
        ("[answers]\nzzzz = 1", r"unknown key `answers\.zzzz`\. \[answers\] has the keys "),
        ("keep_days = 2", r"Did you mean `questions\.keep_days` or `guilds\.keep_days`\?"),
        (
            "colour = 1",
            r"unknown key `colour`\. The sections are \[data\], \[model\], (?!.*a\.)",
        ),
        ("[discord]\ntoken = 'x'", r"unknown key `discord`"),
    ],
)
def test_an_unknown_key_is_named_with_a_key_that_exists(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        config.load(_file(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[answers]\npassages = 0", r"`answers\.passages` is 0: .*greater than or equal to 1"),
        ("[answers]\npassages = 6", r"`answers\.passages` is 6: .*less than or equal to 5"),
        ("[answers]\npassages = 'many'", r"`answers\.passages` is 'many': .*integer"),
        ("[answers]\nprivate = 'perhaps'", r"`answers\.private` is 'perhaps': .*boolean"),
        ("[log]\nlevel = 'loud'", r"`log\.level` is 'loud': .*'debug', 'info'"),
        ("[log]\nformat = 'xml'", r"`log\.format` is 'xml': .*'text' or 'json'"),
        ("[health]\nport = 'on'", r'`health\.port` is \'on\': input should be "off" or a port'),
        ("[health]\nport = 65536", r'`health\.port` is 65536: input should be "off" or a port'),
        ("[health]\nport = true", r'`health\.port` is True: input should be "off" or a port'),
        ("[health]\nport = 80.5", r'`health\.port` is 80\.5: input should be "off" or a port'),
        ("[model]\nname = ''", r"`model\.name` is '': .*at least 1"),
        ("data = 'here'", r"`data` is 'here'"),
    ],
)
def test_a_value_that_can_not_be_is_named_with_what_can(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        config.load(_file(tmp_path, text))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://bot:s3cret@db/x", r"`data\.database` can't be used: it holds a password"),
        ("postgresql://bot@db/x?password=s3cret", r"set PGPASSWORD in the environment"),
        ("s3cret", r"`data\.database` can't be used: it should be written as `postgresql://"),
    ],
)
def test_a_database_with_a_password_is_refused_and_not_shown(
    tmp_path: Path, url: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence) as refused:
        config.load(_file(tmp_path, f"[data]\ndatabase = '{url}'"))
    assert "s3cret" not in str(refused.value)


def test_the_password_of_a_database_is_hidden_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    assert config.secrets() == ["s3cret"]


@pytest.mark.parametrize("value", ["", "  "])
def test_without_a_token_the_remedy_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", value)
    with pytest.raises(
        ConfigError, match=r"no token\. Copy it .* set the environment variable DISCORD_TOKEN"
    ):
        config.token()


def test_the_token_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", " abc \n")
    assert config.token() == "abc"


@pytest.mark.parametrize("text", ["abc\n", " abc ", "DISCORD_TOKEN=abc\n"])
def test_the_token_is_read_from_the_file_that_is_named(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN_FILE", str(_file(tmp_path, text)))
    assert config.token() == "abc"
    # Secrets hidden from the log.
    assert config.secrets() == ["abc"]


@pytest.mark.parametrize("content", [None, b"\xff\xfeabc"])
def test_a_token_file_that_can_not_be_read_is_named_and_nothing_of_it_is_told(
    tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("DISCORD_TOKEN_FILE", str(path))
    with pytest.raises(ConfigError, match=r"token, named by DISCORD_TOKEN_FILE") as refused:
        config.token()
    assert "abc" not in str(refused.value)
    assert config.secrets() == []


@pytest.mark.parametrize("text", ["x = " + "[" * 5_000, "x = " + "9" * 5_000])
def test_settings_that_no_parser_takes_are_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="is not valid TOML"):
        config.load(_file(tmp_path, text))


def test_without_a_file_everything_is_at_its_default() -> None:
    assert config.load() == Settings()


def test_the_file_in_the_current_folder_is_read_unasked(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[answers]\npassages = 2")
    assert config.load().answers.passages == 2


def test_only_what_a_file_says_differs_from_the_defaults(tmp_path: Path) -> None:
    settings = config.load(_file(tmp_path, "[answers]\npassages = 1\nprivate = true"))
    assert (settings.answers.passages, settings.answers.private) == (1, True)
    assert settings.model == Settings().model


@pytest.mark.parametrize(("text", "port"), [("", "off"), ("port = 'off'", "off"), ("port = 0", 0)])
def test_health_is_off_until_a_port_is_named(tmp_path: Path, text: str, port: object) -> None:
    assert config.load(_file(tmp_path, f"[health]\n{text}")).health.port == port


def test_the_option_comes_before_the_variable_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(tmp_path, "[data]\nfolder = 'of the file'")
    assert config.load(path).data.folder == Path("of the file")
    monkeypatch.setenv("COMMONPLACE_DATA", "of the variable")
    assert config.load(path).data.folder == Path("of the variable")
    assert config.load(path, Path("of the option")).data.folder == Path("of the option")


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMONPLACE_DATA", "")
    assert config.load().data.folder == Settings().data.folder


@pytest.mark.parametrize("name", ["DATA", "LOG", "ANSWERS", "ANSWERS__PASSAGES"])
def test_stray_variables_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, name, '{"passages": 5}')
    assert config.load() == Settings()


def test_the_table_lists_every_key_once_with_default_and_description() -> None:
    rows = config.table()
    assert [key for key, _, _ in rows] == config.keys()
    assert all(description for _, _, description in rows)
    assert ("answers.private", "false") in [(key, default) for key, default, _ in rows]


def test_text_in_pictures_is_read_only_where_what_reads_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _file(tmp_path, "[pictures]\nread_text = true\n")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.delitem(sys.modules, "rapidocr", raising=False)
    with pytest.raises(ConfigError, match=re.escape(f"read_text` needs {needed('ocr')}.")):
        config.load(file)
