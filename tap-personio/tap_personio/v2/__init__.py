"""The streams of Personio's API v2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_personio.v2.company import (
    Compensations,
    CompensationTypes,
    CostCenters,
    Jobs,
    LegalEntities,
    OrgUnits,
    SalaryBands,
    Workplaces,
)
from tap_personio.v2.people import Employments, Persons
from tap_personio.v2.recruiting import (
    RecruitingApplications,
    RecruitingCandidates,
    RecruitingCategories,
    RecruitingJobs,
    RecruitingStageTransitions,
)
from tap_personio.v2.reports import Documents, Reports
from tap_personio.v2.time import (
    AbsencePeriodBreakdowns,
    AbsencePeriods,
    AbsenceTypesV2,
    AttendancePeriods,
    ProjectMembers,
    ProjectsV2,
)
from tap_personio.v2.webhooks import WebhookEvents

if TYPE_CHECKING:
    from tap_personio.stream import PersonioStream

V2_STREAMS: tuple[type[PersonioStream], ...] = (
    Persons,
    Employments,
    AbsencePeriods,
    AbsencePeriodBreakdowns,
    AbsenceTypesV2,
    AttendancePeriods,
    ProjectsV2,
    ProjectMembers,
    Compensations,
    CompensationTypes,
    LegalEntities,
    OrgUnits,
    CostCenters,
    Workplaces,
    Jobs,
    SalaryBands,
    Documents,
    Reports,
    RecruitingApplications,
    RecruitingCandidates,
    RecruitingJobs,
    RecruitingCategories,
    RecruitingStageTransitions,
    WebhookEvents,
)

__all__ = ["V2_STREAMS", "WebhookEvents"]
