"""The event feed, the only place where Personio tells that something was deleted."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from tap_personio.bounds import EARLIEST
from tap_personio.child_lists import Children
from tap_personio.columns import OBJECT, TEXT, TIMESTAMP, Column, get_path
from tap_personio.cursor_lists import read_cursor
from tap_personio.errors import StreamFailedError, StreamUnavailableError
from tap_personio.pages import identified
from tap_personio.streams.base import IDS, WITH_ZONE, V2Stream
from tap_personio.sync_plan import moment_of
from tap_personio.transport import Request, in_path

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

    from tap_personio.pages import Page
    from tap_personio.progress import StreamStats
    from tap_personio.sync_plan import SyncPlan


class WebhookEvents(V2Stream):
    """Events of the account's webhooks in the last 30 days. The table keeps older ones.

    It is the only place where Personio tells that something was deleted: see `reported_deletions`.
    """

    name = "webhook_events"
    path = "/webhooks/{id}/events"
    permission = "Webhooks: read"
    request_cost = "1, and 1 per webhook and 200 events"
    primary_keys = ("webhook_id", "id")
    replication_key = "occurred_at"
    append_only = True
    incremental_filter = ("occurred_at.gte", WITH_ZONE)
    limit = 200
    columns = (
        Column("webhook_id", TEXT),
        Column("id", TEXT, description="Of the event; a fingerprint where Personio gives none."),
        Column("event_name", TEXT),
        Column("occurred_at", TIMESTAMP),
        Column("company_id", TEXT),
        Column("payload", OBJECT),
        Column("meta", OBJECT),
    )

    def list_webhooks(self) -> list[Any]:
        """Identifiers of the account's webhooks."""
        listed = Request("v2", "/webhooks", permission=self.permission)
        # Of this list no maximum is known.
        pages = read_cursor(self.client, listed, None, self.stats, IDS)
        return [each for each, _ in identified(pages, IDS, "webhooks")]

    @functools.cached_property
    def webhooks(self) -> list[Any]:
        """The same, listed once a run."""
        return self.list_webhooks()

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:
        """The events of all webhooks."""
        return self._events(self.changed_params(plan.since), stats)

    def _events(self, params: tuple[tuple[str, str], ...], stats: StreamStats) -> Iterator[Page]:
        def requests(fresh: bool) -> Iterator[tuple[Any, Request]]:
            webhooks = self.list_webhooks() if fresh else self.webhooks
            return (
                (each, self.request(*params, path=f"/webhooks/{in_path(each)}/events")) for each in webhooks
            )

        return Children(self.client, requests, self.limit, stats, "webhooks").read()

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """One event, with an identifier in any case."""
        fields = super().fields(record, parent)
        fields["webhook_id"] = parent
        if fields.get("id") is None:
            fields["id"] = hashlib.sha256(msgspec.json.encode(fields, order="sorted")).hexdigest()[:32]
        return fields

    def reported_deletions(self, names: Iterable[str]) -> dict[str, dt.datetime]:
        """The latest moment of each kind of deletion in the feed, as far as this credential may read it.

        What the feed cannot tell, the next full sync finds: a fault here holds nothing up.
        """
        latest: dict[str, dt.datetime] = {}
        now = self.run.started
        wanted = (("event_name", ",".join(sorted(names))),)
        try:
            for page in self._events(wanted, self.stats):
                for event in page.records:
                    name, moment = (get_path(event, (each,)) for each in ("event_name", "occurred_at"))
                    if isinstance(name, str):
                        latest[name] = max(latest.get(name, EARLIEST), moment_of(moment, now) or EARLIEST)
        except StreamUnavailableError:
            pass  # the stream says so itself
        except StreamFailedError:
            self.logger.warning("The event feed cannot be read: deletions show up with the next full sync.")
        return latest
