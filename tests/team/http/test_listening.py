"""An address at which the server cannot listen is called what it is."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.config.variables import Address
from telecmi_mcp._team.http.asgi import build_app
from telecmi_mcp._team.http.connections import ConnectionLimit
from telecmi_mcp._team.http.serve import serve_http
from telecmi_mcp.errors import ConfigurationError


def refused(host: str, port: int) -> ConfigurationError:
    settings = TeamSettings(listen=Address(host, port))
    with pytest.raises(ConfigurationError) as caught:
        serve_http(build_app(settings), settings, ConnectionLimit(10))
    assert len(str(caught.value)) <= 200
    return caught.value


def test_a_port_that_another_program_uses_is_called_that() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        error = refused("127.0.0.1", other.getsockname()[1])
    assert error.fact == "another program uses this port"
    assert error.hint == "Stop the other program, or set TELECMI_HTTP (--http) to another port"


def test_an_address_of_another_machine_is_called_that() -> None:
    assert refused("192.0.2.1", 8000).fact == "this machine does not have this one"


@pytest.mark.parametrize(
    ("number", "fact"),
    [
        (errno.EACCES, "it has no permission to use this port"),
        (errno.EPROTONOSUPPORT, "the server cannot listen at this one"),
    ],
)
def test_what_root_on_this_machine_never_sees_is_called_too(
    monkeypatch: pytest.MonkeyPatch, number: int, fact: str
) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket, "create_server", refuse)
    assert refused("127.0.0.1", 80).fact == fact
