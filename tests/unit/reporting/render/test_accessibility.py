"""The page for those who read it by ear, by keyboard, in the dark or with weak eyes; and for nobody's script."""

import re
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from fraudstream.reporting.render.csv import to_csv
from fraudstream.reporting.render.html import SHOWN_UNDECIDED, to_html
from fraudstream.transactions.decisions.decision import Truth, Verdict
from tests.unit.reporting.decision_log_harness import HOUR, MIDNIGHT, Stream, item, report_of, transaction

STYLE = files("fraudstream.reporting.render").joinpath("templates/style.css").read_text()
TEXT_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3, level AA."""
GRAPHIC_CONTRAST = 3.0
"""WCAG 2.2, success criterion 1.4.11, level AA."""


def palettes() -> list[dict[str, str]]:
    """Give the page's colours, light and dark."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in blocks]


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", palettes(), ids=["light", "dark"])
def test_text_and_charts_stand_out_from_the_page(colours: dict[str, str]) -> None:
    for text in ("ink", "soft"):
        for ground in ("page", "card"):
            assert contrast(colours[text], colours[ground]) >= TEXT_CONTRAST
    for graphic in ("approve", "review", "decline", "accent"):
        assert contrast(colours[graphic], colours["page"]) >= GRAPHIC_CONTRAST


class Outline(HTMLParser):
    """Collects elements with the path of tags that they stand in."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.path: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.feed(html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), tuple(self.path)))
        if tag not in {"meta", "rect", "line", "br"}:
            self.path.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), tuple(self.path)))

    def handle_endtag(self, tag: str) -> None:
        assert self.path.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]


def busy_day() -> Stream:
    stream = Stream()
    stream.store_and_decide(transaction(1), Verdict.DECLINE, rules=("card-velocity",))
    stream.store_decide_and_label(transaction(2, currency="JPY"), Verdict.REVIEW, Truth.FRAUD)
    stream.add(item(transaction(3)), at=MIDNIGHT + 9 * HOUR)
    return stream


@pytest.fixture
def page(tmp_path: Path) -> Outline:
    return Outline(to_html(report_of(busy_day(), tmp_path, {"t-1", "t-2", "t-9"})))


def test_headings_go_down_one_level_at_a_time(page: Outline) -> None:
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_chart_says_in_words_what_it_shows(page: Outline) -> None:
    charts = page.all("svg")
    assert len(charts) == 4
    ids = {attributes.get("id"): tag for tag, attributes, _ in page.elements}
    for chart in charts:
        title, description = str(chart["aria-labelledby"]).split()
        assert chart["role"] == "img"
        assert (ids[title], ids[description]) == ("title", "desc")


def test_header_cells_have_scopes_and_wide_tables_scroll_by_keyboard(page: Outline) -> None:
    assert page.all("table")
    assert {header.get("scope") for header in page.all("th")} == {"row", "col"}
    regions = [attributes for attributes in page.all("div") if attributes.get("class") == "wide"]
    assert len(regions) == len(page.all("table"))
    assert all(region["tabindex"] == "0" and region["role"] == "region" for region in regions)


def test_no_id_is_given_twice_and_every_reference_leads_somewhere(page: Outline) -> None:
    ids = [str(attributes["id"]) for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = [str(attributes.get("aria-labelledby", "")) for _, attributes, _ in page.elements]
    assert {each for label in labels for each in label.split()} <= set(ids)
    assert page.all("html") == [{"lang": "en"}]


def test_what_the_log_carries_is_text_and_never_markup(tmp_path: Path) -> None:
    stream = Stream()
    hostile = "<script>alert(1)</script>"
    stream.store_and_decide(transaction(1), Verdict.REVIEW, rules=(hostile,))
    stream.add(item(msgspec.structs.replace(transaction(2), transaction_id=hostile)), at=MIDNIGHT + 9 * HOUR)
    html = to_html(report_of(stream, tmp_path)).decode()
    assert "<script" not in html.lower()
    assert "&lt;script&gt;alert(1)" in html


def test_nothing_is_said_to_have_been_prevented(tmp_path: Path) -> None:
    html = to_html(report_of(busy_day(), tmp_path)).decode().lower()
    assert "caught" in html
    assert "prevent" not in html


def test_a_page_of_an_outage_names_the_oldest_and_the_csv_has_all(tmp_path: Path) -> None:
    stream = Stream()
    for number in range(SHOWN_UNDECIDED + 20):
        at = MIDNIGHT + number * 1000
        stream.add(item(transaction(number, at=at)), at=at)
    report = report_of(stream, tmp_path)
    html = to_html(report).decode()
    assert f"<code>t-{SHOWN_UNDECIDED - 1}</code>" in html
    assert f"<code>t-{SHOWN_UNDECIDED}</code>" not in html
    assert "The CSV has 20 more." in html
    assert to_csv(report).decode().count("\nundecided,") == SHOWN_UNDECIDED + 20
