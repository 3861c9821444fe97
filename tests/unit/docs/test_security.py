"""Each control on the page of security that is met is held by a test that is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
HEADS = ("| ---", "| control", "| requirement", "| threat")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(HEADS)]
TESTS = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
}
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("row", ROWS)
def test_what_holds_a_row_is_there(row: str) -> None:
    held_by = row.rstrip(" |").rpartition("| ")[2]
    named = re.findall(r"`([^`]+)`", held_by)
    assert named, row
    for name in named:
        assert name in TESTS or name.removeprefix("make ") in TARGETS, name


def test_settings_that_are_named_exist() -> None:
    settings = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[Ss]ettings? `(\w+)`", PAGE))
    assert {"waf", "auditTrail"} < named
    assert {name for name in named if f"| `{name}` |" not in settings} == set()


@pytest.mark.parametrize(
    "control",
    ["APIGateway.1", "APIGateway.3", "APIGateway.4", *(f"Lambda.{n}" for n in (1, 2, 3, 5, 6, 7)), "DynamoDB.1",
     "DynamoDB.2", "DynamoDB.5", *(f"S3.{n}" for n in (1, 5, 6, 8, 12, 13)), *(f"KMS.{n}" for n in (1, 2, 3, 4)),
     "SNS.1", "SQS.1", "EC2.2", "EC2.6", "EC2.15", "IAM.1", "IAM.21", "CloudWatch.15", "WAF.", "Athena.", "Glue."],
)  # fmt: skip
def test_every_control_that_applies_is_looked_at(control: str) -> None:
    assert control in PAGE
