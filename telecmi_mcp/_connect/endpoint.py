"""Checks the URL of a team server, and names the origin to which its access key belongs."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from telecmi_mcp._config.variables import is_web_address
from telecmi_mcp.errors import ConfigurationError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_DEFAULT_PATH = "/mcp"
_MAX_URL_CHARS = 2000
_MAX_SHOWN_URL_CHARS = 60


class Endpoint(NamedTuple):
    """Address of a team server.

    Attributes:
        url: URL of its MCP endpoint.
        origin: Scheme, host and port of the URL, in one form for all URLs of an origin.
    """

    url: str
    origin: str

    @property
    def login_command(self) -> str:
        """The command that stores a key for this server."""
        return f"telecmi-mcp connect {self.url if len(self.url) <= _MAX_SHOWN_URL_CHARS else 'URL'} --login"


def parse_endpoint(text: str) -> Endpoint:
    """Return the endpoint of a URL; a URL without a path gets the path of the team server.

    Raises:
        ConfigurationError: A request to the URL would not be safe, or it is no URL.
    """
    if len(text) > _MAX_URL_CHARS or not is_web_address(text):
        fact = "use an https URL, or an http URL of this machine, without user, query or fragment"
        raise ConfigurationError(hint="Correct the URL of the team server", fact=fact)
    url = urlsplit(text)
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname  # urlsplit lowers both
    port = "" if url.port in {None, _DEFAULT_PORTS[url.scheme]} else f":{url.port}"
    origin = f"{url.scheme}://{host}{port}"
    return Endpoint(f"{origin}{url.path if url.path.strip('/') else _DEFAULT_PATH}", origin)
