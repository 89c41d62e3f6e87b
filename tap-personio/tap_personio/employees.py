"""The employees table: its columns come from the account's own attribute catalogue.

Page: developer.personio.de/reference/get_company-employees-attributes.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import msgspec

from tap_personio.columns import (
    DAY,
    INTEGER,
    LIST,
    MOMENT,
    NUMBER,
    OBJECT,
    OTHER_FIELDS,
    TEXT,
    TEXTS,
    Column,
    Kind,
)
from tap_personio.connection import Request
from tap_personio.errors import StreamUnavailableError, TapPersonioError
from tap_personio.paging import Ids, Listing, parse_v1, read_list
from tap_personio.stream import OTHER_FIELDS_COLUMN
from tap_personio.v1 import ATTRIBUTE_ID, V1List, V1Single

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator

    from tap_personio.client import Caller, Client
    from tap_personio.paging import Page
    from tap_personio.stream import Plan

# Attributes that every account has. A custom attribute never takes one of these names, also when the credential
# cannot read the standard attribute now.
STANDARD: dict[str, Kind] = {
    "id": INTEGER,
    "first_name": TEXT,
    "last_name": TEXT,
    "preferred_name": TEXT,
    "email": TEXT,
    "gender": TEXT,
    "status": TEXT,
    "position": TEXT,
    "employment_type": TEXT,
    "supervisor": OBJECT,
    "weekly_working_hours": TEXT,
    "hire_date": DAY,
    "contract_end_date": DAY,
    "termination_date": DAY,
    "termination_type": TEXT,
    "termination_reason": TEXT,
    "probation_period_end": DAY,
    "last_working_day": DAY,
    "created_at": MOMENT,
    "last_modified_at": MOMENT,
    "subcompany": OBJECT,
    "office": OBJECT,
    "department": OBJECT,
    "team": OBJECT,
    "cost_centers": OBJECT,
    "holiday_calendar": OBJECT,
    "absence_entitlement": OBJECT,
    "work_schedule": OBJECT,
    "fix_salary": NUMBER,
    "fix_salary_interval": TEXT,
    "hourly_salary": NUMBER,
    "vacation_day_balance": NUMBER,
    "profile_picture": TEXT,
}
# Entities with an id and a name of their own, which stand beside the JSON as join columns.
NAMED_ENTITIES = ("subcompany", "office", "department", "team", "holiday_calendar", "work_schedule")
KINDS = {"integer": INTEGER, "decimal": NUMBER, "date": DAY, "tags": TEXTS}

RESERVED = frozenset(
    [*STANDARD, "supervisor_id", OTHER_FIELDS]
    + [f"{name}_{part}" for name in NAMED_ENTITIES for part in ("id", "name")]
    + [f"{name}_currency" for name, kind in STANDARD.items() if kind is NUMBER]
)
MAX_NAME = 48  # with a key and "_currency" behind it still below PostgreSQL's 63 bytes


class Attribute(msgspec.Struct):
    """One entry of the attribute catalogue."""

    key: str
    label: str | None = None
    type: str | None = None
    universal_id: str | None = None
    options: list[Any] | None = None


_catalogue = msgspec.json.Decoder(list[Attribute])


class _Value(msgspec.Struct):
    value: int


class _IdAttribute(msgspec.Struct):
    id: _Value


class _Employee(msgspec.Struct):
    attributes: _IdAttribute


EMPLOYEE_IDS = Ids(_Employee, "attributes.id.value")


def snake_case(label: str) -> str:
    """A column name of a label: letters without their accents and digits, in lower case, joined by underscores."""
    folded = unicodedata.normalize("NFKD", label).casefold()
    letters = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    name = re.sub(r"\W+", "_", letters).strip("_")
    name = re.sub(r"__+", "_", name)
    if name[:1].isdigit():
        name = f"_{name}"
    return _cut(name, MAX_NAME)


def _cut(name: str, length: int) -> str:
    return name.encode()[:length].decode(errors="ignore").rstrip("_")


def column_names(
    attributes: Iterable[Attribute], style: str, reserved: frozenset[str] = RESERVED
) -> dict[str, str]:
    """The column name of each attribute key.

    A standard attribute and one of Personio's presets goes by its universal_id, another one by its label, or by its
    key where `style` is `key`. Where names meet, custom attributes get their key appended, so that each keeps a
    column of its own.
    """
    names: dict[str, str] = {}
    for attribute in attributes:
        if attribute.key in STANDARD or style == "key":
            names[attribute.key] = attribute.key
        else:
            name = attribute.universal_id or snake_case(attribute.label or "")
            names[attribute.key] = name or attribute.key
    custom = [key for key in names if key not in STANDARD]
    for key in custom:
        if names[key].lower() in reserved:
            names[key] = _with_key(names[key], key)
    # A name with its key can meet another one's label: then only the key itself is sure.
    for rename in (_with_key, lambda _, key: key):
        taken = Counter(_claims(names))
        for key in custom:
            if any(taken[claim] > 1 for claim in _claims({key: names[key]})):
                names[key] = rename(names[key], key)
    return names


def _with_key(name: str, key: str) -> str:
    return name if name.endswith(key) else f"{_cut(name, max(8, 53 - len(key)))}_{key}"


def _claims(names: dict[str, str]) -> Iterator[str]:
    """The names in lower case, for databases that do not tell them apart, each with its currency column."""
    for name in names.values():
        yield name.lower()
        yield f"{name.lower()}_currency"


def split_tags(text: str, options: Iterable[Any]) -> list[str]:
    """The tags in a comma-joined text; an option that holds a comma itself stays whole."""
    with_comma = sorted((o for o in options if isinstance(o, str) and "," in o), key=len, reverse=True)
    tags = []
    while text:
        tag = next((o for o in with_comma if text == o or text.startswith(f"{o},")), None)
        tag = text.partition(",")[0] if tag is None else tag
        tags.append(tag.strip())
        text = text[len(tag) + 1 :]
    return tags


def read_catalogue(client: Client, caller: Caller) -> list[Attribute] | None:
    """The attributes that the credential may read, or None: some may read employees but not the catalogue."""
    request = Request("v1", EmployeeAttributes.path, right=EmployeeAttributes.right)
    try:
        return _catalogue.decode(client.get(request, parse_v1, caller).data)
    except StreamUnavailableError:
        return None
    except msgspec.MsgspecError:
        msg = (
            "The attribute catalogue of Personio has an unexpected shape, so that employees cannot be typed."
        )
        raise TapPersonioError(msg) from None


def attributes_scope(columns: Iterable[str]) -> str:
    """A short text that changes when the readable attributes do."""
    ordered = sorted(columns)
    return f"{len(ordered)}-{hashlib.sha256(chr(0).join(ordered).encode()).hexdigest()[:8]}"


def warn_of_fewer(logger: logging.Logger, before: str | None, now: str) -> None:
    """Say when the credential reads fewer attributes than in the last run: their columns become empty."""
    count, known = int(now.partition("-")[0]), (before or "").partition("-")[0]
    if known.isdigit() and int(known) > count:
        logger.warning(
            "This credential reads %d attributes, %d fewer than in the last run: the columns of the others become "
            "empty. Tick them in Personio's API credential if that is not meant.",
            count,
            int(known) - count,
        )


class EmployeeAttributes(V1Single):
    """The attributes of employees that the credential may read, and the columns they have."""

    name = "employee_attributes"
    path = "/company/employees/attributes"
    endpoint = "/v1/company/employees/attributes"
    right = "Employees: read"
    calls = "1"
    selected_by_default = False
    primary_keys = ("key",)
    columns = (
        Column("key", TEXT),
        Column("label", TEXT),
        Column("type", TEXT),
        Column("universal_id", TEXT),
        Column("options", LIST),
        Column("column_name", TEXT, description="The attribute's column in the table employees."),
    )

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:  # noqa: ARG002
        """The entry of the catalogue and the column it has become."""
        employees = cast("Employees", self._tap.stream("employees"))
        return {**record, "column_name": employees.names.get(record["key"])}


class Employees(V1List):
    """Everyone who works or worked here, with all attributes the credential may read."""

    name = "employees"
    path = "/company/employees"
    endpoint = "/v1/company/employees"
    right = "Employees: read, and the attributes"
    calls = "1 per 100 employees"
    primary_keys = ("id",)
    replication_key = "last_modified_at"
    # Changes show up to an hour late in the filter, and nobody says in which zone it takes its moment.
    overlap = dt.timedelta(hours=15)
    limit = 100
    ids = EMPLOYEE_IDS
    page_ids = EMPLOYEE_IDS
    deletions = ("person.deleted",)
    columns = ()  # from the catalogue

    def changed_since(self, moment: dt.datetime) -> tuple[str, str]:
        """Seconds, without a zone."""
        return "updated_since", f"{moment:%Y-%m-%dT%H:%M:%S}"

    def id_pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:  # noqa: ARG002
        """All employees, with their id only."""
        everything = self.request()
        listing = Listing(
            everything.with_params(("attributes[]", "id")),
            self.limit,
            self.offset,
            EMPLOYEE_IDS,
            self.changed_meanwhile(everything, self._tap.started),
        )
        return read_list(self.client, listing, caller)

    # -- columns ----------------------------------------------------------------------------------------------

    @functools.cached_property
    def attributes(self) -> list[Attribute]:
        """The attributes that this credential may read.

        Some credentials may read employees but not the catalogue: then the attributes that the first employees
        carry stand for it, and without those the standard attributes.
        """
        found = self._tap.catalogue
        if found is None:
            try:
                found = self._carried(self._tap.caller(self))
            except StreamUnavailableError:
                found = [Attribute(key, universal_id=key) for key in STANDARD]
        return list({attribute.key: attribute for attribute in [Attribute("id"), *found]}.values())

    def _carried(self, caller: Caller) -> list[Attribute]:
        page = self.client.get(self.request(("limit", "100"), ("offset", "0")), parse_v1, caller)
        found: dict[str, Attribute] = {}
        for record in self.records(page):
            for key, value in record["attributes"].items():
                if isinstance(value, dict):
                    attribute = {name: value.get(name) for name in ("label", "type", "universal_id")}
                    found.setdefault(key, msgspec.convert({"key": key, **attribute}, Attribute))
        return list(found.values())

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """Column name of each attribute key."""
        return column_names(self.attributes, self.settings.attribute_names)

    @functools.cached_property
    def table_columns(self) -> tuple[Column, ...]:
        """A column for each attribute, in the catalogue's order, with its currency and what joins it."""
        columns = []
        for attribute in self.attributes:
            name = self.names[attribute.key]
            kind = STANDARD.get(attribute.key) or KINDS.get(attribute.type or "", TEXT)
            columns.append(Column(name, kind, description=attribute.label or ""))
            if kind is NUMBER:
                columns.append(Column(f"{name}_currency", TEXT))
            if name == "supervisor":
                columns.append(Column("supervisor_id", INTEGER, ("supervisor", *ATTRIBUTE_ID)))
            if name in NAMED_ENTITIES:
                columns.append(Column(f"{name}_id", INTEGER, (name, "attributes", "id", "value")))
                columns.append(Column(f"{name}_name", TEXT, (name, "attributes", "name", "value")))
        return (*columns, OTHER_FIELDS_COLUMN)

    @property
    def scope(self) -> str:
        """Number and fingerprint of the attributes: a new one is missing in the rows of before."""
        return attributes_scope(f"{self.names[each.key]}:{each.type}" for each in self.attributes)

    def compare_scope(self, before: str | None) -> None:
        """Attributes can be hidden from a credential at any time."""
        warn_of_fewer(self.logger, before, self.scope)

    # -- rows -------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _tag_options(self) -> dict[str, list[Any]]:
        return {each.key: each.options or [] for each in self.attributes if each.type == "tags"}

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:  # noqa: ARG002
        """Attribute values under their column names; attributes newer than the catalogue under their keys."""
        fields: dict[str, Any] = {}
        for key, attribute in record["attributes"].items():
            value = attribute["value"]
            name = self.names.get(key)
            if name is None:
                name = key if key not in self._column_names else f"attribute_{key}"
                value = attribute
            elif key in self._tag_options and isinstance(value, str):
                value = split_tags(value, self._tag_options[key])
            fields[name] = value
            if "currency" in attribute:
                fields[f"{name}_currency"] = attribute["currency"]
        return fields

    @functools.cached_property
    def _column_names(self) -> frozenset[str]:
        return frozenset(column.name for column in self.table_columns)
