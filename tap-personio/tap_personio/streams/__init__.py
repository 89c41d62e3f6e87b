"""All streams, in the order of the docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_personio.streams import (
    employees,
    v1,
    v1_reports,
    v2_company,
    v2_people,
    v2_recruiting,
    v2_reports,
    v2_time,
    v2_webhooks,
)

if TYPE_CHECKING:
    from tap_personio.stream import PersonioStream

STREAMS: tuple[type[PersonioStream], ...] = (
    employees.Employees,
    v1.AbsenceTypes,
    v1.Absences,
    v1.Attendances,
    v1.Projects,
    v1.DocumentCategories,
    v1_reports.CustomReportsList,
    v1.EmployeesAbsencesBalance,
    v1.HourlyAbsences,
    v1_reports.CustomReports,
    employees.EmployeeAttributes,
    v2_people.Persons,
    v2_people.Employments,
    v2_time.AbsencePeriods,
    v2_time.AbsencePeriodBreakdowns,
    v2_time.AbsenceTypesV2,
    v2_time.AttendancePeriods,
    v2_time.ProjectsV2,
    v2_time.ProjectMembers,
    v2_company.Compensations,
    v2_company.CompensationTypes,
    v2_company.LegalEntities,
    v2_company.OrgUnits,
    v2_company.CostCenters,
    v2_company.Workplaces,
    v2_company.Jobs,
    v2_company.SalaryBands,
    v2_reports.Documents,
    v2_reports.ReportsList,
    v2_reports.ReportAttributes,
    v2_reports.Reports,
    v2_recruiting.RecruitingApplications,
    v2_recruiting.RecruitingCandidates,
    v2_recruiting.RecruitingJobs,
    v2_recruiting.RecruitingCategories,
    v2_recruiting.RecruitingStageTransitions,
    v2_webhooks.WebhookEvents,
)
