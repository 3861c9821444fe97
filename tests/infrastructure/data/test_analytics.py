"""Athena over the decision log: with the setting, everything that it takes; without it, nothing."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fraudstream.contract import DECISION_LOG_PREFIX
from fraudstream.reporting.log.columns import FILES
from fraudstream.reporting.log.keys import LogTable, table_prefix
from infra.data.analytics import QUERIES
from tests.infrastructure import iam_lint_harness
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, Declare, Graph, Resource

BUCKET = f"bucket-reports-{ACCOUNT}-test"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
DATABASE = "aws:glue/catalogDatabase:CatalogDatabase"
TABLE = "aws:glue/catalogTable:CatalogTable"
WORKGROUP = "aws:athena/workgroup:Workgroup"
QUERY = "aws:athena/namedQuery:NamedQuery"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
PAGE = (Path(__file__).parents[3] / "docs/analytics.md").read_text()
TABLES = (LogTable.DECISIONS, LogTable.LABELS, LogTable.HITS, LogTable.TALLIES)


def table(graph: Graph, name: LogTable) -> Resource:
    return graph.one(TABLE, f"catalog-table-{name}-test")


def expiries(graph: Graph) -> dict[str, int]:
    rules = graph.one(LIFECYCLE)["rules"]
    return {rule["filter"]["prefix"]: rule["expiration"]["days"] for rule in rules if "days" in rule["expiration"]}


def test_nothing_of_it_is_there_unasked(graph: Graph) -> None:
    assert not [each.name for each in graph.aws() if each.type.startswith(("aws:athena/", "aws:glue/"))]
    assert not {"analyticsDatabase", "analyticsWorkgroup"} & graph.outputs.keys()


def test_results_of_queries_end_also_where_it_was_turned_off(graph: Graph) -> None:
    assert expiries(graph)["query-results/"] == 7


def test_with_the_setting_there_is_nothing_else_beside_it(graph: Graph, analytics: Graph) -> None:
    more = {each.urn for each in analytics.resources} - {each.urn for each in graph.resources}
    kinds = {each.type for each in analytics.resources if each.urn in more}
    assert kinds == {"fraudstream:infra:Analytics", DATABASE, TABLE, WORKGROUP, QUERY}


def test_the_operator_is_told_where_to_ask(analytics: Graph) -> None:
    assert analytics.outputs["analyticsDatabase"] == "database_decision_log_test"
    assert analytics.outputs["analyticsWorkgroup"] == "workgroup-decision-log-test"


def test_the_databases_name_is_one_that_athena_can_speak_of(declare: Declare) -> None:
    renamed = declare({"fraudstream:analytics": "true", "fraudstream:environmentSuffix": "green-2"})
    assert renamed.one(DATABASE)["name"] == "database_decision_log_green_2"


def test_the_bytes_that_a_query_may_read_are_a_setting(declare: Declare) -> None:
    raised = declare({"fraudstream:analytics": "true", "fraudstream:analyticsCutoffGib": "500"})
    assert raised.one(WORKGROUP)["configuration"]["bytesScannedCutoffPerQuery"] == 500 * 2**30


def test_there_is_a_table_for_each_kind_of_file_that_can_be_asked(analytics: Graph) -> None:
    assert {each["name"] for each in analytics.of(TABLE)} == set(TABLES)
    for each in analytics.of(TABLE):
        assert each["databaseName"] == "database_decision_log_test"
        assert each["tableType"] == "EXTERNAL_TABLE"
        assert each["parameters"]["classification"] == "parquet"
        storage = each["storageDescriptor"]
        assert storage["serDeInfo"]["serializationLibrary"].endswith("ParquetHiveSerDe")
        assert storage["inputFormat"].endswith("MapredParquetInputFormat")


@pytest.mark.parametrize("name", TABLES)
def test_a_projected_day_lies_where_the_merge_writes_it(analytics: Graph, name: LogTable) -> None:
    found = table(analytics, name)
    (partition,) = found["partitionKeys"]
    # Without a template Athena takes the folder to be named KEY=VALUE, as it is.
    assert "storage.location.template" not in found["parameters"]
    day = date(2026, 11, 22)
    projected = f"{found['storageDescriptor']['location']}{partition['name']}={day:%Y-%m-%d}/"
    reporter = analytics.one("aws:lambda/function:Function", "lambda-report-generator-test")["environment"]["variables"]
    assert reporter["BUCKET"] == BUCKET
    assert projected == f"s3://{BUCKET}/{table_prefix(DECISION_LOG_PREFIX, name, day)}"


def test_days_are_projected_as_long_as_anything_of_them_is_kept(declare: Declare) -> None:
    days = {"fraudstream:retentionDays": "31", "fraudstream:decisionLogDays": "90"}
    for each in declare({"fraudstream:analytics": "true", **days}).of(TABLE):
        projection = {name: value for name, value in each["parameters"].items() if name.startswith("projection.")}
        assert projection == {
            "projection.enabled": "true",
            "projection.date.type": "date",
            "projection.date.format": "yyyy-MM-dd",
            # A label may come on a transaction's last day in the table, and then stays as long as the log.
            "projection.date.range": "NOW-121DAYS,NOW",
            "projection.date.interval": "1",
            "projection.date.interval.unit": "DAYS",
        }


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_those_of_the_files_in_athenas_types(analytics: Graph, name: LogTable) -> None:
    columns = {each["name"]: each["type"] for each in table(analytics, name)["storageDescriptor"]["columns"]}
    assert list(columns) == [column.lower() for column in FILES[name]]
    assert set(columns.values()) <= {
        "array<double>", "array<string>", "bigint", "binary", "boolean", "decimal(38,0)", "double", "string"
    }  # fmt: skip


def test_columns_of_every_kind_have_the_type_that_they_should(analytics: Graph) -> None:
    columns = {each["name"]: each["type"] for each in table(analytics, LogTable.LABELS)["storageDescriptor"]["columns"]}
    assert (columns["transactionid"], columns["amountminor"], columns["score"]) == ("string", "bigint", "bigint")
    assert (columns["sources"], columns["points"]) == ("array<string>", "array<double>")
    assert (columns["features"], columns["label"]) == ("binary", "string")
    assert (columns["featureschema"], columns["amountbase"]) == ("bigint", "double")
    tallies = {
        each["name"]: each["type"] for each in table(analytics, LogTable.TALLIES)["storageDescriptor"]["columns"]
    }
    assert tallies["amountminor"] == "decimal(38,0)"


def test_a_features_column_says_what_it_means(analytics: Graph) -> None:
    columns = table(analytics, LogTable.DECISIONS)["storageDescriptor"]["columns"]
    comments = {each["name"]: each.get("comment") for each in columns}
    assert comments["cardcount1h"] == "the card's earlier spending transactions in 1 hour (feature since schema 3)"
    assert all(len(comment) <= 255 for comment in comments.values() if comment)


def test_nobody_gets_round_what_the_workgroup_says(analytics: Graph) -> None:
    workgroup = analytics.one(WORKGROUP)
    assert workgroup["state"] == "ENABLED"
    assert workgroup["forceDestroy"] is True
    assert workgroup["configuration"] == {
        "enforceWorkgroupConfiguration": True,
        "publishCloudwatchMetricsEnabled": True,
        "bytesScannedCutoffPerQuery": 100 * 2**30,
        "engineVersion": {"selectedEngineVersion": "Athena engine version 3"},
        "resultConfiguration": {
            "outputLocation": f"s3://{BUCKET}/query-results/",
            "expectedBucketOwner": ACCOUNT,
            "encryptionConfiguration": {"encryptionOption": "SSE_KMS", "kmsKeyArn": KEY},
        },
    }


def test_results_are_encrypted_by_awss_own_key_where_everything_is(declare: Declare) -> None:
    own = declare({"fraudstream:analytics": "true", "fraudstream:customerManagedKey": "false"})
    results = own.one(WORKGROUP)["configuration"]["resultConfiguration"]
    assert results["encryptionConfiguration"] == {"encryptionOption": "SSE_S3"}


def test_results_are_forgotten_in_a_week(analytics: Graph) -> None:
    assert expiries(analytics)["query-results/"] == 7


def test_every_query_is_saved_where_it_can_be_run(analytics: Graph) -> None:
    saved = {each["name"]: each for each in analytics.of(QUERY)}
    files = {path.stem: path.read_text() for path in Path(QUERIES).glob("*.sql")}
    assert saved.keys() == {f"query-{name}-test" for name in files}
    for name, sql in files.items():
        query = saved[f"query-{name}-test"]
        assert query["query"] == sql
        assert query["database"] == "database_decision_log_test"
        assert query["workgroup"] == "workgroup-decision-log-test"
        assert not query["description"].startswith("--")


def test_queries_go_before_what_they_ask(analytics: Graph) -> None:
    for query in analytics.of(QUERY):
        asked = {each.urn for kind in (DATABASE, TABLE, WORKGROUP) for each in analytics.of(kind)}
        assert asked <= analytics.ancestors(query)


def test_no_function_may_do_more_for_it(graph: Graph, analytics: Graph) -> None:
    def policies(of: Graph) -> dict[str, object]:
        return {each.name: json.loads(each["policy"]) for each in of.of("aws:iam/rolePolicy:RolePolicy")}

    assert policies(analytics) == policies(graph)


def analysts_policy() -> dict[str, Any]:
    """The policy that the page shows, for the stack here."""
    found = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert found
    filled = found[1].replace("ACCOUNT", ACCOUNT).replace("SUFFIX", "test")
    return json.loads(filled.replace("key/KEY", KEY.rpartition(":")[2]))


def test_the_policy_for_analysts_passes_the_linter() -> None:
    assert [
        str(each) for each in iam_lint_harness.load().analyze_policy_string(json.dumps(analysts_policy())).findings
    ] == []


def test_the_policy_for_analysts_writes_no_table() -> None:
    statements = analysts_policy()["Statement"]
    allowed = [(action, each["Resource"]) for each in statements for action in as_list(each["Action"])]
    reading = re.compile(r"\w+:(Get|BatchGet|List)\w*|athena:(Start|Stop)QueryExecution|kms:(Decrypt|GenerateDataKey)")
    writing = {action: resource for action, resource in allowed if not reading.fullmatch(action)}
    assert set(writing) == {"s3:AbortMultipartUpload", "s3:PutObject"}
    assert set(writing.values()) == {f"arn:aws:s3:::{BUCKET}/query-results/*"}


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_the_policy_for_analysts_is_about_this_stack(analytics: Graph) -> None:
    workgroup, catalog, listing, place, reading, results, key = analysts_policy()["Statement"]
    assert workgroup["Resource"].endswith(f":workgroup/{analytics.outputs['analyticsWorkgroup']}")
    database = analytics.outputs["analyticsDatabase"]
    assert [arn.rpartition(":")[2] for arn in catalog["Resource"]] == [
        "catalog", f"database/{database}", f"table/{database}/*"
    ]  # fmt: skip
    assert listing["Resource"] == place["Resource"] == f"arn:aws:s3:::{BUCKET}"
    locations = {each["storageDescriptor"]["location"].removeprefix("s3://") for each in analytics.of(TABLE)}
    assert {arn.removeprefix("arn:aws:s3:::") for arn in reading["Resource"]} == {f"{each}*" for each in locations}
    output = analytics.one(WORKGROUP)["configuration"]["resultConfiguration"]["outputLocation"]
    assert results["Resource"] == f"arn:aws:s3:::{output.removeprefix('s3://')}*"
    assert key["Resource"] == KEY
    assert {f"{BUCKET}/{prefix}" for prefix in listing["Condition"]["StringLike"]["s3:prefix"]} == {
        arn.removeprefix("arn:aws:s3:::") for arn in [*reading["Resource"], results["Resource"]]
    }
