"""How a stream is read in a run, as its bookmark has it, and what the bookmark holds afterwards.

A bookmark of this tap has, beside Singer's `replication_key` and `replication_key_value`: `version` and `records` of
the last full sync, `read_whole_at` when it began, and `scope`, what it covered.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_personio.bounds import EARLIEST, MAX_AHEAD, MAX_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

# A full sync that brings fewer records is refused only if so many are missing, see the setting max_removed_percent.
MIN_REMOVED = 20

Bookmark = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """How a stream is read in this run.

    Attributes:
        since: read what changed from this moment on (the lookback is already taken off); None is a full sync.
        version: what the records carry.
        started: when the run began, by Personio's clock.
    """

    since: dt.datetime | None
    version: int | None
    started: dt.datetime

    @property
    def is_full_sync(self) -> bool:
        """Whether everything is read."""
        return self.since is None


@dataclass(frozen=True, slots=True)
class SyncRules:
    """What a stream and the settings say about its increments.

    Attributes:
        replication_key: None where the stream is read whole each time.
        append_only: the source forgets what the table keeps; no version ever replaces it.
        lookback: how far before the bookmark an increment begins.
        resync_after: a full sync that is older is repeated; None never.
        scope: what a full sync covers. When it changes, the next one is due.
        was_deleted: whether a webhook event since a moment tells of deleted records.
    """

    replication_key: str | None
    append_only: bool
    lookback: dt.timedelta
    resync_after: dt.timedelta | None
    scope: str
    was_deleted: Callable[[dt.datetime], bool]


def plan_sync(bookmark: Bookmark, rules: SyncRules, started: dt.datetime) -> SyncPlan:
    """Read increments where the bookmark allows it; else a full sync with a new version."""
    version = bookmark.get("version")
    if not isinstance(version, int) or not 0 < version < MAX_VERSION:
        version = None
    since = _start_of_increment(bookmark, rules, started)
    if since is not None and (version is not None or rules.append_only):
        return SyncPlan(since - rules.lookback, None if rules.append_only else version, started)
    if rules.append_only:
        return SyncPlan(None, None, started)
    fresh = int(started.timestamp() * 1000)
    return SyncPlan(None, max(fresh, (version or 0) + 1), started)


def _start_of_increment(bookmark: Bookmark, rules: SyncRules, started: dt.datetime) -> dt.datetime | None:
    """Where an increment begins; None when a full sync is needed."""
    if rules.replication_key is None or bookmark.get("replication_key") != rules.replication_key:
        return None
    since = moment_of(bookmark.get("replication_key_value"), started)
    full_sync_at = moment_of(bookmark.get("read_whole_at"), started)
    if since is None or full_sync_at is None or bookmark.get("scope") != rules.scope:
        return None
    after = rules.resync_after
    is_overdue = after is not None and not rules.append_only and started - full_sync_at >= after
    return None if is_overdue or rules.was_deleted(full_sync_at) else since


def advance(bookmark: Bookmark, plan: SyncPlan, rules: SyncRules, records: int, newest: str | None) -> None:
    """Move the bookmark after all records of a read have been written.

    Args:
        bookmark: is changed.
        plan: how the stream was read.
        rules: as for `plan_sync`.
        records: how many records came.
        newest: the largest replication key value among them. The bookmark never passes the start of the run: what
            changed later may stand on a page that was read before.
    """
    if plan.is_full_sync and plan.version is not None:
        bookmark["version"] = plan.version
        bookmark["records"] = records
    bookmark["scope"] = rules.scope
    if rules.replication_key is None:
        return
    started = plan.started.isoformat()
    previous = None if plan.is_full_sync else bookmark.get("replication_key_value")
    reached = min(newest, started) if newest else previous or started
    bookmark["replication_key"] = rules.replication_key
    bookmark["replication_key_value"] = max(reached, previous) if previous else reached
    if plan.is_full_sync:
        bookmark["read_whole_at"] = started


def too_few_records(bookmark: Bookmark, records: int, limit: float | None, days: str) -> str | None:
    """Why a full sync must not be activated: it brought far fewer records than the last one.

    A credential that was narrowed looks like a company that shrank. Syncs of other days cannot be compared.

    Args:
        bookmark: of the last run.
        records: how many records came.
        limit: the setting max_removed_percent; None switches it off.
        days: first and last day of this sync, as in `scope`.
    """
    before, covered = bookmark.get("records"), str(bookmark.get("scope")).split(" ")[0]
    covers_other_days = "/" in covered and covered != days
    if limit is None or covers_other_days or not isinstance(before, int):
        return None
    if before - records < MIN_REMOVED or (before - records) * 100 <= limit * before:
        return None
    return (
        f"this full sync brought {records:,} records, the last one {before:,}, which is more than max_removed_percent "
        f"({limit:g}) fewer; check what the credential may read, or, if the others are gone in Personio, accept "
        "that with --full-refresh or a higher max_removed_percent"
    )


def moment_of(value: Any, now: dt.datetime) -> dt.datetime | None:
    """The moment of a text; None where it has none, or one that cannot have been."""
    try:
        moment = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return moment if EARLIEST <= moment <= now + MAX_AHEAD else None
