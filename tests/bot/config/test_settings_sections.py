from pathlib import Path

import pytest

from bot.config import settings as config
from bot.config.settings import ConfigError, PhrasingSettings

_HERE = "http://127.0.0.1:8080/v1"


def _settings(folder: Path, text: str) -> PhrasingSettings:
    path = folder / "settings.toml"
    path.write_text(f"[phrasing]\n{text}\n")
    return config.load(path).phrasing


def test_nothing_is_asked_unless_it_is_set() -> None:
    settings = config.Settings().phrasing
    assert not settings.is_on
    assert (settings.url, settings.host, settings.may_send_messages) == ("", "", False)


def test_an_endpoint_has_mode_address_and_model(tmp_path: Path) -> None:
    said = _settings(tmp_path, f'mode = "choose"\nurl = "{_HERE}/"\nmodel = " small "')
    assert (said.is_on, said.url, said.model, said.host) == (True, _HERE, "small", "127.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8080/v1",
        "ftp://127.0.0.1/v1",
        "http://",
        "http:///v1",
        "http://127.0.0.1:0/v1",
        "http://127.0.0.1:99999/v1",
        "http://[::1/v1",
        "https://key@api.example.com/v1",
        "https://api.example.com/v1?key=x",
        "https://api.example.com/v1#x",
        "https://api.example.com/a b",
        "https://äpi.example.com/v1",
    ],
)
def test_an_unusable_address_is_refused_with_a_remedy(tmp_path: Path, url: str) -> None:
    for mode in ("off", "choose"):
        with pytest.raises(ConfigError, match=r"`phrasing\.url` is .*such as http://127"):
            _settings(tmp_path, f'mode = "{mode}"\nurl = "{url}"\nmodel = "m"')


def test_a_model_needs_an_address_and_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`phrasing\.url` is '': input should be the address"):
        _settings(tmp_path, 'mode = "choose"\nmodel = "m"')
    with pytest.raises(
        ConfigError, match=r"`phrasing\.model` is '': input should be the endpoint's name"
    ):
        _settings(tmp_path, f'mode = "phrase"\nurl = "{_HERE}"')
    assert _settings(tmp_path, f'url = "{_HERE}"').is_on is False


@pytest.mark.parametrize(
    "text", ['mode = "write"', "seconds = 0", "daily_tokens = -1", 'key = "x"']
)
def test_what_can_not_be_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=text.split()[0]):
        _settings(tmp_path, text)


@pytest.mark.parametrize(
    ("host", "is_private"),
    [
        ("127.0.0.1", True),
        ("[::1]", True),
        ("localhost", True),
        ("10.1.2.3", True),
        ("192.168.0.7", True),
        ("[fd00::1]", True),
        ("8.8.8.8", False),
        ("0.0.0.0", False),  # noqa: S104 - an address to connect to, which is none
        ("[2606:4700::1111]", False),
        ("api.example.com", False),
        # A name may lead anywhere, and somewhere else tomorrow.
        ("gpu", False),
        ("localhost.example.com", False),
        ("127.1", False),
    ],
)
def test_only_an_address_says_that_an_endpoint_is_near(
    tmp_path: Path, host: str, is_private: bool
) -> None:
    settings = _settings(tmp_path, f'mode = "choose"\nurl = "http://{host}/v1"\nmodel = "m"')
    assert settings.is_private is is_private


def test_a_key_stays_out_of_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "abc")
    monkeypatch.delenv("PHRASING_KEY", raising=False)
    assert (config.phrasing_key(), config.secrets()) == ("", ["abc"])
    monkeypatch.setenv("PHRASING_KEY", " sk-1 \n")
    assert config.phrasing_key() == "sk-1"
    assert set(config.secrets()) == {"abc", "sk-1"}
    monkeypatch.delenv("DISCORD_TOKEN")
    monkeypatch.delenv("DISCORD_TOKEN_FILE", raising=False)
    assert config.secrets() == ["sk-1"]
    assert "sk-1" not in repr(config.load(data=tmp_path))
