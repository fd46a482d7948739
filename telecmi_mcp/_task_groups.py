"""Opens task groups that raise a single error instead of an exception group."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import TaskGroup


@asynccontextmanager
async def open_tasks() -> AsyncIterator[TaskGroup]:
    """Open a task group; if tasks fail, raise the first error."""
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        error = _first(group)
        raise error from error.__cause__


@asynccontextmanager
async def open_background_tasks() -> AsyncIterator[TaskGroup]:
    """Open a task group whose tasks are cancelled at the end."""
    async with open_tasks() as tasks:
        try:
            yield tasks
        finally:
            tasks.cancel_scope.cancel()


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
