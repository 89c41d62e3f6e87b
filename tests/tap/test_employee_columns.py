"""Each employee attribute keeps one column of its own, whatever its label says."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tap_personio.attributes import STANDARD, Attribute, column_names, snake_case, split_tags


def names(*labels: str, style: str = "label", standard: bool = True) -> list[str]:
    own = [Attribute(key, universal_id=key) for key in STANDARD] if standard else []
    custom = [Attribute(f"dynamic_{number}", label=label) for number, label in enumerate(labels, start=1)]
    found = column_names([*own, *custom], style)
    return [found[each.key] for each in custom]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("T-shirt size", "t_shirt_size"),
        ("Schuhgröße für Füße", "schuhgroesse_fuer_fuesse"),
        ("Überstunden (%)", "ueberstunden"),
        ("  2nd   phone ", "_2nd_phone"),
        ("🚀 Launch", "launch"),
        ("Straße & Nr.", "strasse_nr"),
        ("U\u0308bung, Années, Åre", "uebung_annees_are"),
        ("Дата", "дата"),
    ],
)
def test_a_label_becomes_snake_case_without_accents(label, name):
    assert snake_case(label) == name


def test_two_attributes_with_one_label_both_name_their_key():
    assert names("Cost object", "cost-object") == ["cost_object_dynamic_1", "cost_object_dynamic_2"]


@pytest.mark.parametrize(
    "label", ["Email", "E MAIL".replace(" ", ""), "Department ID", "department name", "Other fields"]
)
def test_a_custom_attribute_never_takes_the_place_of_a_standard_column(label):
    for standard in (True, False):  # also while the credential cannot read the standard one
        assert names(label, standard=standard) == [f"{snake_case(label)}_dynamic_1"]


def test_a_label_without_letters_falls_back_to_the_key():
    assert names("", "!?!", "🚀") == ["dynamic_1", "dynamic_2", "dynamic_3"]


def test_a_money_attribute_and_one_named_like_its_currency_stay_apart():
    found = names("Bonus", "Bonus currency", "fix salary currency")
    assert len({*found, *(f"{name}_currency" for name in found)}) == 6


def test_keys_as_names_survive_renaming():
    assert names("Cost object", "Cost object", "Email", style="key") == [
        "dynamic_1",
        "dynamic_2",
        "dynamic_3",
    ]


def test_a_preset_goes_by_its_universal_id():
    attributes = [Attribute("dynamic_7", label="Geburtsdatum", universal_id="date_of_birth")]
    assert column_names(attributes, "label") == {"dynamic_7": "date_of_birth"}


labels = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        ["Email", "email_dynamic_2", "dynamic_2", "Cost object", "COST OBJECT", "id", "", "a" * 70]
    ),
)


@given(st.lists(labels, max_size=12), st.randoms(use_true_random=False))
@example(["Cost object", "Cost object", "cost object dynamic 1"], random.Random(0))
def test_any_labels_give_distinct_names_whatever_their_order(labels, shuffle):
    own = [Attribute(key, universal_id=key) for key in STANDARD]
    custom = [Attribute(f"dynamic_{number}", label=label) for number, label in enumerate(labels, start=1)]
    found = column_names([*own, *custom], "label")
    columns = [column.lower() for name in found.values() for column in (name, f"{name}_currency")]
    assert len(columns) == len(set(columns))
    assert all(0 < len(name.encode()) + len("_currency") <= 63 for name in found.values())
    assert all(found[key] == key for key in STANDARD)
    shuffle.shuffle(custom)
    assert column_names([*own, *custom], "label") == found


@given(st.lists(labels, min_size=1, max_size=8), labels)
def test_a_further_attribute_never_swaps_the_columns_of_others(labels, further):
    custom = [Attribute(f"dynamic_{number}", label=label) for number, label in enumerate(labels, start=1)]
    before = column_names(custom, "label")
    after = column_names([*custom, Attribute("dynamic_99", label=further)], "label")
    for key, name in before.items():
        others = {each for other, each in after.items() if other != key}
        assert name not in others or after[key] != name


def test_tags_split_at_commas_but_not_inside_an_option():
    assert split_tags("English,German", ["English", "German"]) == ["English", "German"]
    assert split_tags("a, b,c", ["a, b", "c"]) == ["a, b", "c"]
    assert split_tags("", ["a"]) == []
