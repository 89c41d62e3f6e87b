"""Webhooks, their events and their deliveries."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from ..api import Answer, Call, encode
from .errors import not_found
from .lists import ENDPOINTS, Filters, listing, utc

if TYPE_CHECKING:
    from ..model import Event, Webhook

COMPANY_ID = "42"
FEED = dt.timedelta(days=30)


def webhook_json(row: Webhook) -> dict[str, Any]:
    """A webhook."""
    return {
        "id": row.id,
        "url": row.url,
        "description": row.description,
        "status": "ENABLED" if row.enabled else "DISABLED",
        "enabled_events": row.event_names,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


@ENDPOINTS.serve("/webhooks", "webhooks")
def webhooks(call: Call) -> Answer:
    """GET /webhooks."""
    filters = Filters(call)
    filters.check(())
    rows = call.company.webhooks.values
    return listing(call, filters, rows, lambda row: (row.id,), webhook_json, default=100, maximum=200)


def webhook_of(call: Call) -> Webhook:
    """The webhook in the path."""
    found = call.company.webhooks.get(call.params["webhook_id"])
    if found is None:
        raise not_found(call)
    return found


@ENDPOINTS.serve("/webhooks/{webhook_id}", "webhooks")
def webhook(call: Call) -> Answer:
    """GET /webhooks/{id}."""
    return Answer(encode(webhook_json(webhook_of(call))))


@ENDPOINTS.serve("/webhooks/{webhook_id}/events", "webhooks", steady=False)
def events(call: Call) -> Answer:
    """GET /webhooks/{id}/events: the last 30 days, oldest first."""
    filters = Filters(call)
    filters.check(("occurred_at.gte", "occurred_at.lte", "event_name"))
    since, until = filters.moment("occurred_at.gte"), filters.moment("occurred_at.lte")
    names = filters.many("event_name")
    rows = [
        (n, event) for n, event in _events_of(call)
        if (since is None or event.occurred_at >= since)
        and (until is None or event.occurred_at <= until)
        and (not names or event.name in names)
    ]  # fmt: skip

    def render(numbered: tuple[int, Event]) -> dict[str, Any]:
        event = numbered[1]
        return {
            "id": event.id,
            "company_id": COMPANY_ID,
            "event_name": event.name,
            "occurred_at": utc(event.occurred_at),
            "payload": event.payload,
            "meta": {},
        }

    return listing(
        call, filters, lambda: rows, lambda numbered: (numbered[0],), render, default=100, maximum=200
    )


@ENDPOINTS.serve("/webhooks/{webhook_id}/activity", "webhooks", steady=False)
def activity(call: Call) -> Answer:
    """GET /webhooks/{id}/activity: one delivery per event, every tenth failed."""
    filters = Filters(call)
    filters.check(("completed_at.gte", "completed_at.lte", "event_name", "is_delivered", "redelivery_id"))
    since, until = filters.moment("completed_at.gte"), filters.moment("completed_at.lte")
    names, asked = filters.many("event_name"), "is_delivered" in filters.values
    delivered = filters.flag("is_delivered")
    rows = [
        (n, event) for n, event in _events_of(call)
        if (since is None or event.occurred_at >= since)
        and (until is None or event.occurred_at <= until)
        and (not names or event.name in names)
        and (not asked or (n % 10 != 9) == delivered)
        and "redelivery_id" not in filters.values
    ]  # fmt: skip

    def render(numbered: tuple[int, Event]) -> dict[str, Any]:
        n, event = numbered
        return {
            "id": f"{n + 1}",
            "event_id": event.id,
            "event_name": event.name,
            "completed_at": utc(event.occurred_at),
            "is_delivered": n % 10 != 9,
            "response_status": 503 if n % 10 == 9 else 204,
            "redelivery_id": None,
        }

    return listing(
        call, filters, lambda: rows, lambda numbered: (numbered[0],), render, default=100, maximum=200
    )


def _events_of(call: Call) -> list[tuple[int, Event]]:
    """The events of the webhook, with their position in the feed."""
    row, oldest = webhook_of(call), call.company.now() - FEED
    wanted = set(row.event_names)
    found = enumerate(call.company.events)
    return [(n, e) for n, e in found if row.enabled and e.occurred_at >= oldest and e.name in wanted]
