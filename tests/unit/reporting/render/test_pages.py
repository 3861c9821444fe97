"""How the report reads: as a page, as JSON and as CSV, on every kind of day."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fraudstream.reporting.daily.schema.report import REPORT_SCHEMA_VERSION, DailyReport
from fraudstream.reporting.render.csv import to_csv
from fraudstream.reporting.render.html import to_html, to_json
from fraudstream.transactions.decisions.decision import Truth, Verdict
from tests.unit.reporting.decision_log_harness import HOUR, MIDNIGHT, Stream, item, report_of, transaction

VOID = {"meta", "rect", "line", "br"}


class Page(HTMLParser):
    """Reads a page strictly: every tag is closed in order."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html.decode())
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += " ".join(data.split()) + " "


def quiet(_: Stream) -> None:
    pass


def only_one(stream: Stream) -> None:
    stream.store_and_decide(transaction(1))


def only_declines(stream: Stream) -> None:
    for number in range(4):
        stream.store_and_decide(transaction(number), Verdict.DECLINE, rules=("blocked-list",))


def nothing_decided(stream: Stream) -> None:
    stream.add(item(transaction(1)), at=MIDNIGHT + 9 * HOUR)


def all_kinds(stream: Stream) -> None:
    only_declines(stream)
    stream.store_and_decide(transaction(8, currency="JPY", amount=1_234_567))
    stream.store_and_decide(transaction(9, currency="BHD", amount=1_234_567))
    stream.store_decide_and_label(transaction(10), Verdict.REVIEW, Truth.FRAUD)


DAYS = {"quiet": quiet, "only-one": only_one, "declines": only_declines, "undecided": nothing_decided, "all": all_kinds}


def made(day: str, folder: Path) -> DailyReport:
    stream = Stream()
    DAYS[day](stream)
    return report_of(stream, folder)


@pytest.mark.parametrize("day", DAYS)
def test_the_page_stands_alone_and_is_well_formed(day: str, tmp_path: Path) -> None:
    page = Page(to_html(made(day, tmp_path)))

    assert not [tag for tag, _ in page.tags if tag in {"script", "link", "iframe", "img"}]
    links = [attributes["href"] or "" for _, attributes in page.tags if "href" in attributes]
    assert all(link.startswith("#") for link in links)
    assert {link[1:] for link in links} <= {attributes.get("id") for _, attributes in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name in {"src", "onclick", "style"}]
    assert "url(" not in to_html(made(day, tmp_path)).decode()
    assert [tag for tag, _ in page.tags if re.fullmatch(r"h\d", tag)][:1] == ["h1"]
    assert all("aria-labelledby" in attributes for tag, attributes in page.tags if tag == "svg")
    assert sum(tag == "caption" for tag, _ in page.tags) == sum(tag == "table" for tag, _ in page.tags)
    assert "None" not in page.text
    assert "nan" not in page.text.lower().split()


def test_a_quiet_day_says_so(tmp_path: Path) -> None:
    assert "A quiet day: no transaction was received." in Page(to_html(made("quiet", tmp_path))).text


def test_without_labels_fraud_is_not_measurable(tmp_path: Path) -> None:
    assert "not measurable" in Page(to_html(made("only-one", tmp_path))).text


def test_amounts_have_their_currencys_decimals_and_grouping(tmp_path: Path) -> None:
    text = Page(to_html(made("all", tmp_path))).text
    assert "1,234,567 JPY" in text
    assert "1,234.567 BHD" in text
    assert "62.50 EUR" in text


def test_a_balance_that_is_off_is_said_first_and_the_undecided_are_named(tmp_path: Path) -> None:
    text = Page(to_html(made("undecided", tmp_path))).text
    assert "Not everything is accounted for:" in text
    assert "1 of 1 stored transaction undecided." in text
    assert "t-1" in text


def test_the_json_report_has_a_versioned_schema_and_the_same_figures(tmp_path: Path) -> None:
    report = made("all", tmp_path)
    found = json.loads(to_json(report))
    assert found["schemaVersion"] == REPORT_SCHEMA_VERSION
    assert found["decisions"] == {"approve": 2, "review": 1, "decline": 4}
    assert found["revision"] == {"number": 1, "content": report.revision.content, "changes": [], "parts": []}
    assert found["reconciliation"]["stored"] == 7


def test_the_csv_report_holds_every_table_in_major_units(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(made("all", tmp_path)).decode())))
    values = {(row["table"], row["row"], row["measure"]): row["value"] for row in rows}
    assert values["currencies", "BHD", "value"] == "1234.567"
    assert values["currencies", "JPY", "value"] == "1234567"
    assert values["decisions", "2026-11-22", "decline"] == "4"
    assert values["rules", "blocked-list", "hits"] == "4"
    assert values["hours", "09", "approve"] == "2"
    assert {row["table"] for row in rows} >= {"decisions", "currencies", "rules", "hours", "scores", "reconciliation"}


def test_the_cost_is_that_of_the_readmes_table(tmp_path: Path) -> None:
    readme = Path("README.md").read_text()
    found = re.search(r"^\| together \| .* \| \$([\d.]+) \|$", readme, re.MULTILINE)
    assert found
    assert f"cost about ${float(found[1]) / 1000:.3f}" in to_html(made("all", tmp_path)).decode()
