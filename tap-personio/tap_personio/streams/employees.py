"""The employees table: its columns come from the account's own attribute catalogue."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any

from tap_personio.attributes import (
    CATALOGUE_PATH,
    CATALOGUE_PERMISSION,
    MONEY,
    NAMED_ENTITIES,
    STANDARD,
    Attribute,
    AttributeColumns,
    attribute_of,
    column_names,
    standard_type,
)
from tap_personio.columns import CHOICE, INTEGER, LIST, NUMBER, TEXT, Column, ColumnType
from tap_personio.errors import StreamFailedError, StreamUnavailableError
from tap_personio.offset_lists import OffsetList, read_list
from tap_personio.pages import IdReader, parse_v1
from tap_personio.stream import OTHER_FIELDS_COLUMN
from tap_personio.streams.base import ATTRIBUTE_ID, WITHOUT_ZONE, V1List, V1Single, attributes_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from tap_personio.pages import Page
    from tap_personio.progress import StreamStats
    from tap_personio.sync_plan import SyncPlan

EMPLOYEE_IDS = IdReader(*ATTRIBUTE_ID)


def employee_columns(
    named: Iterable[tuple[Attribute, str, ColumnType]], money: Collection[str]
) -> Iterator[Column]:
    """The columns of the employees.

    Args:
        named: attributes, each with the name and the type of its column.
        money: keys of those with a currency.
    """
    for attribute, name, column_type in named:
        yield Column(name, column_type, description=attribute.label or "")
        if column_type is NUMBER and attribute.key in money:
            yield Column(f"{name}_currency", TEXT)
        if name == "supervisor":
            yield Column("supervisor_id", INTEGER, ("supervisor", *ATTRIBUTE_ID))
        if name in NAMED_ENTITIES:
            yield Column(f"{name}_id", INTEGER, (name, "attributes", "id", "value"))
            yield Column(f"{name}_name", CHOICE, (name, "attributes", "name", "value"))


class EmployeeAttributes(V1Single):
    """The attributes of employees that the credential may read, and the columns they have."""

    name = "employee_attributes"
    path = CATALOGUE_PATH
    permission = CATALOGUE_PERMISSION
    request_cost = "1"
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
        return {**record, "column_name": self._names.get(record.get("key"))}

    @functools.cached_property
    def _names(self) -> dict[str, str]:
        attributes = [Attribute("id"), *(self.run.attribute_catalogue or ())]
        return column_names(attributes, self.settings.attribute_names)


class Employees(V1List):
    """Everyone who works or worked here, with all attributes the credential may read."""

    name = "employees"
    path = "/company/employees"
    permission = "Employees: read, and the attributes"
    replaced_by = "persons and employments"
    request_cost = "1 per 100 employees"
    primary_keys = ("id",)
    replication_key = "last_modified_at"
    # Changes show up to an hour late in the filter, and nobody says in which zone it takes its moment.
    lookback = dt.timedelta(hours=15)
    limit = 100
    ids = EMPLOYEE_IDS
    parent_ids = EMPLOYEE_IDS
    deletion_events = ("person.deleted",)
    incremental_filter = ("updated_since", WITHOUT_ZONE)
    columns = ()  # from the catalogue

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:
        """All employees, or those with changes, if it is known which columns they have."""
        self.run.require_catalogue()
        return super().pages(plan, stats)

    def id_pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:  # noqa: ARG002
        """All employees, with their id only."""
        everything = self.request()
        listing = OffsetList(
            everything.with_params(("attributes[]", "id")),
            self.limit,
            self.offset,
            EMPLOYEE_IDS,
            self.changed_meanwhile(everything, self.run.started),
        )
        return read_list(self.client, listing, stats)

    @functools.cached_property
    def attribute_columns(self) -> AttributeColumns:
        """The attributes that this credential may read, with their columns.

        Some credentials may read employees but not the catalogue: then the attributes that the first employees carry
        stand for it, and without those the standard attributes.
        """
        found = self.run.attribute_catalogue
        if found is None:
            carried = (attribute_of(value, key=key) for key, value in self._sample)
            found = list({each.key: each for each in carried if each}.values())
            found = found or [Attribute(key, universal_id=key) for key in STANDARD]
        typed = ((each, standard_type(each)) for each in (Attribute("id"), *found))
        return AttributeColumns(typed, self.settings.attribute_names)

    @functools.cached_property
    def _sample(self) -> list[tuple[str, Any]]:
        """The attributes that the first employees carry, with their keys; none where they cannot be read."""
        request = self.request(("limit", str(self.limit)), ("offset", "0"))
        try:
            records = self.client.get(request, parse_v1, self.stats).records
        except (StreamUnavailableError, StreamFailedError):
            return []
        return [each for record in records for each in attributes_of(record).items()]

    @functools.cached_property
    def _money(self) -> frozenset[str]:
        """Keys of the attributes with a currency. The catalogue does not tell which: discovery looks at values."""
        names = self.attribute_columns.names
        numbers = [each.key for each, column in self.attribute_columns.attributes if column is NUMBER]
        catalog = self._tap.input_catalog
        if catalog and (entry := catalog.get_stream(self.name)):
            known = entry.schema.to_dict().get("properties", {})
            return MONEY.union(key for key in numbers if f"{names[key]}_currency" in known)
        if STANDARD.keys() >= set(numbers):
            return MONEY
        return MONEY.union(
            key for key, value in self._sample if isinstance(value, dict) and value.get("currency")
        )

    @functools.cached_property
    def table_columns(self) -> tuple[Column, ...]:
        """A column for each attribute, in the catalogue's order, with its currency and what joins it."""
        attributes = self.attribute_columns
        named = ((each, attributes.names[each.key], column) for each, column in attributes.attributes)
        return (*employee_columns(named, self._money), OTHER_FIELDS_COLUMN)

    @property
    def coverage(self) -> str:
        """Number and fingerprint of the attributes: a new one is missing in the rows of before."""
        return self.attribute_columns.coverage(*self._money - MONEY)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:  # noqa: ARG002
        """Attribute values under their column names; attributes newer than the catalogue under their keys."""
        fields: dict[str, Any] = {}
        names = self.attribute_columns.names
        for key, attribute in attributes_of(record).items():
            name = names.get(key)
            if name is None:
                fields[key if key not in self._column_names else f"attribute_{key}"] = attribute
                continue
            parts = attribute if isinstance(attribute, dict) else {"value": attribute}
            fields[name] = self.attribute_columns.parse_tags(key, parts.get("value"))
            if parts.get("currency"):
                fields[f"{name}_currency"] = parts["currency"]
        return fields

    @functools.cached_property
    def _column_names(self) -> frozenset[str]:
        return frozenset(column.name for column in self.table_columns)
