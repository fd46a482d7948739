"""Reads the settings of one server from the environment, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from pydantic import SecretStr

from telecmi_mcp._config import variables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of one server.

    Attributes:
        token: The TeleCMI user token; ``None`` if another source provides it.
        token_file: Path of a file with the token, instead of ``token``.
        user_id: User who signs in, or whose stored sign-in is used; "" for the user who signed in last.
        password: Password of the user.
        password_file: Path of a file with the password, instead of ``password``.
        base_url: Base URL of TeleCMI's API, without a trailing slash.
        timeout: Maximum seconds of one tool call.
        rate_limit: Maximum tool calls per minute; 0 means no limit.
        index: Where search stores its copy of the contacts: ``memory``, ``disk`` or ``off``.
        index_max_age: Seconds after which the copy of the contacts is renewed.
        text: Format of the text of an answer: ``json`` or ``table``.
        structured: True if answers also have structured content.
        tools: Which tools there are: ``all`` or ``chatgpt``.
        tool_prefix: Text before the name of every tool.
        contact_url: URL of a contact's page, with ``{contact_id}``; "" for none.
        mask: Fields that nobody sees whole, finds contacts by or groups by.
        export_folder: Folder for the files of the tool export_contacts; ``None`` for no such tool.
        audit_file: File to which a server over stdio adds a line for each call; ``None`` for none.
        preconnect: True if a connection is opened before the first call.
        log_level: Least severe level that is logged.
        log_format: Format of a record in the log: ``text`` or ``json``.
        early_answers: ``on`` if the first messages are answered while the server is still loading, else ``off``.
    """

    token: SecretStr | None = None
    token_file: Path | None = None
    user_id: str = ""
    password: SecretStr | None = None
    password_file: Path | None = None
    base_url: str = variables.BASE_URL.default
    timeout: float = float(variables.TIMEOUT.default)
    rate_limit: int = int(variables.RATE_LIMIT.default)
    index: str = variables.INDEX.default
    index_max_age: float = float(variables.INDEX_MAX_AGE.default)
    text: str = variables.TEXT.default
    structured: bool = True
    tools: str = variables.TOOLS.default
    tool_prefix: str = ""
    contact_url: str = ""
    mask: tuple[str, ...] = ()
    export_folder: Path | None = None
    audit_file: Path | None = None
    preconnect: bool = True
    log_level: str = variables.LOG_LEVEL.default
    log_format: str = variables.LOG_FORMAT.default
    early_answers: str = variables.EARLY_ANSWERS.default

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables; "" and a literal ``${...}`` mean unset.

        Raises:
            ConfigurationError: A value is invalid. The sentence names the variable, never the value.
        """
        values = variables.values_of(environ)
        secrets = {name: SecretStr(values[name]) if values[name] else None for name in ("token", "password")}
        return cls(**{**values, **secrets})

    def __reduce__(self) -> NoReturn:
        raise TypeError("settings hold a secret and are never pickled")
