"""Settings of one server, read once from the environment."""

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
        token: The TeleCMI user token; ``None`` where it comes from elsewhere.
        token_file: The file that holds the token instead.
        user_id: Who signs in with the password, or whose stored sign-in is used; "" for the last who signed in.
        password: The password that signs the user in.
        password_file: The file that holds the password instead.
        base_url: Where TeleCMI's API is, without a slash at the end.
        timeout: Seconds that one tool call may take in all.
        rate_limit: Tool calls a minute; 0 for no limit.
        index: Where search keeps a copy of the contacts: ``memory``, ``disk`` or ``off``.
        index_max_age: Seconds after which that copy is renewed.
        text: How the text of an answer is written: ``json`` or ``table``.
        structured: Whether answers hold their facts as structured content too.
        preconnect: Whether a connection is opened before the first call.
        log_level: The least level that is logged.
        early_answers: Whether the first messages are answered from what is prepared: ``on`` or ``off``.
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
    preconnect: bool = True
    log_level: str = variables.LOG_LEVEL.default
    early_answers: str = variables.EARLY_ANSWERS.default

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables; "" and a literal ``${...}`` mean unset.

        Raises:
            ConfigurationError: A value cannot be used. The sentence names the variable, never the value.
        """
        values = variables.values_of(environ)
        secrets = {name: SecretStr(values[name]) if values[name] else None for name in ("token", "password")}
        return cls(**{**values, **secrets})

    def __reduce__(self) -> NoReturn:
        raise TypeError("settings hold a secret and are never pickled")
