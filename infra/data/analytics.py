"""Athena over the decision log, for those who want it: it costs by the bytes that a query reads, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from fraudstream.contract import DECISION_LOG_PREFIX, QUERY_RESULTS_PREFIX
from fraudstream.reporting.log.columns import DESCRIPTIONS, FILES
from fraudstream.reporting.log.keys import LogTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.data.keys import Keys
    from infra.data.report_bucket import ReportBucket
    from infra.naming import StackContext
    from infra.settings import StackSettings

QUERIES = Path(__file__).resolve().parent / "queries"
TABLES: Mapping[LogTable, str] = {
    LogTable.DECISIONS: "Decisions, each once",
    LogTable.LABELS: "Every label ever set; for each transaction the one with the greatest labeledAt holds",
    LogTable.HITS: "What rules hit, live and in shadow: one row for each rule and decision",
    LogTable.TALLIES: "What reports count; rows of the same dimension, key, other, currency and decision add up",
}
PARTITION = "date"
GLUE_TYPES: Mapping[str, str] = {
    "BIGINT": "bigint",
    "BLOB": "binary",
    "BOOLEAN": "boolean",
    "DECIMAL(38, 0)": "decimal(38,0)",
    "DOUBLE": "double",
    "DOUBLE[]": "array<double>",
    "VARCHAR": "string",
    "VARCHAR[]": "array<string>",
}
"""Athena's types by those that DuckDB writes into the log's files."""
_HIVE = "org.apache.hadoop.hive.ql.io.parquet"


@dataclass(frozen=True, kw_only=True)
class SavedQuery:
    """A query of the report, as Athena's dialect of SQL."""

    name: str
    description: str
    sql: str


def saved_queries() -> Sequence[SavedQuery]:
    """Read the saved queries: what the comment at the head of each says is its description."""
    return [_read(path) for path in sorted(QUERIES.glob("*.sql"))]


def _read(path: Path) -> SavedQuery:
    sql = path.read_text(encoding="utf-8")
    comments = [line.removeprefix("-- ") for line in sql.splitlines() if line.startswith("-- ")]
    return SavedQuery(name=path.stem, description=" ".join(comments), sql=sql)


class Analytics(pulumi.ComponentResource):
    """A database of the log's tables, and a workgroup with the report's queries."""

    def __init__(
        self,
        place: StackContext,
        settings: StackSettings,
        *,
        bucket: ReportBucket,
        keys: Keys,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the database and the workgroup; who may use them is a matter of the analysts' own roles."""
        super().__init__("fraudstream:infra:Analytics", place.name("component", "analytics"), None, opts)
        self._place = place
        self._bucket = bucket
        self._child = pulumi.ResourceOptions(parent=self)
        name = place.name("database", "decision-log")
        database = aws.glue.CatalogDatabase(
            name,
            # Athena knows no dash in names.
            name=name.replace("-", "_"),
            description="fraudstream's decision log",
            opts=self._child,
        )
        self.database = database.name
        # A label comes while the transaction is kept, and is kept itself as long as a decision.
        days = settings.retention_days + settings.decision_log_days
        tables = [self._table(table, what, days) for table, what in TABLES.items()]
        workgroup = self._workgroup(keys, settings.analytics_cutoff_gib)
        self.workgroup = workgroup.name
        for query in saved_queries():
            aws.athena.NamedQuery(
                place.name("query", query.name),
                name=place.name("query", query.name),
                database=self.database,
                workgroup=self.workgroup,
                description=query.description,
                query=query.sql,
                opts=pulumi.ResourceOptions(parent=self, depends_on=tables),
            )
        self.register_outputs({"database": self.database, "workgroup": self.workgroup})

    def _table(self, table: LogTable, what: str, days: int) -> aws.glue.CatalogTable:
        return aws.glue.CatalogTable(
            self._place.name("catalog-table", table),
            # Its database has the environment in its name.
            name=table.value,
            database_name=self.database,
            description=what,
            table_type="EXTERNAL_TABLE",
            partition_keys=[
                aws.glue.CatalogTablePartitionKeyArgs(
                    name=PARTITION, type="string", comment="UTC day on which the transactions were received"
                )
            ],
            parameters={
                "EXTERNAL": "TRUE",
                "classification": "parquet",
                # Which folders there are follows from the calendar: no day has to be added to the catalog.
                "projection.enabled": "true",
                f"projection.{PARTITION}.type": "date",
                f"projection.{PARTITION}.format": "yyyy-MM-dd",
                f"projection.{PARTITION}.range": f"NOW-{days}DAYS,NOW",
                f"projection.{PARTITION}.interval": "1",
                f"projection.{PARTITION}.interval.unit": "DAYS",
            },
            storage_descriptor=aws.glue.CatalogTableStorageDescriptorArgs(
                location=self._inside(f"{DECISION_LOG_PREFIX}{table}/"),
                input_format=f"{_HIVE}.MapredParquetInputFormat",
                output_format=f"{_HIVE}.MapredParquetOutputFormat",
                ser_de_info=aws.glue.CatalogTableStorageDescriptorSerDeInfoArgs(
                    serialization_library=f"{_HIVE}.serde.ParquetHiveSerDe", parameters={"serialization.format": "1"}
                ),
                # Glue's names are in lower case; Athena finds the files' columns by them, whatever their case.
                columns=[
                    aws.glue.CatalogTableStorageDescriptorColumnArgs(
                        name=name.lower(), type=GLUE_TYPES[kind], comment=DESCRIPTIONS.get(name)
                    )
                    for name, kind in FILES[table].items()
                ],
            ),
            opts=self._child,
        )

    def _workgroup(self, keys: Keys, cutoff_gib: int) -> aws.athena.Workgroup:
        encryption = aws.athena.WorkgroupConfigurationResultConfigurationEncryptionConfigurationArgs(
            encryption_option="SSE_S3" if keys.arn is None else "SSE_KMS", kms_key_arn=keys.arn
        )
        name = self._place.name("workgroup", "decision-log")
        return aws.athena.Workgroup(
            name,
            name=name,
            description="Questions to fraudstream's decision log",
            state="ENABLED",
            # With its history of queries, and with those that analysts saved in it.
            force_destroy=True,
            configuration=aws.athena.WorkgroupConfigurationArgs(
                enforce_workgroup_configuration=True,
                publish_cloudwatch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=cutoff_gib * 1024**3,
                engine_version=aws.athena.WorkgroupConfigurationEngineVersionArgs(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=aws.athena.WorkgroupConfigurationResultConfigurationArgs(
                    output_location=self._inside(QUERY_RESULTS_PREFIX),
                    expected_bucket_owner=self._place.account_id,
                    encryption_configuration=encryption,
                ),
            ),
            opts=self._child,
        )

    def _inside(self, prefix: str) -> pulumi.Output[str]:
        return pulumi.Output.concat("s3://", self._bucket.name, "/", prefix)
