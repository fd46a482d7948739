"""``python -m tests.faults`` writes the table of faults into docs/reliability.md."""

from .document import write

write()
