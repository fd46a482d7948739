"""Serves the book over stdio, for a client that shows the tools to a model: ``python -m evals.serve``."""

from __future__ import annotations

import subprocess

from evals.session import SERVER, serving_book


def main() -> int:
    """Run the server on this process's standard input and output."""
    with serving_book() as environment:
        return subprocess.run(SERVER, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
