"""The invented company: its tables, and the ways to change them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec

from . import model, webhooks
from .attendances import Attendances
from .deletions import delete_dependents
from .generate import BALANCE_TYPES, FIRST_EMPLOYEE, generate_company
from .model import (
    EMPLOYMENT,
    HOURLY,
    OTHER,
    SHIFT,
    TIME_OFF,
    TYPE,
    Employee,
    uuid,
)
from .people import POSITIONS
from .views import Views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .options import Options

# The v2 ids of these tables are computed from the number of the row.
FAMILIES = {"time_offs": TIME_OFF, "absence_types": TYPE}
# The field that `change` sets, by table: fields that no other record shows.
CHANGES = {
    "employees": "position",
    "time_offs": "comment",
    "hourly_absences": "comment",
    "attendances": "comment",
    "shifts": "comment",
    "projects": "description",
    "document_categories": "name",
    "absence_types": "approval_required",
    "reports": "description",
    "balances": "balance",
    "documents": "comment",
    "compensations": "amount",
    "candidates": "location",
    "applications": "is_anonymized",
    "recruiting_jobs": "name",
}


# Employees and vacancies refer to these tables: their records cannot be deleted.
STRUCTURE = frozenset({
    "legal_entities", "offices", "org_units", "cost_centers", "holiday_calendars", "work_schedules",
    "compensation_types", "recruiting_categories",
})  # fmt: skip


class Company(Views):
    """The data that both API versions show: one mapping per table, keyed by id.

    Read the tables freely; change them with `update`, `insert`, `delete` and `change`. These set the time stamps
    that Personio would set, record the events that its webhooks would send, and may be called from any thread.
    """

    def __init__(self, options: Options | None = None) -> None:
        super().__init__(options)
        generate_company(self)

    def found_again(self) -> None:
        """Generate all tables again, as at the start (or for the new time, if the clock was moved)."""
        with self.lock:
            self.clear()
            generate_company(self)

    def update(self, table: str, key: Any, **values: Any) -> Any:
        """Set fields of a record (of an employee: attributes) and return the record.

        Raises ValueError for an unknown table or field, KeyError for an unknown id.
        """
        with self.lock:
            rows = self.rows(table)
            old = rows[key]
            if isinstance(old, Employee):
                self.touch_employee(old, values)
                new = old
            else:
                self._check_fields(table, old, values)
                if "updated_at" in old.__struct_fields__:
                    values.setdefault("updated_at", self.now())
                new = msgspec.structs.replace(old, **values)
                self._put(table, key, new)
            self._record_event(table, new, "updated")
            self._changes += 1
            return new

    def alter_attribute(self, key: str, **values: Any) -> None:
        """Set fields of an entry of the attribute catalogue, such as its label."""
        with self.lock:
            self.attributes[key] = msgspec.structs.replace(self.attributes[key], **values)
            self._changes += 1

    def insert(self, table: str, **values: Any) -> Any:
        """Add a record and return it. Missing values are copied from the table's last record or generated."""
        with self.lock:
            rows, now = self.rows(table), self.now()
            if table == "employees":
                key = values.pop("id", None) or max(self.employees, default=FIRST_EMPLOYEE - 1) + 1
                employee = self.hiring.hire(key - FIRST_EMPLOYEE, key, list(self.employees)[:1])
                self.employees[key] = employee
                employee.attributes["created_at"] = now
                self.touch_employee(employee, values)
                employee.person_updated_at = employee.employment_updated_at = now
                for type_id in set(BALANCE_TYPES) & set(self.absence_types):
                    fresh = model.Balance(
                        employee_id=key, absence_type_id=type_id, balance=0, available_balance=0
                    )
                    self.balances[key, type_id] = fresh
                new: Any = employee
            else:
                new = self._new_record(table, rows, values)
                self._put(table, self._key(table, new), new)
            self._record_event(table, new, "created")
            self._changes += 1
            return new

    def delete(self, table: str, *keys: Any) -> None:
        """Delete records with all that belongs to them. KeyError, and nothing is deleted, if one is unknown."""
        with self.lock:
            rows = self.rows(table)
            if table in STRUCTURE:
                raise ValueError(f"{table} belongs to the structure of the company and cannot lose records")
            gone = [rows[key] for key in keys]
            if isinstance(rows, Attendances):
                rows.remove(keys)
            else:
                for key in keys:
                    del rows[key]
            for row in gone:
                self._record_event(table, row, "deleted")
            if keys:
                delete_dependents(self, table, set(keys))
            self._changes += 1

    def change(
        self, percent: float = 1, tables: Sequence[str] = ("employees", "time_offs", "attendances")
    ) -> dict[str, list[Any]]:
        """Change this share of each table (at least one record) and return the ids, by table.

        The choice depends on the seed and on the number of earlier calls.
        """
        unknown = [table for table in tables if table not in CHANGES]
        if unknown:
            raise ValueError(f"change() does not know what to alter in {', '.join(unknown)}: use update()")
        with self.lock:
            changed = {table: self.sample(table, percent) for table in tables}
            for table, keys in changed.items():
                rows = self.rows(table)
                for key in keys:
                    self.update(table, key, **{CHANGES[table]: self._altered(table, rows[key])})
            return changed

    def sample(self, table: str, percent: float) -> list[Any]:
        """The ids of this share of a table (at least one); each call chooses anew, the same for the same seed."""
        with self.lock:
            self._rounds += 1
            rng = random.Random(f"{self.options.seed}/{table}/{self._rounds}")  # noqa: S311
            keys = list(self.rows(table))
            return sorted(rng.sample(keys, min(len(keys), max(1, round(len(keys) * percent / 100)))))

    # --- inside -----------------------------------------------------------------------------------------------

    def _check_fields(self, table: str, row: Any, values: Iterable[str]) -> None:
        unknown = sorted(set(values) - set(row.__struct_fields__))
        if unknown:
            raise ValueError(
                f"{table} has no field {', '.join(unknown)}; it has {', '.join(row.__struct_fields__)}"
            )

    def _put(self, table: str, key: Any, row: Any) -> None:
        if isinstance(row, model.Attendance):
            self.attendances.put(row)
        else:
            getattr(self, table)[key] = row

    def _key(self, table: str, row: Any) -> Any:
        return (row.employee_id, row.absence_type_id) if table == "balances" else row.id

    def _new_record(self, table: str, rows: Any, values: dict[str, Any]) -> Any:
        """A copy of the last record of its table, with these values."""
        if not rows:
            raise ValueError(f"{table} is empty: there is no record to take the missing values from")
        last = next(reversed(rows)) if isinstance(rows, dict) else rows.ids[-1]
        like, now = rows[last], self.now()
        self._check_fields(table, like, values)
        fields = set(like.__struct_fields__)
        if "id" in fields and "id" not in values:
            values["id"] = last + 1 if isinstance(last, int) else self._fresh_uuid(table, len(rows))
        if "id_v2" in fields and table in FAMILIES:
            values.setdefault("id_v2", uuid(FAMILIES[table], values["id"]))
        for stamp in fields & {"created_at", "updated_at"}:
            values.setdefault(stamp, now)
        new = msgspec.structs.replace(like, **values)
        if self._key(table, new) in rows:
            raise ValueError(f"{table} already has a record with the key {self._key(table, new)!r}")
        return new

    def _fresh_uuid(self, table: str, count: int) -> str:
        family = {"hourly_absences": HOURLY, "shifts": SHIFT, "past_employments": EMPLOYMENT}.get(
            table, OTHER
        )
        number = 900_000_000 + count
        while uuid(family, number) in getattr(self, table):
            number += 1
        return uuid(family, number)

    def _altered(self, table: str, row: Any) -> Any:
        field = CHANGES[table]
        value = row.attributes[field] if isinstance(row, Employee) else getattr(row, field)
        if isinstance(value, bool):
            return not value
        if isinstance(value, int | float):
            return value + 1
        if table == "employees":
            return POSITIONS[(self._rounds + row.id) % len(POSITIONS)] + f" {self._rounds}"
        return (
            f"changed {self._rounds}"
            if table in ("attendances", "time_offs")
            else f"{value or ''} ({self._rounds})"
        )

    def _record_event(self, table: str, row: Any, what: str) -> None:
        """Record the webhook event of a change."""
        if table in webhooks.SUBJECTS:
            self.events.append(webhooks.event(len(self.events), table, row, what, self.now()))
        if isinstance(row, Employee):
            self.events.append(webhooks.employment_event(len(self.events), row, what, self.now()))
