"""Employee attributes: the account's catalogue, the columns that attributes become, and their tags."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from tap_personio.columns import (
    CHOICE,
    DATE,
    INTEGER,
    NUMBER,
    OBJECT,
    OTHER_FIELDS,
    REFERENCE,
    TEXT,
    TEXTS,
    TIMESTAMP,
    ColumnType,
    split_tags,
)
from tap_personio.errors import StreamUnavailableError
from tap_personio.names import distinct_names, snake_case
from tap_personio.pages import parse_v1
from tap_personio.progress import StreamStats
from tap_personio.transport import Request

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    from tap_personio.client import Client

# Attributes that every account has. A custom attribute never takes one of these names, also when the credential
# cannot read the standard attribute now.
STANDARD: dict[str, ColumnType] = {
    "id": INTEGER,
    "first_name": TEXT,
    "last_name": TEXT,
    "preferred_name": TEXT,
    "email": TEXT,
    "gender": CHOICE,
    "status": CHOICE,
    "position": CHOICE,
    "employment_type": CHOICE,
    "supervisor": REFERENCE,
    "weekly_working_hours": NUMBER,
    "hire_date": DATE,
    "contract_end_date": DATE,
    "termination_date": DATE,
    "termination_type": CHOICE,
    "termination_reason": CHOICE,
    "probation_period_end": DATE,
    "last_working_day": DATE,
    "created_at": TIMESTAMP,
    "last_modified_at": TIMESTAMP,
    "subcompany": REFERENCE,
    "office": REFERENCE,
    "department": REFERENCE,
    "team": REFERENCE,
    "cost_centers": OBJECT,
    "holiday_calendar": REFERENCE,
    "absence_entitlement": OBJECT,
    "work_schedule": REFERENCE,
    "fix_salary": NUMBER,
    "fix_salary_interval": CHOICE,
    "hourly_salary": NUMBER,
    "vacation_day_balance": NUMBER,
    "profile_picture": TEXT,
}
# Numbers that have a currency. Which custom attributes have one, only their values tell.
MONEY = frozenset({"fix_salary", "hourly_salary"})
# Entities with an id and a name of their own, which stand beside the JSON as join columns.
NAMED_ENTITIES = ("subcompany", "office", "department", "team", "holiday_calendar", "work_schedule")
TYPES = {"list": CHOICE, "integer": INTEGER, "decimal": NUMBER, "date": DATE, "tags": TEXTS}

RESERVED_NAMES = frozenset(
    [*STANDARD, "supervisor_id", OTHER_FIELDS]
    + [f"{name}_{part}" for name in NAMED_ENTITIES for part in ("id", "name")]
    + [f"{name}_currency" for name in MONEY]
)
CATALOGUE_PATH = "/company/employees/attributes"
CATALOGUE_PERMISSION = "Employees: read"


class Attribute(msgspec.Struct):
    """One entry of the attribute catalogue."""

    key: str
    label: str | None = None
    type: str | None = None
    universal_id: str | None = None
    options: list[Any] | None = None


_FORMS: dict[str, Any] = {"key": str, "label": str, "type": str, "universal_id": str, "options": list}


def column_names(
    attributes: Iterable[Attribute], style: str, reserved: frozenset[str] = RESERVED_NAMES
) -> dict[str, str]:
    """The column name of each attribute key.

    A standard attribute and one of Personio's presets goes by its universal_id, another one by its label, or by its
    key where `style` is `key`. Where names meet, custom attributes get their key appended, so that each keeps a
    column of its own.
    """
    names: dict[str, str] = {}
    for attribute in attributes:
        name = attribute.key
        if attribute.key not in STANDARD and style != "key":
            name = attribute.universal_id or snake_case(attribute.label or "") or name
        names[attribute.key] = name
    return distinct_names(names, reserved, STANDARD)


def read_catalogue(client: Client) -> list[Attribute] | None:
    """The attributes that the credential may read, or None: some may read employees but not the catalogue.

    Page: developer.personio.de/reference/get_company-employees-attributes. What is odd about an entry is left out.

    Raises:
        StreamFailedError: the catalogue could not be read.
    """
    request = Request("v1", CATALOGUE_PATH, permission=CATALOGUE_PERMISSION)
    try:
        records = client.get(request, parse_v1, StreamStats("employee attributes")).records
    except StreamUnavailableError:
        return None
    return [attribute for record in records if (attribute := attribute_of(record))]


def attribute_of(record: Any, **more: Any) -> Attribute | None:
    """An attribute from an entry of the catalogue, without the parts that have another form than documented."""
    if not isinstance(record, dict):
        return None
    known = {
        name: value for name, value in {**record, **more}.items() if isinstance(value, _FORMS.get(name, ()))
    }
    return Attribute(**known) if known.get("key") else None


class AttributeColumns:
    """The columns that the readable attributes of a table become.

    Args:
        attributes: each with its column type.
        style: the setting attribute_names.
        reserved: names that no custom attribute takes.
    """

    def __init__(
        self,
        attributes: Iterable[tuple[Attribute, ColumnType]],
        style: str,
        reserved: frozenset[str] = RESERVED_NAMES,
    ) -> None:
        self.attributes = list(
            {attribute.key: (attribute, column) for attribute, column in attributes}.values()
        )
        self.names = column_names((attribute for attribute, _ in self.attributes), style, reserved)
        self._tag_options = {
            each.key: each.options or [] for each, column in self.attributes if column is TEXTS
        }

    def parse_tags(self, key: str, value: Any) -> Any:
        """The value of an attribute, as a list where it is a text of tags."""
        return split_tags(value, self._tag_options[key]) if key in self._tag_options else value

    def coverage(self, *more: str) -> str:
        """Number and fingerprint of the attributes: a new one is missing in the rows of before.

        Args:
            more: names of further columns that depend on them.
        """
        columns = sorted([*(f"{self.names[each.key]}:{each.type}" for each, _ in self.attributes), *more])
        return f"{len(self.attributes)}-{_fingerprint(chr(0).join(columns))}"

    @functools.cached_property
    def by_key(self) -> dict[str, str]:
        """The column of each attribute by a fingerprint of its key, for the state."""
        return {_fingerprint(key): name for key, name in self.names.items()}

    def warn_of_changes(self, logger: logging.Logger, stream: str, bookmark: Mapping[str, Any]) -> None:
        """Name the columns of the last run that become empty, and where their values are now.

        Args:
            logger: of the stream.
            stream: its name.
            bookmark: of the last run, with its `by_key`.
        """
        now, columns = self.by_key, bookmark.get("columns")
        known = columns.items() if isinstance(columns, dict) else ()
        before = {key: old for key, old in known if isinstance(old, str)}
        moved = sorted(f"{old} is now {now[key]}" for key, old in before.items() if now.get(key, old) != old)
        if moved:
            logger.warning(
                "Columns of %s have other names than in the last run, because an attribute was renamed, another one "
                "has the same label, or the setting attribute_names was changed: %s. The old columns stay in the table "
                "and become empty.",
                stream,
                ", ".join(moved),
            )
        gone = sorted(old for key, old in before.items() if key not in now)
        if gone:
            logger.warning(
                "The credential no longer reads these attributes of %s, so that their columns become empty: %s. Tick "
                "them in Personio's API credential, unless they were deleted or hidden on purpose.",
                stream,
                ", ".join(gone),
            )


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def standard_type(attribute: Attribute) -> ColumnType:
    """The column type of an attribute of the catalogue."""
    return STANDARD.get(attribute.key) or TYPES.get(attribute.type or "", TEXT)
