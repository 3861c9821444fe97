"""The metrics that alarms and the dashboard watch, as data."""

from dataclasses import dataclass

from fraudstream.contract import METRICS_DIMENSION, METRICS_NAMESPACE
from fraudstream.settings import Metric
from infra.api.spec import STAGE


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """One CloudWatch metric, as it is watched."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str = "Sum"
    """Such as `Sum`, `Maximum` or `p99`."""


def lambda_metric(name: str, function: str, statistic: str = "Sum") -> MetricSpec:
    """Return a metric of a function."""
    return MetricSpec(namespace="AWS/Lambda", name=name, dimensions=(("FunctionName", function),), statistic=statistic)


def api_metric(name: str, api: str, statistic: str) -> MetricSpec:
    """Return a metric of the API's stage."""
    return MetricSpec(
        namespace="AWS/ApiGateway", name=name, dimensions=(("ApiName", api), ("Stage", STAGE)), statistic=statistic
    )


def own_metric(metric: Metric, environment: str, statistic: str = "Sum") -> MetricSpec:
    """Return a metric that the functions emit."""
    return MetricSpec(
        namespace=METRICS_NAMESPACE,
        name=metric.value,
        dimensions=((METRICS_DIMENSION, environment),),
        statistic=statistic,
    )


def queue_depth(queue: str) -> MetricSpec:
    """Return the number of messages that wait in a queue."""
    return MetricSpec(
        namespace="AWS/SQS",
        name="ApproximateNumberOfMessagesVisible",
        dimensions=(("QueueName", queue),),
        statistic="Maximum",
    )
