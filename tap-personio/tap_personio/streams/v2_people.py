"""Persons and their employments."""

from __future__ import annotations

import functools
from collections import Counter
from typing import TYPE_CHECKING, Any

from tap_personio.attributes import (
    RESERVED_NAMES,
    STANDARD,
    Attribute,
    AttributeColumns,
    attribute_of,
    standard_type,
)
from tap_personio.columns import (
    BOOLEAN,
    CHOICE,
    DATE,
    INTEGER,
    LIST,
    NUMBER,
    OBJECT,
    TEXT,
    TEXTS,
    Column,
    ColumnType,
)
from tap_personio.errors import StreamFailedError, StreamUnavailableError
from tap_personio.names import safe_name
from tap_personio.pages import parse_v2
from tap_personio.stream import OTHER_FIELDS_COLUMN
from tap_personio.streams.base import CREATED_AND_UPDATED, IDS, WITH_ZONE, V2Children, V2List, reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_personio.pages import Page
    from tap_personio.progress import StreamStats
    from tap_personio.sync_plan import SyncPlan
    from tap_personio.transport import Request

PERSON_FIELDS = (
    Column("id", TEXT, description="The same number as the employee's id in API v1, as text."),
    Column("email", TEXT),
    Column("first_name", TEXT),
    Column("last_name", TEXT),
    Column("preferred_name", TEXT),
    Column("gender", CHOICE),
    Column("status", CHOICE, description="Of the latest employment."),
    Column("profile_picture", OBJECT),
    Column("profile_picture_url", TEXT, ("profile_picture", "url")),
    Column("employments", LIST),
    *CREATED_AND_UPDATED,
)
# Column types by the type that custom attributes carry in API v2.
V2_TYPES: dict[str, ColumnType] = {
    "int": INTEGER,
    "double": NUMBER,
    "date": DATE,
    "list": CHOICE,
    "boolean": BOOLEAN,
    "string_list": TEXTS,
    "tags": TEXTS,
}


class Persons(V2List):
    """Everyone, with all custom attributes the credential may read."""

    name = "persons"
    path = "/persons"
    permission = "Persons: read, and the attributes"
    request_cost = "1 per 50 persons"
    selected_by_default = False
    replication_key = "updated_at"
    deletion_events = ("person.deleted",)
    limit = 50
    incremental_filter = ("updated_at.gt", WITH_ZONE)
    parent_ids = IDS
    columns = PERSON_FIELDS

    @functools.cached_property
    def attribute_columns(self) -> AttributeColumns:
        """The custom attributes: from the catalogue of API v1, which alone knows labels, else as persons carry them."""
        reserved = RESERVED_NAMES | {column.name for column in PERSON_FIELDS}
        return AttributeColumns(self._custom_attributes(), self.settings.attribute_names, reserved)

    def _custom_attributes(self) -> Iterable[tuple[Attribute, ColumnType]]:
        catalogue = self.run.attribute_catalogue
        if catalogue is not None:
            return [(each, standard_type(each)) for each in catalogue if each.key not in STANDARD]
        try:
            page = self.client.get(self.request(("limit", str(self.limit))), parse_v2, self.stats)
        except (StreamUnavailableError, StreamFailedError):
            return []  # other streams do not need them, and this one fails when it is read
        found = {
            attribute.key: (attribute, V2_TYPES.get((attribute.type or "").lower(), TEXT))
            for record in page.records
            for each in _custom_attributes_of(record)
            if (attribute := attribute_of(each, key=_keys_of(each)[0], universal_id=None))
        }
        return [found[key] for key in sorted(found)]

    @functools.cached_property
    def _keys(self) -> dict[str, str]:
        """The key of each attribute by what persons may call it: its key, or its universal_id."""
        attributes = [each for each, _ in self.attribute_columns.attributes]
        return {each.universal_id: each.key for each in attributes if each.universal_id} | {
            each.key: each.key for each in attributes
        }

    @functools.cached_property
    def table_columns(self) -> tuple[Column, ...]:
        """The fixed columns and one for each custom attribute."""
        custom = (
            Column(
                self.attribute_columns.names[attribute.key], column_type, description=attribute.label or ""
            )
            for attribute, column_type in self.attribute_columns.attributes
        )
        return (*PERSON_FIELDS, *custom, OTHER_FIELDS_COLUMN)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """Custom attributes under their column names; those that the catalogue does not know under their ids."""
        fields = super().fields(record, parent)
        for each in _custom_attributes_of(fields):
            names = _keys_of(each)
            key = next((self._keys[name] for name in names if name in self._keys), None)
            self._found[key is not None] += 1
            if key is None:
                fields[f"attribute_{safe_name(names[0])}"] = each.get("value")
            else:
                value = self.attribute_columns.parse_tags(key, each.get("value"))
                fields[self.attribute_columns.names[key]] = value
        found = fields.pop("custom_attributes", None)
        nameless = [each for each in found if not _is_named(each)] if isinstance(found, list) else found
        return {**fields, "custom_attributes": nameless} if nameless else fields

    def warn_of_oddities(self) -> None:
        """Say when no attribute of the catalogue was met although persons have some."""
        if self._found[False] and not self._found[True] and self._keys:
            self.logger.warning(
                "None of the %d attributes in the catalogue was found among the custom attributes of persons, which "
                "have other ids: their values are in the column other_fields.",
                len(self.attribute_columns.attributes),
            )

    @functools.cached_property
    def _found(self) -> Counter[bool]:
        """How many custom attributes of persons were found in the catalogue, and how many were not."""
        return Counter()

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:
        """All persons, or those with changes, if it is known which columns they have."""
        self.run.require_catalogue()
        return super().pages(plan, stats)

    def id_pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:
        """Identifiers need no columns."""
        return super().pages(plan, stats)

    @property
    def coverage(self) -> str:
        """Number and fingerprint of the custom attributes, see `Employees.coverage`."""
        return self.attribute_columns.coverage()


def _custom_attributes_of(person: Any) -> list[dict[str, Any]]:
    found = person.get("custom_attributes") if isinstance(person, dict) else None
    return list(filter(_is_named, found)) if isinstance(found, list) else []


def _is_named(attribute: Any) -> bool:
    return isinstance(attribute, dict) and bool(_keys_of(attribute))


def _keys_of(attribute: dict[str, Any]) -> list[str]:
    """The keys that an attribute of a person may have in the catalogue, the likeliest first.

    Live accounts send `dynamic_` with 14 hex digits, a dot and 8 digits as `id`, and the number of the catalogue's key
    as `global_id`; Personio's presets have their universal_id as `id`.
    """
    identifier, number = attribute.get("id"), attribute.get("global_id")
    keys = [f"dynamic_{number}"] if str(number).isdecimal() else []
    return [identifier, *keys][::-1] if isinstance(identifier, str) and identifier else keys


class Employments(V2Children):
    """Contracts of every person, past and present, each with position, office, team and end."""

    name = "employments"
    path = "/persons/{id}/employments"
    permission = "Persons: read, and the attributes"
    request_cost = "1 per person"
    selected_by_default = False
    replication_key = "updated_at"
    deletion_events = ("employment.deleted", "person.deleted")
    incremental_filter = ("updated_at.gt", WITH_ZONE)
    limit = 50
    parent = "persons"
    child_ids = IDS
    columns = (
        Column("id", TEXT),
        *reference("person"),
        Column("status", TEXT),
        Column("type", TEXT),
        Column("position", OBJECT),
        Column("position_title", TEXT, ("position", "title")),
        Column("employment_start_date", DATE),
        Column("employment_end_date", DATE),
        Column("probation_end_date", DATE),
        Column("contract_end_date", DATE),
        Column("weekly_working_hours", NUMBER),
        Column("full_time_weekly_working_hours", NUMBER),
        *reference("supervisor"),
        *reference("office"),
        Column("org_units", LIST),
        Column("cost_centers", LIST),
        *reference("legal_entity"),
        *reference("sub_company"),
        *reference("job"),
        Column("termination", OBJECT),
        Column("termination_date", DATE, ("termination", "termination_date")),
        Column("termination_last_working_day", DATE, ("termination", "last_working_day")),
        Column("termination_type", TEXT, ("termination", "type")),
        Column("termination_reason", TEXT, ("termination", "reason")),
        *CREATED_AND_UPDATED,
    )

    def child_request(self, parent: Any, plan: SyncPlan) -> Request:
        """Only what changed of one person: the person itself does not tell."""
        return super().child_request(parent, plan).with_params(*self.changed_params(plan.since))

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The official samples spell one date in two ways."""
        fields = super().fields(record, parent)
        fields.setdefault("person", {"id": parent})
        termination = fields.get("termination")
        if isinstance(termination, dict) and termination.get("last_working_day") is None:
            other = termination.get("last_working_date")
            if other is not None:
                termination["last_working_day"] = other
        return fields
