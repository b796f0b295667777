import os
import re
import sys
from pathlib import Path

import pytest

from bot.config import settings as config
from bot.config.settings import ConfigError, Settings
from knowledge.dependencies import install_hint


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


def test_an_unreadable_settings_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.toml can't be read: No such file"):
        config.load(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="can't be read"):
        config.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[data]\nfolder = oops\n", r"is not valid TOML: .*line 2"),
        ("x = " + "[" * 5_000, "is not valid TOML"),
        ("x = " + "9" * 5_000, "is not valid TOML"),
        (b'[data]\nfolder = "\xff"', "is not UTF-8: save it as UTF-8"),
        # Unknown keys, with keys that exist.
        ("[answers]\npassage = 2", r"unknown key `answers\.passage`. Did you mean `answers\.pass"),
        ("[answer]\npassages = 2", r"unknown key `answer`"),
        ("[answers]\nzzzz = 1", r"unknown key `answers\.zzzz`\. \[answers\] has the keys "),
        ("keep_days = 2", r"Did you mean `questions\.keep_days` or `guilds\.keep_days`\?"),
        ("colour = 1", r"unknown key `colour`\. The sections are \[data\], \[model\], (?!.*a\.)"),
        ("[discord]\ntoken = 'x'", r"unknown key `discord`"),
        # Invalid values, with valid ones.
        ("[answers]\npassages = 0", r"`answers\.passages` is 0: .*greater than or equal to 1"),
        ("[answers]\npassages = 6", r"`answers\.passages` is 6: .*less than or equal to 5"),
        ("[log]\nlevel = 'loud'", r"`log\.level` is 'loud': .*'debug', 'info'"),
        ("[health]\nport = 'on'", r'`health\.port` is \'on\': input should be "off" or a port'),
        ("[health]\nport = 65536", r'`health\.port` is 65536: input should be "off" or a port'),
        ("[health]\nport = true", r'`health\.port` is True: input should be "off" or a port'),
        ("[model]\nname = ''", r"`model\.name` is '': .*at least 1"),
        ("data = 'here'", r"`data` is 'here'"),
    ],
)
def test_bad_settings_name_key_and_remedy(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        config.load(_file(tmp_path, text))


def test_former_keys_are_named_and_do_not_count(tmp_path: Path) -> None:
    former = "[sources]\nlook_seconds = 5\nweb_hours = 3\n[limits]\nnotes_per_day = 2\n"
    settings = config.load(_file(tmp_path, former))
    assert settings.warning == (
        f"{tmp_path / 'settings.toml'} has keys that don't count any more: `sources.look_seconds` "
        "is now always 60; `limits.notes_per_day` is now *Limits and newcomers* in `/setup`."
    )
    assert (settings.sources.look_seconds, settings.sources.web_hours) == (60, 3)


def test_defaults_of_1_0_0_still_start(tmp_path: Path) -> None:
    sections: dict[str, list[str]] = {}
    for name, (default, _) in config.former_keys().items():
        section, _, key = name.partition(".")
        sections.setdefault(section, []).append(f"{key} = {default}\n")
    text = "".join(f"[{section}]\n{''.join(keys)}" for section, keys in sections.items())
    assert text.count(" = ") == 20
    settings = config.load(_file(tmp_path, text))
    assert (settings, settings.warning) == (Settings(), "")


def test_the_former_default_model_starts_as_the_default(tmp_path: Path) -> None:
    settings = config.load(_file(tmp_path, f'[model]\nname = "{config.FORMER_MODEL}"\n'))
    assert settings.model == Settings().model
    assert "so `english` is used" in settings.warning


def test_36_keys_have_a_line_of_description_each() -> None:
    assert len(config.keys()) <= 36
    assert all(len(line) <= 100 for line in config.template().splitlines())


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://bot:s3cret@db/x", r"`data\.database` can't be used: it holds a password"),
        ("postgresql://bot@db/x?password=s3cret", r"set PGPASSWORD in the environment"),
        ("s3cret", r"`data\.database` can't be used: it should be written as `postgresql://"),
    ],
)
def test_a_password_in_the_address_is_hidden(tmp_path: Path, url: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as refused:
        config.load(_file(tmp_path, f"[data]\ndatabase = '{url}'"))
    assert "s3cret" not in str(refused.value)


def test_logs_hide_the_databases_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    assert config.secrets() == ["s3cret"]


@pytest.mark.parametrize("value", ["", "  "])
def test_without_a_token_the_remedy_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", value)
    with pytest.raises(
        ConfigError, match=r"no token\. Copy it .* set the environment variable DISCORD_TOKEN"
    ):
        config.token()


@pytest.mark.parametrize("text", ["abc\n", " abc ", "DISCORD_TOKEN=abc\n"])
def test_the_token_is_read_from_the_file_that_is_named(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN_FILE", str(_file(tmp_path, text)))
    assert config.token() == "abc"
    monkeypatch.setenv("DISCORD_TOKEN", " abc \n")
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


def test_keys_without_a_value_keep_their_defaults(tmp_path: Path) -> None:
    assert config.load() == Settings()
    # The file in the current folder is read without being named.
    (tmp_path / "config.toml").write_text("[answers]\npassages = 2\n[health]\nport = 0")
    settings = config.load()
    assert (settings.answers.passages, settings.answers.private) == (2, False)
    assert (settings.health.port, Settings().health.port) == (0, "off")
    assert settings.model == Settings().model


def test_options_beat_variables_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _file(tmp_path, "[data]\nfolder = 'of the file'")
    monkeypatch.setenv("COMMONPLACE_DATA", "")
    assert config.load(path).data.folder == Path("of the file")
    monkeypatch.setenv("COMMONPLACE_DATA", "of the variable")
    assert config.load(path).data.folder == Path("of the variable")
    assert config.load(path, Path("of the option")).data.folder == Path("of the option")


@pytest.mark.parametrize("name", ["DATA", "LOG", "ANSWERS", "ANSWERS__PASSAGES"])
def test_stray_variables_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, name, '{"passages": 5}')
    assert config.load() == Settings()


def test_the_table_lists_every_key_once() -> None:
    rows = config.table()
    assert [key for key, _, _ in rows] == config.keys()
    assert all(description for _, _, description in rows)
    assert ("answers.private", "false") in [(key, default) for key, default, _ in rows]


def test_pictures_need_their_reader_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _file(tmp_path, "[pictures]\nread_text = true\n")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.delitem(sys.modules, "rapidocr", raising=False)
    with pytest.raises(ConfigError, match=re.escape(f"read_text` needs {install_hint('ocr')}.")):
        config.load(file)
