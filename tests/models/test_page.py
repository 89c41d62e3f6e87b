"""The page, from the models of the company."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import page_attack
import pytest
import vl_convert
from pair import Pair
from personio_report.chart import Chart
from personio_report.figures import CHARTS, read
from personio_report.page import VEGA_LITE, kind_colours, render, spec

from .conftest import ROOT, TODAY, rows

pytestmark = pytest.mark.full

COMMAND = str(Path(sys.executable).parent / "personio-report")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def page(company: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    subprocess.run([COMMAND, str(company.database), "--output", str(path)], check=True, capture_output=True)
    return path


def drawing(chart: Chart, company: Pair) -> str:
    """The chart as SVG, by the library that the page carries."""
    figures = read(str(company.database))
    whole = json.dumps(spec(chart, figures.charts[chart.key], kind_colours(figures)))
    whole = json.loads(re.sub(r'"\$(people|leavers|hours|quiet|kind\d|text)"', '"#888"', whole))
    svg: str = vl_convert.vegalite_to_svg(whole | {"width": 600}, vl_version=VEGA_LITE)
    return svg


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.key)
def test_every_chart_is_drawn_with_its_marks(company: Pair, chart: Chart) -> None:
    svg = drawing(chart, company)
    assert "NaN" not in svg
    assert "undefined" not in svg
    assert len(re.findall(r'aria-roledescription="bar"', svg)) > 0


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [1200, 500])
def test_a_browser_draws_all_charts_without_a_problem(page: Path, width: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}",
            f"--window-size={width},2000", "--virtual-time-budget=10000", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    body = re.search(r"<body[^>]*>", done.stdout)
    assert body is not None
    assert f'data-drawn="{len(CHARTS)}"' in body[0]
    assert "data-problems" not in body[0]
    assert len(re.findall(r"<svg[^>]*marks", done.stdout)) == len(CHARTS)


def test_what_is_not_over_is_marked_and_ends_today(company: Pair) -> None:
    """The month or year of the day of the page, everywhere; planned days after it are not in it."""
    charts = read(str(company.database)).charts
    for key, period in (("people", "day"), ("movement", "period"), ("absences", "month"), ("hours", "month")):
        last = charts[key][-1][period]
        assert {row[period] for row in charts[key] if not row["is_over"]} == {last}
    planned = rows(company.database, f"SELECT sum(days) FROM hr.absence_days WHERE date > DATE '{TODAY}'")
    assert planned[0][0] > 0
    assert charts["absences"][-1]["month"] == TODAY.replace(day=1)


def test_dates_are_written_one_way_and_a_kind_has_one_colour(company: Pair, page: Path) -> None:
    text = without_library(page)
    visible = re.sub(r"<[^>]*>", " ", text[text.index("<main>") : text.rindex("<script>")])
    assert "As of 15 Jun 2026." in visible
    assert "May 2026" in visible
    assert re.search(r"Since \d+ [A-Z][a-z]{2} \d{4}, departments are those of the time", visible)
    assert re.findall(r"\d{4}-\d\d|\d{1,2}/\d{1,2}|\b\d\d [A-Z][a-z]{3,} \d{4}", visible) == []
    figures, colours = read(str(company.database)), {}
    for chart in CHARTS:
        for channel in spec(chart, figures.charts[chart.key], kind_colours(figures))["encoding"].values():
            scale = channel.get("scale", {}) if isinstance(channel, dict) else {}
            for kind, colour in zip(scale.get("domain", ()), scale.get("range", ()), strict=False):
                assert colours.setdefault(kind, colour) == colour
    assert len({colour for kind, colour in colours.items() if colour != "$quiet"}) >= 4


def without_library(page: Path) -> str:
    """The page's own text, without Vega."""
    text = page.read_text()
    return text[: text.index("<script>")] + text[text.rindex("<script>") :]


def test_the_page_loads_nothing(page: Path) -> None:
    text = without_library(page)
    assert re.search(r"default-src 'none'", text)
    assert re.findall(r"<(?:link|img|iframe|script)[^>]*(?:src|href)=|https?://(?!vega)", text) == []


def test_nobody_is_named_on_the_page(company: Pair, page: Path) -> None:
    text = without_library(page)
    for each in company.sandbox.company.employees.values():
        assert each.attributes["email"] not in text
        assert f"{each.attributes['first_name']} {each.attributes['last_name']}" not in text
        assert str(each.id) not in text


def test_no_difference_of_two_figures_is_about_a_few_people(company: Pair, page: Path) -> None:
    """test_suppression.py does the same with many invented companies."""
    assert page_attack.attack(company.database, page.read_text(), 5, TODAY) == []


def test_the_database_says_that_its_tables_are_exact(company: Pair) -> None:
    found = rows(company.database, "SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'hr'")
    assert len(found) > 9
    assert [table for table, comment in found if "Not suppressed:" not in (comment or "")] == []


def test_without_data_every_chart_says_what_is_missing(empty: Path) -> None:
    page = render(read(str(empty)))
    assert page.count('class="missing"') == len(CHARTS)


def test_a_database_without_models_is_told_how_to_get_them(company: Pair, tmp_path: Path) -> None:
    raw = tmp_path / "raw.duckdb"
    duckdb.connect(str(raw)).close()
    for database, told in (
        (raw, "meltano run dbt-duckdb:build"),
        (tmp_path / "none.duckdb", "there is no database"),
    ):
        done = subprocess.run(
            [COMMAND, str(database)], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 1
        assert told in done.stderr
        assert done.stderr.count("\n") == 1


def test_only_its_owner_can_read_the_page_and_a_link_is_not_followed(company: Pair, tmp_path: Path) -> None:
    readable, elsewhere, link = tmp_path / "old.html", tmp_path / "elsewhere", tmp_path / "link.html"
    readable.touch(mode=0o644)
    elsewhere.write_text("untouched")
    link.symlink_to(elsewhere)
    runs = [
        subprocess.run(
            [COMMAND, str(company.database), "--output", str(path)],
            capture_output=True, text=True, check=False, umask=0,
        )
        for path in (readable, tmp_path / "new" / "page.html", link)
    ]  # fmt: skip
    assert [run.returncode for run in runs] == [0, 0, 1]
    assert readable.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "page.html").stat().st_mode & 0o777 == 0o600
    assert runs[2].stderr.count("\n") == 1
    assert "is a link" in runs[2].stderr
    assert elsewhere.read_text() == "untouched"
    assert {path.name for path in tmp_path.iterdir()} == {"old.html", "new", "elsewhere", "link.html"}


def test_what_make_writes_is_for_its_owner_only(company: Pair, tmp_path: Path) -> None:
    database = tmp_path / "output" / "company.duckdb"
    database.parent.mkdir(mode=0o700)
    shutil.copy(company.database, database)
    database.chmod(0o600)
    folders = {"DBT_TARGET_PATH": str(tmp_path / "target"), "DBT_LOG_PATH": str(tmp_path / "logs")}
    subprocess.run(
        ["make", "--silent", "page", f"DB={database}"],
        cwd=ROOT, env={**os.environ, **folders, "DBT_DUCKDB_RAW_SCHEMA": "main"}, check=True, umask=0,
    )  # fmt: skip
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"company.html", "company.duckdb", "manifest.json", "dbt.log"} <= {path.name for path in written}
    assert [path for path in written if path.stat().st_mode & 0o077] == []
