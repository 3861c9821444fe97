"""What `docs/report.md` and the JSON Schema beside it tell is so."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec

from fraudstream.reporting.daily.figures.breakdowns import BURST_DEVIATIONS, BURST_LEAST, BURST_MINUTES
from fraudstream.reporting.daily.figures.comparisons import DEVIATIONS, LEAST_DAYS, LEAST_SHARE_OF_MEAN
from fraudstream.reporting.daily.figures.rules import NOISY_BELOW, NOISY_LABELS
from fraudstream.reporting.daily.schema.report import REPORT_SCHEMA_VERSION, DailyReport
from fraudstream.reporting.render.heatmap import HEAT_DAYS

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "report.md").read_text()
WORDS = " ".join(PAGE.split())


def parts(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """Give the structures that a type is made of, itself first."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        for field in msgspec.structs.fields(kind):
            yield from parts(field.type)
    else:
        for inner in get_args(kind):
            yield from parts(inner)


def test_every_field_of_every_part_is_described_in_its_order() -> None:
    rows = dict(re.findall(r"^\| (the report|`\w+`) \| (.+) \|$", PAGE, re.MULTILINE))
    described = {name.strip("`"): re.findall(r"`(\w+)`", fields) for name, fields in rows.items()}
    assert described == {
        "the report" if part is DailyReport else part.__name__: [
            field.encode_name for field in msgspec.structs.fields(part)
        ]
        for part in parts(DailyReport)
    }


def test_the_schema_is_the_reports() -> None:
    schema = msgspec.json.encode(msgspec.json.schema(DailyReport))
    written = (DOCS / "report.schema.json").read_bytes()
    assert msgspec.json.decode(written) == msgspec.json.decode(schema), "write it anew: make openapi"
    assert f"`schemaVersion` is {REPORT_SCHEMA_VERSION};" in PAGE


def test_the_limits_are_those_of_the_code() -> None:
    assert (DEVIATIONS, LEAST_DAYS, LEAST_SHARE_OF_MEAN) == (3, 7, 0.05)
    assert "more than three standard deviations from that mean, of at least seven days" in WORDS
    assert f"at least {NOISY_LABELS} labels, and even the upper end of the interval below {NOISY_BELOW:.0%}" in (
        WORDS.replace("10 %", "10%")
    )
    assert f"of the last {HEAT_DAYS} days" in WORDS
    assert (BURST_MINUTES, BURST_LEAST, BURST_DEVIATIONS) == (10, 5, 5)
    assert "ten minutes or more in which a rule flagged at least five transactions and five standard" in WORDS
