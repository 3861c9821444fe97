"""What every stack tells of its stores, functions and settings."""

import pulumi

from infra.api.rest_api import Api
from infra.compute.functions import StackFunctions
from infra.environments import Stores
from infra.monitoring.topics import Topics
from infra.settings import StackSettings


def outputs_of_every_stack(
    settings: StackSettings, stores: Stores, topics: Topics, functions: StackFunctions, api: Api
) -> dict[str, pulumi.Input[str]]:
    """Return the outputs that do not depend on settings, by name."""
    return {
        "apiUrl": api.url,
        "bucketName": stores.bucket.name,
        "transactionsTable": stores.tables.transactions.name,
        "profilesTable": stores.tables.profiles.name,
        "alertsTable": stores.tables.alerts.name,
        "outboxTable": stores.tables.outbox.name,
        "deadLetterQueueUrl": stores.dead_letters.url,
        "alarmTopicArn": topics.alarms.arn,
        "alertTopicArn": topics.alerts.arn,
        "processorFunction": functions.processor.name,
        "analyzerFunction": functions.analyzer.name,
        "reportFunction": functions.reporter.name,
        "region": settings.region,
        "tokenKeys": str(settings.token_keys),
        "tokenNumber": str(settings.token_number),
        "retentionDays": str(settings.retention_days),
        "reviewHours": str(settings.review_hours),
        "reviewExpiryDays": str(settings.review_expiry_days),
        "apiGatewayAccountRole": settings.api_gateway_account_role,
    }
