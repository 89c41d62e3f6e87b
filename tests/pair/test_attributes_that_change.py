"""Attributes that are renamed, hidden or get a namesake: the line in the log names the old column and the new one."""

from __future__ import annotations

import pytest
from in_process import Warehouse
from pair import Pair
from personio_sandbox import Sandbox


@pytest.fixture
def sandbox():
    with Sandbox(employees=8, attendances_per_employee=1, absences_per_employee=1, seed=3) as sandbox:
        yield sandbox


def key_of(sandbox, label: str) -> str:
    return next(key for key, each in sandbox.company.attributes.items() if each.label == label)


def rename(sandbox, key: str, label: str) -> None:
    sandbox.company.alter_attribute(key, label=label)


def values(pair, column: str) -> set[object]:
    return {row[column] for row in pair.read("employees", ["id"]).values()} - {None, ""}


def test_a_renamed_attribute_is_named_with_its_old_and_its_new_column(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, streams=["employees"])
    assert pair.run().warnings == []
    sizes = values(pair, "t_shirt_size")
    assert sizes
    rename(sandbox, key_of(sandbox, "T-shirt size"), "Größe des T-Shirts")
    pair.rediscover()
    [warning] = pair.run().warnings
    assert "t_shirt_size is now groesse_des_t_shirts" in warning
    assert (values(pair, "t_shirt_size"), values(pair, "groesse_des_t_shirts")) == (set(), sizes)
    assert pair.run().warnings == []


def test_a_second_attribute_with_the_same_label_is_told_too(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, streams=["employees", "persons"])
    pair.run()
    first, second = (key_of(sandbox, label) for label in ("Badge number", "Ledger number"))
    rename(sandbox, second, "Badge number")
    pair.rediscover()
    warnings = pair.run().warnings
    assert len(warnings) == 2, warnings
    for stream, warning in zip(("employees", "persons"), sorted(warnings), strict=True):
        assert f"Columns of {stream} " in warning
        assert (
            f"badge_number is now badge_number_{first}, ledger_number is now badge_number_{second}" in warning
        )


def test_an_attribute_that_is_hidden_is_named_though_another_one_is_new(sandbox, caplog):
    new = key_of(sandbox, "Visa expiry")
    sandbox.rights.hide_attributes(new)
    warehouse = Warehouse(sandbox, ["employees"])
    warehouse.read()
    sandbox.rights.reset()
    sandbox.rights.hide_attributes("gender")
    warehouse.read()
    [warning] = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert "their columns become empty: gender." in warning


def test_a_run_that_failed_tells_again(sandbox, caplog):
    warehouse = Warehouse(sandbox, ["employees"])
    warehouse.read()
    rename(sandbox, key_of(sandbox, "Notes"), "Remarks")
    sandbox.faults.add("500", "/v1/company/employees", nth=2, times=6)
    assert warehouse.read().error
    assert warehouse.read().error is None
    told = [each for each in caplog.messages if "notes is now remarks" in each]
    assert len(told) == 2


def test_only_attributes_with_a_currency_have_a_column_for_it(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, streams=["employees"])
    pair.run()
    currencies = {name for name in pair.types("employees") if name.endswith("_currency")}
    assert currencies == {"fix_salary_currency", "hourly_salary_currency", "car_allowance_currency"}
    # A currency that was not there at discovery is not lost.
    distance = key_of(sandbox, "Commuting distance")
    sandbox.company.alter_attribute(distance, money=True)
    sandbox.company.update("employees", 1003, first_name="Ada")
    pair.run()
    row = pair.read("employees", ["id"])[1003,]
    assert row["other_fields"] == {"commuting_distance_currency": sandbox.company.employees[1003].currency}


def test_without_custom_numbers_discovery_asks_no_employee(tmp_path):
    options = {"employees": 3, "attendances_per_employee": 1, "absences_per_employee": 1}
    with Sandbox(**options) as sandbox:
        for key, each in list(sandbox.company.attributes.items()):
            if each.custom and each.kind == "decimal":
                sandbox.rights.hide_attributes(key)
        Pair(tmp_path, sandbox).catalog()
        warehouse = Warehouse(sandbox, ["projects"])
        warehouse.read()
        assert not sandbox.requests.to("/v1/company/employees")
