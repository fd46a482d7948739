"""TeleCMI contacts for language models, over the Model Context Protocol.

Each public name is imported on first use, so that ``import telecmi_mcp`` imports nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._app import App, open_app
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._models import Contact, ContactPage
    from telecmi_mcp._server.factory import create_server
    from telecmi_mcp._team.http.asgi import create_app
    from telecmi_mcp.errors import TelecmiError

__version__ = "0.1.0"

__all__ = [
    "App",
    "Contact",
    "ContactPage",
    "Settings",
    "TelecmiClient",
    "TelecmiError",
    "__version__",
    "create_app",
    "create_server",
    "open_app",
]

_MODULES = {
    "App": "_app",
    "Contact": "_models",
    "ContactPage": "_models",
    "Settings": "_config.settings",
    "TelecmiClient": "_api.client",
    "TelecmiError": "errors",
    "create_app": "_team.http.asgi",
    "create_server": "_server.factory",
    "open_app": "_app",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
