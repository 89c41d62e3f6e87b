"""Recruiting: vacancies, candidates, applications and the way they take."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tap_personio.columns import (
    ANY,
    BOOLEAN,
    DAY,
    INTEGER,
    LIST,
    MOMENT,
    OBJECT,
    TEXT,
    Column,
)
from tap_personio.paging import Page
from tap_personio.v2.base import (
    CREATED_AND_UPDATED,
    IDS,
    V2Children,
    V2List,
    reference,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_personio.client import Caller
    from tap_personio.stream import Plan


class RecruitingList(V2List):
    """A list of recruiting; all of them are in beta."""

    beta = True
    right = "Recruiting: read"
    limit = 200
    calls = "1 per 200"


class RecruitingApplications(RecruitingList):
    """Applications, with the stage they have reached."""

    name = "recruiting_applications"
    path = "/recruiting/applications"
    endpoint = "/v2/recruiting/applications"
    replication_key = "updated_at"
    updated = ("updated_at.gt", "%Y-%m-%dT%H:%M:%SZ")
    page_ids = IDS
    columns = (
        Column("id", TEXT),
        Column("application_date", DAY),
        *reference("candidate"),
        *reference("job"),
        Column("job_name", TEXT, ("job", "name")),
        Column("current_stage", OBJECT),
        Column("current_stage_id", TEXT, ("current_stage", "id")),
        Column("current_stage_name", TEXT, ("current_stage", "name")),
        *reference("channel"),
        Column("channel_name", TEXT, ("channel", "name")),
        Column("hiring_team", LIST),
        Column("is_anonymized", BOOLEAN),
        *CREATED_AND_UPDATED,
    )


class RecruitingCandidates(RecruitingList):
    """People who applied."""

    name = "recruiting_candidates"
    path = "/recruiting/candidates"
    endpoint = "/v2/recruiting/candidates"
    replication_key = "updated_at"
    updated = ("updated_at.gt", "%Y-%m-%dT%H:%M:%SZ")
    columns = (
        Column("id", TEXT),
        Column("first_name", TEXT),
        Column("last_name", TEXT),
        Column("email", TEXT),
        Column("gender", TEXT),
        Column("phone", TEXT),
        Column("location", ANY),
        Column("birthday", DAY),
        Column("linkedin_profile", TEXT),
        Column("available_from", ANY),
        Column("applications", LIST),
        *CREATED_AND_UPDATED,
    )


class RecruitingJobs(RecruitingList):
    """Vacancies. Nobody confirms a filter for them: read whole."""

    name = "recruiting_jobs"
    path = "/recruiting/jobs"
    endpoint = "/v2/recruiting/jobs"
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        *reference("department"),
        Column("department_name", TEXT, ("department", "name")),
        *reference("category"),
        Column("category_name", TEXT, ("category", "name")),
        *reference("company"),
        Column("hiring_team", LIST),
        *CREATED_AND_UPDATED,
    )


class RecruitingCategories(RecruitingList):
    """Categories of vacancies, each with its stages."""

    name = "recruiting_categories"
    path = "/recruiting/categories"
    endpoint = "/v2/recruiting/categories"
    columns = (Column("id", TEXT), Column("name", TEXT), Column("stages", LIST))


_raw_records = msgspec.json.Decoder(list[msgspec.Raw])


class RecruitingStageTransitions(V2Children):
    """When each application entered each stage."""

    name = "recruiting_stage_transitions"
    path = "/recruiting/applications/{id}/stage-transitions"
    endpoint = "/v2/recruiting/applications/{id}/stage-transitions"
    right = "Recruiting: read"
    calls = "1 per application that changed"
    selected_by_default = False
    beta = True
    limit = 200
    primary_keys = ("application_id", "number")
    replication_key = "entered_at"
    parent = "recruiting_applications"
    columns = (
        Column("application_id", TEXT),
        Column("number", INTEGER, description="From 0, the first stage."),
        Column("entered_at", MOMENT),
        Column("stage", OBJECT),
        Column("stage_id", TEXT, ("stage", "id")),
        Column("stage_name", TEXT, ("stage", "name")),
        Column("stage_type", TEXT, ("stage", "type")),
        Column("stage_kind", TEXT, ("stage", "kind")),
    )

    def parents(self, plan: Plan) -> Iterable[Any]:
        """An application changes with its stage."""
        return self.changed_parents(plan)

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:
        """All transitions of an application on one page, because they are numbered."""
        for application, pages in groupby(super().pages(plan, caller), attrgetter("parent")):
            transitions = [each for page in pages for each in _raw_records.decode(page.data)]
            yield Page(msgspec.Raw(msgspec.json.encode(transitions)), parent=application)

    def records(self, page: Page) -> Iterable[Any]:
        """The latest comes first; numbers count from the first one, so that they stay."""
        return enumerate(reversed(list(super().records(page))))

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The answer does not name its application."""
        number, transition = record
        return {**super().fields(transition, parent), "application_id": parent, "number": number}
