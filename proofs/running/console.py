"""The console of a deployed system, as its command builds it for a stack."""

from embedded_aws.cloud import LocalCloud
from fraudstream_tools.console.request_counts import watch
from fraudstream_tools.console.system import ConsoleSystem
from fraudstream_tools.operations.audit.identity import operator_of


def console_of(cloud: LocalCloud, name: str) -> ConsoleSystem:
    """Return what the console works on.

    Args:
        cloud: where the system is deployed.
        name: how pages call it.
    """
    return ConsoleSystem(
        name=name,
        dynamodb=watch(cloud.client("dynamodb")),
        s3=watch(cloud.client("s3")),
        operator=operator_of(cloud.client("sts")),
        transactions=cloud.outputs["transactionsTable"],
        alerts=cloud.outputs["alertsTable"],
        profiles=cloud.outputs["profilesTable"],
        bucket=cloud.outputs["bucketName"],
    )
