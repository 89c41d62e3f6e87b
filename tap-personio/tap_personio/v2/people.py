"""Persons and their employments."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from tap_personio.columns import (
    BOOLEAN,
    DAY,
    INTEGER,
    LIST,
    NUMBER,
    OBJECT,
    TEXT,
    Column,
    Kind,
)
from tap_personio.employees import (
    KINDS,
    RESERVED,
    STANDARD,
    Attribute,
    attributes_scope,
    column_names,
    split_tags,
    warn_of_fewer,
)
from tap_personio.errors import StreamUnavailableError
from tap_personio.paging import parse_v2
from tap_personio.stream import OTHER_FIELDS_COLUMN, Plan
from tap_personio.v2.base import (
    CREATED_AND_UPDATED,
    IDS,
    V2Children,
    V2List,
    reference,
)

if TYPE_CHECKING:
    from tap_personio.connection import Request


PERSON_FIELDS = (
    Column("id", TEXT, description="The same number as the employee's id in API v1, as text."),
    Column("email", TEXT),
    Column("first_name", TEXT),
    Column("last_name", TEXT),
    Column("preferred_name", TEXT),
    Column("gender", TEXT),
    Column("status", TEXT, description="Of the latest employment."),
    Column("profile_picture", OBJECT),
    Column("profile_picture_url", TEXT, ("profile_picture", "url")),
    Column("employments", LIST),
    *CREATED_AND_UPDATED,
)
# Kinds by the type that custom attributes carry in API v2.
V2_KINDS = {
    "int": INTEGER,
    "double": NUMBER,
    "date": DAY,
    "boolean": BOOLEAN,
    "string_list": KINDS["tags"],
    "tags": KINDS["tags"],
}


class Persons(V2List):
    """Everyone, with all custom attributes the credential may read."""

    name = "persons"
    path = "/persons"
    endpoint = "/v2/persons"
    right = "Persons: read, and the attributes"
    calls = "1 per 50 persons"
    selected_by_default = False
    replication_key = "updated_at"
    deletions = ("person.deleted",)
    limit = 50
    updated = ("updated_at.gt", "%Y-%m-%dT%H:%M:%SZ")
    page_ids = IDS
    columns = PERSON_FIELDS

    @functools.cached_property
    def attributes(self) -> list[tuple[Attribute, Kind]]:
        """The custom attributes: from the catalogue of API v1, which alone knows labels, else as persons carry them."""
        catalogue = self._tap.catalogue
        if catalogue is not None:
            custom = (each for each in catalogue if each.key not in STANDARD)
            return [(each, KINDS.get(each.type or "", TEXT)) for each in custom]
        try:
            request = self.request(("limit", str(self.limit)))
            page = self.client.get(request, parse_v2, self._tap.caller(self)).page
        except StreamUnavailableError:
            return []
        found = {
            each["id"]: (Attribute(each["id"]), V2_KINDS.get(str(each.get("type")).lower(), TEXT))
            for record in self.records(page)
            for each in record.get("custom_attributes") or ()
        }
        return [found[key] for key in sorted(found)]

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """Column name of each custom attribute."""
        reserved = RESERVED | {column.name for column in PERSON_FIELDS}
        attributes = [attribute for attribute, _ in self.attributes]
        return column_names(attributes, self.settings.attribute_names, reserved)

    @functools.cached_property
    def table_columns(self) -> tuple[Column, ...]:
        """The fixed columns and one for each custom attribute."""
        custom = (
            Column(self.names[attribute.key], kind, description=attribute.label or "")
            for attribute, kind in self.attributes
        )
        return (*PERSON_FIELDS, *custom, OTHER_FIELDS_COLUMN)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """Custom attributes under their column names; those that the catalogue does not know under their ids."""
        fields = super().fields(record, parent)
        for each in fields.pop("custom_attributes", None) or ():
            key, value = each["id"], each.get("value")
            if isinstance(value, str) and key in self._tag_options:
                value = split_tags(value, self._tag_options[key])
            fields[self.names.get(key, f"attribute_{key}")] = value
        return fields

    @functools.cached_property
    def _tag_options(self) -> dict[str, list[Any]]:
        return {each.key: each.options or [] for each, kind in self.attributes if kind is KINDS["tags"]}

    @property
    def scope(self) -> str:
        """Number and fingerprint of the custom attributes, see `Employees.scope`."""
        return attributes_scope(f"{self.names[each.key]}:{each.type}" for each, _ in self.attributes)

    def compare_scope(self, before: str | None) -> None:
        """Attributes can be hidden from a credential at any time."""
        warn_of_fewer(self.logger, before, self.scope)


class Employments(V2Children):
    """Contracts of every person, past and present, each with position, office, team and end."""

    name = "employments"
    path = "/persons/{id}/employments"
    endpoint = "/v2/persons/{id}/employments"
    right = "Persons: read, and the attributes"
    calls = "1 per person"
    selected_by_default = False
    replication_key = "updated_at"
    deletions = ("employment.deleted", "person.deleted")
    limit = 50
    parent = "persons"
    columns = (
        Column("id", TEXT),
        *reference("person"),
        Column("status", TEXT),
        Column("type", TEXT),
        Column("position", OBJECT),
        Column("position_title", TEXT, ("position", "title")),
        Column("employment_start_date", DAY),
        Column("employment_end_date", DAY),
        Column("probation_end_date", DAY),
        Column("contract_end_date", DAY),
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
        Column("termination_date", DAY, ("termination", "termination_date")),
        Column("termination_last_working_day", DAY, ("termination", "last_working_day")),
        Column("termination_type", TEXT, ("termination", "type")),
        Column("termination_reason", TEXT, ("termination", "reason")),
        *CREATED_AND_UPDATED,
    )

    def of(self, parent: Any, plan: Plan) -> Request:
        """Only what changed of one person: the person itself does not tell."""
        request = super().of(parent, plan)
        if plan.since is None:
            return request
        return request.with_params(("updated_at.gt", f"{plan.since:%Y-%m-%dT%H:%M:%SZ}"))

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
