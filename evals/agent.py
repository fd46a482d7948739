"""The run of an agent that has a shell: ``python -m evals.agent RUN --model NAME`` begins it and prints the tools.

The agent then asks for tasks (``python -m evals.tasks``), calls tools (``python -m evals.call``) and answers
(``python -m evals.answer``). One server answers all calls of a run, so that the contacts are read once. It ends after
half an hour without a call, or with ``python -m evals.agent RUN --stop``.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evals import claims
from evals.transcripts import append, new_header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUNS: Final = Path(__file__).parent.parent / "build" / "evals"
"""Folder of the runs; a run that is worth keeping is moved to evals/transcripts."""
HOST: Final = "127.0.0.1"
_ANSWER_TIMEOUT_S: Final = 120


class Run:
    """The files of a run.

    Attributes:
        transcript: The file of the transcript.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.transcript = folder / f"{name}.jsonl"
        self._port = folder / f"{name}.port"
        self._log = folder / f"{name}.log"
        self._server: subprocess.Popen[bytes] | None = None

    def begin(self, model: str) -> None:
        """Begin the transcript.

        Raises:
            FileExistsError: There is one of this name.
        """
        self.transcript.parent.mkdir(parents=True, exist_ok=True)
        self.transcript.touch(exist_ok=False)
        append(self.transcript, new_header(model))

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request to the server of the run, which is started if it does not run."""
        try:
            return self._exchange(request)
        except OSError:
            self._start_server()
            return self._exchange(request)

    def stop(self) -> None:
        """End the server of the run, if it runs."""
        with suppress(OSError):
            self._exchange({"stop": True})
        if self._server is not None:
            self._server.communicate()

    def _exchange(self, request: Mapping[str, Any]) -> dict[str, Any]:
        port = int(self._port.read_text(encoding="ascii"))
        with socket.create_connection((HOST, port), _ANSWER_TIMEOUT_S) as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as answers:
                answer: dict[str, Any] = json.loads(answers.readline() or b"{}")
        return answer

    def _start_server(self) -> None:
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "evals.run_server"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        port = self._server.stdout.readline() if self._server.stdout else b""
        if not port:
            raise RuntimeError(f"the server did not start: see {self._log}")
        self._port.write_bytes(port.strip())


def introduction(offered: Mapping[str, Any]) -> str:
    """Return what an agent is told: the instructions and tools of the server, and the form of an answer."""
    tools = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in offered["tools"])
    form = (claims.__doc__ or "").partition("\n\n")[2]
    return f"{offered['instructions']}\n\n{tools}\n\n{form}"


def main(argv: Sequence[str] | None = None) -> int:
    """Begin or stop a run."""
    parser = argparse.ArgumentParser(prog="python -m evals.agent", description=__doc__)
    parser.add_argument("run", help="name of the run")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--model", help="begin the run of this model, and print what it is told")
    action.add_argument("--stop", action="store_true", help="end the server of the run")
    arguments = parser.parse_args(argv)
    run = Run(RUNS, arguments.run)
    if arguments.stop:
        run.stop()
        return 0
    run.begin(arguments.model)
    print(introduction(run.ask({"offered": True})))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
