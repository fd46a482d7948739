"""Builds the policy of the team server: limits, audit, metrics and spans."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from telecmi_mcp._api.client import RequestHooks
from telecmi_mcp._audit.contact_hashes import read_hashers
from telecmi_mcp._audit.log import open_audit
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._team.auth.callers import caller_now
from telecmi_mcp._team.config.variables import AUDIT_KEYS_FILE
from telecmi_mcp._team.policy.activity import RecentActivity
from telecmi_mcp._team.policy.metrics import Metrics
from telecmi_mcp._team.policy.middleware import CallMiddleware
from telecmi_mcp._team.policy.otlp import open_telemetry, secrets_of
from telecmi_mcp._team.policy.quotas import Quotas
from telecmi_mcp._team.policy.request_queue import RequestQueue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telecmi_mcp._audit.contact_hashes import ContactHasher
    from telecmi_mcp._audit.log import Audit
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.db.database import Database
    from telecmi_mcp._team.policy.prometheus import PrometheusMetrics

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AdminMetrics:
    """What administrators see of the calls of one process.

    Attributes:
        replica: Name of the process.
        activity: The last hour.
        prometheus: Counters since the start.
    """

    replica: str
    activity: RecentActivity
    prometheus: PrometheusMetrics


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits, audit and metrics of calls.

    Attributes:
        guard: Middleware of calls.
        quotas: Limits of all replicas together.
        metrics: Counters and histograms.
        audit: Gets a line for each call, and for each end of a key.
        account_rate_limit: Requests a minute to TeleCMI for one account.
        admin: What administrators see of calls; ``None`` if nothing is shown to them.
    """

    guard: CallMiddleware
    quotas: Quotas
    metrics: Metrics
    audit: Audit
    account_rate_limit: int
    admin: AdminMetrics | None = None

    def hooks_for(self, account: str) -> RequestHooks:
        """Return the hooks for the client of an account; all replicas must use the same name for it."""
        count_late = partial(self.metrics.count_limit, "account_rate")
        queue = RequestQueue(self.quotas, account, per_minute=self.account_rate_limit, on_late=count_late)
        return RequestHooks(queue.admit if self.account_rate_limit else None, self.metrics.watch)


@contextmanager
def open_policy(
    settings: TeamSettings, database: Database | None, *, secrets: KnownSecrets | None = None
) -> Iterator[Policy]:
    """Open the audit and the configured exporters, and flush both at the end for three seconds at most.

    Closing blocks, after the last call has ended.

    Args:
        settings: The limits, and the destination of the audit.
        database: Database of the limits of all replicas; ``None`` for none.
        secrets: Collects the headers for a collector and the keys of the audit, so that the log can mask them.

    Raises:
        ConfigurationError: A collector is configured, and the exporter is not installed; or the keys of the audit
            cannot be used.
    """
    replica, known = uuid4().hex[:12], secrets or KnownSecrets()
    known.add(*secrets_of(os.environ))
    hasher = _open_hasher(settings, known)
    with (
        open_telemetry(os.environ, replica=replica),
        open_audit(settings.audit, replica=replica, hasher=hasher) as audit,
    ):
        admin = _open_admin_metrics(replica) if settings.admin_listen else None
        observers = (admin.activity, admin.prometheus) if admin else ()
        quotas, metrics = Quotas(database), Metrics(observers=observers)
        guard = CallMiddleware(settings, quotas, caller_now=caller_now, audit=audit, metrics=metrics)
        yield Policy(guard, quotas, metrics, audit, settings.account_rate_limit, admin)


def _open_hasher(settings: TeamSettings, secrets: KnownSecrets) -> ContactHasher | None:
    """Return what names contacts in the audit, by the newest key; ``None`` without keys."""
    if settings.audit == "off":
        return None
    if settings.audit_keys_file is None:
        _log.warning(
            "the audit does not tell who saw which contact: set %s to a file with what telecmi-mcp team new-key prints",
            AUDIT_KEYS_FILE.variable,
        )
        return None
    return read_hashers(settings.audit_keys_file, source=AUDIT_KEYS_FILE.variable, secrets=secrets)[0]


def _open_admin_metrics(replica: str) -> AdminMetrics:
    from telecmi_mcp._team.policy.prometheus import PrometheusMetrics  # needs an extra

    return AdminMetrics(replica, RecentActivity(), PrometheusMetrics(replica))
