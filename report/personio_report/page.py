"""Makes one HTML page of the figures, with everything it needs inside it."""

from __future__ import annotations

import datetime as dt
import html
import json
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

import vl_convert

from personio_report.figures import CHARTS
from personio_report.suppression import OTHERS

if TYPE_CHECKING:
    from personio_report.chart import Chart
    from personio_report.figures import Figures, Row

VEGA_LITE = "6.4"
KIND_COLOURS = 8


def render(figures: Figures) -> str:
    """The page as text. It loads nothing from anywhere, and says so to the browser."""
    template = Template(files("personio_report").joinpath("page.html").read_text(encoding="utf-8"))
    colours = kind_colours(figures)
    loaded = [row["loaded_at"] for row in figures.loads if row["loaded_at"]]
    return template.substitute(
        today=_day(figures.today),
        loaded=f" Last load: {_moment(max(loaded))}." if loaded else "",
        minimum=figures.minimum,
        tiles="\n".join(_tile(*tile) for tile in tiles(figures)),
        charts="\n".join(_card(chart, figures.charts[chart.key], figures.minimum) for chart in CHARTS),
        loads=_table(
            {"table_name": "Table", "row_count": "Rows", "loaded_at": "Last loaded", "read_whole_at": "Last full sync"},
            figures.loads, figures.minimum,
        ),
        history=_since(figures.history_since),
        written_at=_moment(figures.written_at),
        specs=_script_json({chart.key: spec(chart, figures.charts[chart.key], colours) for chart in CHARTS
                            if figures.charts[chart.key]}),
        library=_library(),
    )  # fmt: skip


def _library() -> str:
    """Vega-Lite with all that it needs, as the text of a script."""
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", VEGA_LITE)
    return bundle.replace("</script", r"<\/script")


def kind_colours(figures: Figures) -> dict[str, str]:
    """The name of a colour for each kind of absence, the same in all charts; grey for the others."""
    rows = sorted(figures.charts["absences"], key=lambda row: row["place"]) + figures.charts["balances"]
    kinds = list(dict.fromkeys(row["kind"] for row in rows if row["kind"] != OTHERS))
    colours = {kind: f"$kind{n}" if n <= KIND_COLOURS else "$quiet" for n, kind in enumerate(kinds, 1)}
    return colours | {OTHERS: "$quiet"}


def spec(chart: Chart, rows: list[Row], colours: dict[str, str]) -> dict[str, Any]:
    """The whole Vega-Lite specification of a chart."""
    first = next(iter(chart.columns))
    encoding = dict(chart.spec["encoding"])
    for channel, value in encoding.items():
        if isinstance(value, dict) and value.get("scale") == {"range": "$kinds"}:
            kinds = [kind for kind in colours if any(row["kind"] == kind for row in rows)]
            encoding[channel] = value | {
                "scale": {"domain": kinds, "range": [colours[kind] for kind in kinds]}
            }
    return {
        "$schema": f"https://vega.github.io/schema/vega-lite/v{VEGA_LITE}.json",
        "data": {"values": [{name: _plain(value) for name, value in row.items()} for row in rows]},
        "width": "container",
        "height": chart.height * len({row[first] for row in rows}) if chart.by_row else chart.height,
        "autosize": {"type": "fit", "contains": "padding"},
        **chart.spec,
        "encoding": encoding,
    }


def tiles(figures: Figures) -> list[tuple[str, str, str]]:
    """The figures at the top: value, label, and a word on it. What is computed here is computed from shown figures."""
    s = figures.summary
    people, ago = s["people"], s["people_a_year_ago"]

    def group(number: int | None) -> str:
        return _few(figures.minimum) if number is None else f"{number:,}"

    change = f"{people - ago:+,} in a year".replace("-", "\N{MINUS SIGN}") if people and ago else ""
    starting = f", {s['starting']:,} more start later" if s["starting"] else ""
    found = [
        (group(people), "people", change),
        (group(s["joiners"]), "joiners", "in 12 months" + starting),
        (group(s["leavers"]), "leavers", "in 12 months" + _turnover(s["leavers"], people, ago)),
    ]
    if s["tenure"] is not None:
        found.append((f"{s['tenure']:.1f}", "years with us", "on average"))
    if s["has_absences"]:
        share = f"{s['away'] / people:.0%} of all" if s["away"] and people else ""
        found.append((group(s["away"]), "away today", share))
    if s["sick_days"] is not None:
        found.append((f"{s['sick_days']:.1f}", "sick days", "per person, last 12 whole months"))
    return found


def _turnover(leavers: int | None, people: int | None, ago: int | None) -> str:
    """Leavers of a year by the mean of the headcount at its two ends."""
    return f", {2 * leavers / (people + ago):.0%} turnover" if leavers and people and ago else ""


def _since(day: dt.date | None) -> str:
    return (
        f" Since {_day(day)}, departments are those of the time; before, the first ones known." if day else ""
    )


def _few(minimum: int) -> str:
    return f"under {minimum}"


def _tile(value: str, label: str, note: str) -> str:
    return (
        f'<div class="tile"><div class="value">{html.escape(value)}</div><div class="label">{html.escape(label)}</div>'
        f'<div class="note">{html.escape(note)}</div></div>'
    )


def _card(chart: Chart, rows: list[Row], minimum: int) -> str:
    """A chart with its heading, and its numbers as a table to unfold."""
    wide = " wide" if chart.wide else ""
    heading = f'<h2 id="{chart.key}-title">{html.escape(chart.title)}</h2>'
    if not rows:
        return f'<section class="card{wide}">{heading}<p class="missing">{html.escape(chart.missing)}</p></section>'
    return (
        f'<section class="card{wide}">{heading}<p class="note">{html.escape(chart.note)}</p>'
        f'<div class="chart" id="{chart.key}" role="img" aria-labelledby="{chart.key}-title"></div>'
        f"<details><summary>Numbers</summary>{_table(chart.columns, rows, minimum)}</details></section>"
    )


def _table(columns: dict[str, str], rows: list[Row], minimum: int) -> str:
    hidden = dict.fromkeys(("people", "people_a_year_ago", "row_count"), _few(minimum))
    head = "".join(f"<th{_class(name)}>{html.escape(title)}</th>" for name, title in columns.items())
    body = "".join(
        "<tr>"
        + "".join(f"<td{_class(name)}>{_cell(name, row[name], hidden.get(name))}</td>" for name in columns)
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _class(name: str) -> str:
    return ' class="number"' if name in {"people", "people_a_year_ago", "row_count", "days", "hours"} else ""


def _cell(name: str, value: Any, hidden: str | None) -> str:
    match value:
        case None:
            return hidden or "\N{EN DASH}"
        case dt.datetime():
            return _moment(value)
        case dt.date():
            return f"{value:%b %Y}" if name == "month" else _day(value)
        case int() | float():
            return f"{value:,.0f}"
        case _:
            # A name of a table may break after a word.
            return html.escape(str(value)).replace("_", "_<wbr>")


def _day(value: dt.date) -> str:
    return f"{value.day} {value:%b %Y}"


def _moment(value: dt.datetime) -> str:
    """A moment in UTC; the page writes it in the reader's zone."""
    utc = value.astimezone(dt.UTC)
    return f'<time datetime="{utc:%Y-%m-%dT%H:%M:%SZ}">{_day(utc)}, {utc:%H:%M} UTC</time>'


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def _script_json(value: Any) -> str:
    """JSON that cannot end the script it stands in."""
    return (
        json.dumps(value, ensure_ascii=False, default=float)
        .replace("<", "\\u003c")
        .replace("\u2028", "\\u2028")
    )
