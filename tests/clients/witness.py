"""Stand between a client and the server, and write down what neither of them tells.

``python witness.py FOLDER [--demand FIELD] -- COMMAND...`` runs the command as the server, passes each line on as it
is, and at the end leaves a report in FOLDER: a JSON object with the server's exit code, the lines on its stdout that
are no protocol, what it said on stderr, the protocol versions that were spoken and the methods that were asked for.
A client may start several servers: each has its report. SIGTERM is passed on to the server and written down too.

``--demand FIELD`` makes every output schema require a field that no answer has: for a client that does check answers
against the schema, each answer is then wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

VERSION = "io.modelcontextprotocol/protocolVersion"


class Witness:
    """What was seen so far."""

    def __init__(self, demanded: str) -> None:
        self.demanded = demanded
        self.versions: set[str] = set()
        self.methods: list[str] = []
        self.strays: list[str] = []
        self.was_terminated = False

    def hear_client(self, line: bytes) -> bytes:
        message = json.loads(line)
        self.methods.append(message.get("method", "an answer"))
        version = message.get("params", {}).get("_meta", {}).get(VERSION)
        if version:
            self.versions.add(version)
        return line

    def hear_server(self, line: bytes) -> bytes:
        message = _message(line)
        if message is None:
            self.strays.append(line.decode(errors="replace"))
            return line
        result = message.get("result", {})
        if "protocolVersion" in result:
            self.versions.add(result["protocolVersion"])
        return self._demanding(message) if self.demanded and "tools" in result else line

    def _demanding(self, message: dict[str, Any]) -> bytes:
        for tool in message["result"]["tools"]:
            tool["outputSchema"]["required"].append(self.demanded)
        return json.dumps(message).encode() + b"\n"


def _message(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) and message.get("jsonrpc") == "2.0" else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--demand", default="")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    report = arguments.folder / f"{os.getpid()}.json"
    report.write_text(json.dumps({"code": None}), encoding="utf8")
    witness = Witness(arguments.demand)
    with report.with_suffix(".stderr").open("w+b") as stderr:
        code = attend(witness, arguments.command, stderr)
        stderr.seek(0)
        said = stderr.read().decode(errors="replace")
    seen = {
        "code": code,
        "terminated": witness.was_terminated,
        "said": said,
        "strays": witness.strays,
        "versions": sorted(witness.versions),
        "methods": witness.methods,
    }
    report.write_text(json.dumps(seen), encoding="utf8")
    return code


def attend(witness: Witness, command: list[str], stderr: IO[bytes]) -> int:
    """Run the server between its client and itself, and return its exit code."""
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)
    assert server.stdin is not None
    assert server.stdout is not None

    def terminate(number: int, _: object) -> None:
        witness.was_terminated = True
        server.send_signal(number)

    signal.signal(signal.SIGTERM, terminate)
    threading.Thread(target=pass_on, args=(server.stdin, witness), daemon=True).start()
    for line in server.stdout:
        sys.stdout.buffer.write(witness.hear_server(line))
        sys.stdout.buffer.flush()
    return server.wait()


def pass_on(to: IO[bytes], witness: Witness) -> None:
    for line in sys.stdin.buffer:
        to.write(witness.hear_client(line))
        to.flush()
    to.close()


if __name__ == "__main__":
    sys.exit(main())
