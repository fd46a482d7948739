"""The settings: valid values, invalid values, and errors that never show a value."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp import Settings
from telecmi_mcp._config import variables
from telecmi_mcp.errors import ConfigurationError

UNSET = ["", "  ", "${user_config.token}", "${TELECMI_TOKEN}", " ${x} "]


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_env({})
    assert settings == Settings()
    assert settings.token is None
    assert settings.base_url == "https://rest.telecmi.com"
    assert settings.timeout == 30


@pytest.mark.parametrize("unset", UNSET)
def test_an_empty_value_or_an_unfilled_placeholder_means_unset(unset: str) -> None:
    assert Settings.from_env({setting.variable: unset for setting in variables.ALL}) == Settings()


def test_the_token_is_masked_wherever_settings_are_shown() -> None:
    settings = Settings.from_env({"TELECMI_TOKEN": " hunter2 "})
    assert settings.token is not None
    assert settings.token.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{settings!r} {settings} {dataclasses.asdict(settings)}"


def test_settings_are_never_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Settings())
    with pytest.raises(TypeError):
        copy.deepcopy(Settings())


def test_the_audit_file_is_an_absolute_path(tmp_path: Path) -> None:
    assert Settings.from_env({"TELECMI_AUDIT_FILE": str(tmp_path / "a")}).audit_file == tmp_path / "a"
    with pytest.raises(ConfigurationError, match=r"^Correct TELECMI_AUDIT_FILE: use the absolute path"):
        Settings.from_env({"TELECMI_AUDIT_FILE": "audit.log"})


def test_the_export_folder_is_an_absolute_path(tmp_path: Path) -> None:
    assert Settings.from_env({"TELECMI_EXPORT_FOLDER": str(tmp_path)}).export_folder == tmp_path
    assert Settings.from_env({"TELECMI_EXPORT_FOLDER": "~/exports"}).export_folder == Path.home() / "exports"
    for bad in ("exports", "./exports", "../exports", "a\u200bb"):
        with pytest.raises(ConfigurationError) as caught:
            Settings.from_env({"TELECMI_EXPORT_FOLDER": bad})
        assert str(caught.value) == ("Correct TELECMI_EXPORT_FOLDER: use the absolute path of a folder of mode 0700.")


@pytest.mark.parametrize("prefix", ["c", "crm_", "crm2_eu__", "x" * 14])
def test_a_prefix_is_up_to_14_characters_of_names(prefix: str) -> None:
    assert Settings.from_env({"TELECMI_TOOL_PREFIX": prefix}).tool_prefix == prefix


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example/contacts/{contact_id}",
        "https://crm.example?id={contact_id}",
        "https://crm.example/#/contacts/{contact_id}/edit?tab=1&x=%20",
        "http://localhost:8080/{contact_id}",
        "http://[::1]/{contact_id}",
    ],
)
def test_the_url_of_a_contact_has_the_id_after_the_host(url: str) -> None:
    assert Settings.from_env({"TELECMI_CONTACT_URL": f" {url} "}).contact_url == url


@pytest.mark.parametrize(
    "bad",
    [
        "https://crm.example/",
        "https://crm.example/{id}",
        "https://crm.example/{contact_id}/{contact_id}",
        "https://crm.example/{x}/{contact_id}",
        "https://{contact_id}",
        "https://{contact_id}.example/",
        "https://crm.example{contact_id}",
        "https://crm.example:{contact_id}",
        "https://{contact_id}@crm.example/",
        "https://hunter2@crm.example/{contact_id}",
        "https:///{contact_id}",
        "https://crm.example:99999/{contact_id}",
        "https://[::1/{contact_id}",
        "ftp://crm.example/{contact_id}",
        "javascript:alert({contact_id})",
        "//crm.example/{contact_id}",
        "https://crm.example\\{contact_id}",
        "https://crm.example/a b/{contact_id}",
        "https://crm.example/\u00e9/{contact_id}",
        'https://crm.example/"{contact_id}"',
        f"https://crm.example/{'x' * 470}" + "/{contact_id}",
    ],
)
def test_any_other_url_of_a_contact_is_an_error_without_its_value(bad: str) -> None:
    with pytest.raises(ConfigurationError, match=r"TELECMI_CONTACT_URL \(--contact-url\)") as caught:
        Settings.from_env({"TELECMI_CONTACT_URL": bad})
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("variable", "value"), [("TELECMI_TOOL_PREFIX", "crm_"), ("TELECMI_TEXT", "table"), ("TELECMI_STRUCTURED", "off")]
)
def test_what_contradicts_the_form_for_chatgpt_is_an_error_that_names_both(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"Unset {variable} .* do not set TELECMI_TOOLS to chatgpt") as caught:
        Settings.from_env({"TELECMI_TOOLS": "ChatGPT", variable: value})
    assert len(str(caught.value)) <= 200
    harmless = {"TELECMI_TOOLS": "chatgpt", "TELECMI_TEXT": "json", "TELECMI_STRUCTURED": "on"}
    assert Settings.from_env(harmless).tools == "chatgpt"


@pytest.mark.parametrize(
    ("given_url", "base_url"),
    [
        ("https://rest.telecmi.com/", "https://rest.telecmi.com"),
        ("https://proxy.example/telecmi/", "https://proxy.example/telecmi"),
        ("http://127.0.0.1:8041", "http://127.0.0.1:8041"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:8041/", "http://[::1]:8041"),
    ],
)
def test_a_base_url_is_https_or_on_this_machine(given_url: str, base_url: str) -> None:
    assert Settings.from_env({"TELECMI_BASE_URL": given_url}).base_url == base_url


@pytest.mark.parametrize(
    "bad",
    [
        "http://rest.telecmi.com",
        "http://127.evil.example",
        "http://localhost.evil.example",
        "ftp://localhost",
        "rest.telecmi.com",
        "https://",
        "https://user:hunter2@rest.telecmi.com",
        "https://rest.telecmi.com?token=hunter2",
        "https://rest.telecmi.com#hunter2",
        "https://rest.telecmi.com\\@hunter2",
        "https://rest.telecmi.com:port",
        "https://rest.telecmi.com:99999",
        "https://[::1",
        "https://hunter2\u200b.example",
        "https://a b",
    ],
)
def test_any_other_base_url_is_an_error_that_names_the_variable_without_its_value(bad: str) -> None:
    with pytest.raises(ConfigurationError, match=r"TELECMI_BASE_URL \(--base-url\)") as caught:
        Settings.from_env({"TELECMI_BASE_URL": bad})
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("variable", "bad"),
    [
        *(("TELECMI_TIMEOUT", bad) for bad in ["0", "-1", "nan", "inf", "601", "soon", "1e9", "1 s"]),
        *(("TELECMI_RATE_LIMIT", bad) for bad in ["-1", "1.5", "many", "1000001", "²", "9" * 5000]),
        *(("TELECMI_INDEX", bad) for bad in ["ram", "1", "disk,off"]),
        *(("TELECMI_INDEX_MAX_AGE", bad) for bad in ["0", "-1", "nan", "604801", "soon"]),
        *(("TELECMI_TEXT", bad) for bad in ["tsv", "json,table", "TABLES"]),
        *(("TELECMI_STRUCTURED", bad) for bad in ["true", "0", "none"]),
        *(("TELECMI_TOOLS", bad) for bad in ["openai", "search,fetch", "none"]),
        *(("TELECMI_TOOL_PREFIX", bad) for bad in ["_crm", "1crm", "Crm_", "crm-", "c\u00e9_", "x" * 15, "a b"]),
        *(("TELECMI_LOG_LEVEL", bad) for bad in ["LOUD", "10", "TRACE"]),
        ("TELECMI_LOG_FORMAT", "logfmt"),
        *(("TELECMI_USER_ID", bad) for bad in ["two words", "ü", "x" * 129]),
        *((name, bad) for name in ["TELECMI_TOKEN_FILE", "TELECMI_PASSWORD_FILE"] for bad in ["a\0bcd", "line\nbreak"]),
        *(("TELECMI_TOKEN", bad) for bad in ["two words", "line\nbreak", "ü", "x" * 4097]),
    ],
)
def test_an_invalid_value_is_an_error_that_names_the_variable_without_its_value(variable: str, bad: str) -> None:
    with pytest.raises(ConfigurationError, match=variable) as caught:
        Settings.from_env({variable: bad})
    assert caught.value.__cause__ is None
    assert len(bad) < 4 or bad not in str(caught.value)


@pytest.mark.parametrize("bad", ["line\nbreak", "\0null", "x" * 1025])
def test_an_invalid_password_is_an_error_that_does_not_show_it(bad: str) -> None:
    with pytest.raises(ConfigurationError, match="TELECMI_PASSWORD") as caught:
        Settings.from_env({"TELECMI_USER_ID": "1_1", "TELECMI_PASSWORD": bad})
    assert bad not in str(caught.value)


def test_a_password_keeps_its_spaces_and_is_masked() -> None:
    settings = Settings.from_env({"TELECMI_USER_ID": "1_1", "TELECMI_PASSWORD": " hunter2 ü "})
    assert settings.password is not None
    assert settings.password.get_secret_value() == " hunter2 ü "
    assert "hunter2" not in f"{settings!r} {settings} {dataclasses.asdict(settings)}"


@pytest.mark.parametrize(
    "rivals",
    [
        ["TELECMI_TOKEN", "TELECMI_TOKEN_FILE"],
        ["TELECMI_TOKEN", "TELECMI_PASSWORD"],
        ["TELECMI_TOKEN_FILE", "TELECMI_PASSWORD_FILE"],
        ["TELECMI_PASSWORD", "TELECMI_PASSWORD_FILE"],
    ],
)
def test_two_explicit_ways_to_sign_in_are_an_error_that_names_both(rivals: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=" and ".join(rivals)):
        Settings.from_env({"TELECMI_USER_ID": "1_1", **dict.fromkeys(rivals, "hunter2")})


def test_a_user_id_beside_a_token_is_allowed() -> None:
    assert Settings.from_env({"TELECMI_USER_ID": "1_1", "TELECMI_TOKEN": "t"}).user_id == "1_1"


@pytest.mark.parametrize("variable", ["TELECMI_PASSWORD", "TELECMI_PASSWORD_FILE"])
def test_a_password_without_a_user_id_is_an_error(variable: str) -> None:
    with pytest.raises(ConfigurationError, match=f"TELECMI_USER_ID too: {variable}"):
        Settings.from_env({variable: "hunter2"})


def test_valid_values_are_read() -> None:
    settings = Settings.from_env({"TELECMI_TIMEOUT": " 0.5 ", "TELECMI_RATE_LIMIT": "0", "TELECMI_LOG_LEVEL": "debug"})
    assert (settings.timeout, settings.rate_limit, settings.log_level) == (0.5, 0, "DEBUG")


@given(st.sampled_from([setting.variable for setting in variables.ALL]), st.text())
def test_any_text_is_a_valid_value_or_a_clear_error(variable: str, text: str) -> None:
    try:
        Settings.from_env({variable: text})
    except ConfigurationError as error:
        assert variable in str(error)
        assert len(str(error)) <= 200
