"""The table of docs/privacy.md on what ends when, against what the Pulumi program declares."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from fraudstream import contract
from fraudstream.contract import QUERY_RESULTS_PREFIX, EntityKind
from fraudstream_tools.operations.privacy.erasure.receipt import LOG_DAYS, MARK_DAYS, RECOVERY_DAYS, TRAIL_DAYS
from fraudstream_tools.operations.privacy.system import OF_BUSINESSES, OF_PERSONS, PREFIXES, TABLES
from tests.infrastructure.pulumi_graph_harness import Declare, Graph

PAGE = (Path(__file__).parents[3] / "docs/privacy.md").read_text(encoding="utf-8")
DAY = 24 * 3600
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
WITHOUT_DATA = {
    "apigateway", "athena", "cloudtrail", "cloudwatch", "ec2", "glue", "iam", "kms", "lambda", "pipes", "scheduler",
    "sns", "vpc", "wafv2", "xray",
}  # fmt: skip
"""Services that keep nothing of a transaction; of CloudWatch, all but log groups; of CloudTrail, but in its bucket."""
SETTINGS = {"retentionDays", "decisionLogDays", "reportDays", "oldVersionDays", "auditTrailLockDays"}
OF_AWS = {"$DeletedTableBackup"}
"""What AWS keeps by itself."""


def rows() -> Mapping[str, str]:
    """Give each name in the first column of the table with its end of life."""
    section = PAGE.partition("## What is stored where")[2].partition("## ")[0]
    found: dict[str, str] = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 4 and set(line) - set("|- ") and cells[0] != "store":
            for name in re.findall(r"`([^`]+)`", cells[0]) or [cells[0]]:
                assert name not in found, f"{name} has two rows"
                found[name] = cells[2]
    return found


def bucket_prefixes() -> set[str]:
    names = (value for name, value in vars(contract).items() if name.endswith("_PREFIX"))
    return {name for name in names if name.endswith("/")}


ROWS = rows()


def declared(graph: Graph) -> Mapping[str, float | None]:
    """Give each store of a stack by its name in the table, with its days; None where its items say it themselves."""
    stores: dict[str, float | None] = {}
    for each in graph.of("aws:dynamodb/table:Table"):
        assert each["ttl"] == {"attributeName": "expiresAt", "enabled": True}
        stores[each["name"].removesuffix("test") + "…"] = None
    for each in graph.of("aws:cloudwatch/logGroup:LogGroup"):
        stores[each["name"].removesuffix("test") + "…"] = each["retentionInDays"]
    for each in graph.of("aws:sqs/queue:Queue"):
        stores[each["name"].removesuffix("test") + "…"] = each["messageRetentionSeconds"] / DAY
    if audit := [each for each in graph.of(LIFECYCLE) if each.name == "lifecycle-audit-test"]:
        (rule,) = audit[0]["rules"]
        stores["AWSLogs/"] = stores["bucket-audit-…"] = rule["expiration"]["days"]
    for rule in graph.one(LIFECYCLE, "lifecycle-reports-test")["rules"]:
        if "days" in rule.get("expiration", {}):
            stores[rule["filter"]["prefix"]] = rule["expiration"]["days"]
        else:
            stores["old versions of all objects"] = rule["noncurrentVersionExpiration"]["noncurrentDays"]
    return stores


def test_every_store_of_the_program_has_a_row(everything: Graph) -> None:
    assert declared(everything).keys() - ROWS.keys() == set()


def test_every_row_is_of_something_that_is_there(everything: Graph) -> None:
    prefixes = bucket_prefixes()
    known = {*declared(everything), *prefixes, *OF_AWS, "rulesets/", QUERY_RESULTS_PREFIX}
    assert {name for name in ROWS if name not in known} == {
        "streams of the tables of transactions, alerts and events",
        "traces of X-Ray",
        "point-in-time recovery of every table",
    }


def test_every_prefix_of_the_bucket_has_a_row() -> None:
    prefixes = bucket_prefixes()
    without = {prefix for prefix in prefixes if not any(prefix.startswith(name) for name in ROWS)}
    assert without == set()


def test_ends_of_life_are_those_of_the_program(everything: Graph) -> None:
    for name, days in declared(everything).items():
        words = ROWS[name]
        if setting := re.search(r"`(\w+)`", words):
            assert setting[1] in SETTINGS, name
        elif days is not None:
            assert words == f"{days:g} days", name


@pytest.mark.parametrize("setting", ["decisionLogDays", "reportDays", "oldVersionDays"])
def test_a_setting_ends_the_stores_that_name_it(declare: Declare, setting: str) -> None:
    changed = declared(declare({f"fraudstream:{setting}": "23", "fraudstream:analytics": "true"}))
    named = {name for name, words in ROWS.items() if f"`{setting}`" in words}
    assert named
    assert {name for name, days in changed.items() if days == 23} == named


def test_the_retention_of_items_is_the_setting_of_each_function(declare: Declare) -> None:
    graph = declare({"fraudstream:retentionDays": "77"})
    given = {
        name: value
        for function in graph.of("aws:lambda/function:Function")
        for name, value in function["environment"]["variables"].items()
        if name.endswith("RETENTION_DAYS")
    }
    assert given == dict.fromkeys(["RETENTION_DAYS", "PROFILE_RETENTION_DAYS", "ALERT_RETENTION_DAYS"], "77")
    assert all("`retentionDays`" in ROWS[f"table-{purpose}-…"] for purpose in {*TABLES} - {"outbox"})
    assert ROWS["table-outbox-…"] == f"{contract.OUTBOX_RETENTION_DAYS} days"


def test_by_default_labels_reach_transactions_of_half_a_year(declare: Declare) -> None:
    processor = declare({}).one("aws:lambda/function:Function", "lambda-transaction-processor-test")
    assert int(processor["environment"]["variables"]["RETENTION_DAYS"]) >= 180


def test_copies_that_aws_keeps_end_as_said(everything: Graph) -> None:
    for each in everything.of("aws:dynamodb/table:Table"):
        assert each["pointInTimeRecovery"] == {"enabled": True}, "a shorter period is to be said in the page"
    assert ROWS["point-in-time recovery of every table"] == f"{RECOVERY_DAYS} days"
    assert declared(everything)["AWSLogs/"] == TRAIL_DAYS
    assert ROWS["AWSLogs/"].startswith(f"{TRAIL_DAYS} days")
    assert {each["retentionInDays"] for each in everything.of("aws:cloudwatch/logGroup:LogGroup")} == {LOG_DAYS}


def test_marks_of_erasures_are_gone_when_receipts_say_so(declare: Declare) -> None:
    rules = declare({"fraudstream:oldVersionDays": "365"}).one(LIFECYCLE, "lifecycle-reports-test")["rules"]
    (rule,) = [each for each in rules if each["filter"]["prefix"] == contract.ERASURE_MARKS_PREFIX]
    days = rule["expiration"]["days"], rule["noncurrentVersionExpiration"]["noncurrentDays"]
    # S3 ends a day at the next midnight: an object's, and the one of what was overwritten or deleted.
    assert sum(each + 1 for each in days) == MARK_DAYS
    assert days[0] * DAY > contract.ERASURE_MARK_SECONDS


def test_a_new_kind_of_service_is_looked_at(everything: Graph) -> None:
    """Whoever adds a service says here whether it keeps anything, and if so, in the table and in the register."""
    services = {each.type.split(":")[1].split("/")[0] for each in everything.aws()}
    assert services - WITHOUT_DATA == {"dynamodb", "s3", "sqs"}


def test_every_table_and_every_kind_of_entity_is_in_the_register_of_erasures(everything: Graph) -> None:
    tables = {each["name"] for each in everything.of("aws:dynamodb/table:Table")}
    assert tables == {f"table-{purpose}-test" for purpose in TABLES}
    assert frozenset(EntityKind) == OF_PERSONS | OF_BUSINESSES
    assert not OF_PERSONS & OF_BUSINESSES
    assert all(prefix in ROWS for prefix in PREFIXES)
