"""The webhooks of the invented company, and their events of the last weeks."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from .model import OTHER, Employee, Event, Webhook, uuid

if TYPE_CHECKING:
    import random

    from .views import Views

# Table -> the subject of its events and the name of the id in their payload.
SUBJECTS = {
    "employees": ("person", "person"),
    "time_offs": ("absence-period", "absence_period"),
    "hourly_absences": ("absence-period", "absence_period"),
    "attendances": ("attendance-period", "attendance_period"),
    "shifts": ("attendance-period", "attendance_period"),
    "documents": ("document", "document"),
}
EVENT_NAMES = tuple(
    f"{subject}.{what}"
    for subject, whats in {
        "person": ("created", "updated", "deleted"),
        "employment": ("created", "updated", "deleted", "started", "terminated"),
        "absence-period": ("created", "updated.status", "updated.timerange", "deleted"),
        "attendance-period": ("created", "updated", "deleted"),
        "document": ("created", "updated", "deleted", "signed"),
    }.items()
    for what in whats
)


def event(number: int, table: str, row: Any, what: str, at: dt.datetime) -> Event:
    """The event of a change; ``what`` is created, updated or deleted."""
    subject, name = SUBJECTS[table]
    if what == "updated" and subject == "absence-period":
        what = "updated.timerange"
    payload: dict[str, Any] = {name: {"id": str(getattr(row, "id_v2", row.id))}}
    if hasattr(row, "employee_id"):
        payload["person"] = {"id": str(row.employee_id)}
    return Event(
        id=uuid(OTHER, 700_000_000 + number), name=f"{subject}.{what}", occurred_at=at, payload=payload
    )


def employment_event(number: int, row: Employee, what: str, at: dt.datetime) -> Event:
    """The employment event of a change to an employee."""
    payload = {"employment": {"id": row.employment_id}, "person": {"id": str(row.id)}}
    return Event(
        id=uuid(OTHER, 700_000_000 + number), name=f"employment.{what}", occurred_at=at, payload=payload
    )


def generate_webhooks(company: Views, rng: random.Random) -> None:
    """Generate one webhook for all events, one that is disabled, and events for the latest records."""
    created = company.founded + dt.timedelta(days=2000)
    for number, (enabled, names) in enumerate(((True, EVENT_NAMES), (False, ("person.deleted",)))):
        webhook = Webhook(
            id=uuid(OTHER, 500 + number), url=f"https://hooks.example.com/personio/{number}", description="",
            enabled=enabled, event_names=names, created_at=created, updated_at=created,
        )  # fmt: skip
        company.webhooks[webhook.id] = webhook
    since = company.now() - dt.timedelta(days=40)
    changed = [
        (row.updated_at, table, row)
        for table in ("time_offs", "hourly_absences")
        for row in getattr(company, table).values()
        if row.updated_at > since
    ]
    changed += [
        (e.person_updated_at, "employees", e)
        for e in company.employees.values()
        if e.person_updated_at > since
    ]
    for at, table, row in sorted(changed, key=lambda t: (t[0], t[1], str(t[2].id)))[-300:]:
        company.events.append(event(len(company.events), table, row, rng.choice(("created", "updated")), at))
