"""Alarms and dashboard."""

import json

import pulumi
import pulumi_aws as aws

from infra.monitoring.alarms import AlarmSpec, Watched, alarm_specs
from infra.monitoring.dashboard import dashboard_body
from infra.monitoring.metrics import MetricSpec
from infra.naming import StackContext

STATISTICS = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")
"""What CloudWatch calls a statistic; all else, such as `p99`, is an extended one."""


class Monitoring(pulumi.ComponentResource):
    """Every alarm, which notifies one topic when it starts and when it ends; and the dashboard."""

    def __init__(
        self,
        place: StackContext,
        watched: Watched,
        *,
        topic_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the alarms and the dashboard."""
        super().__init__("fraudstream:infra:Monitoring", place.name("component", "monitoring"), None, opts)
        self._place = place
        self._topic = topic_arn
        for spec in alarm_specs(watched):
            self._alarm(spec)
        name = place.name("dashboard", "operations")
        aws.cloudwatch.Dashboard(
            name,
            dashboard_name=name,
            dashboard_body=json.dumps(dashboard_body(watched, place.region)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})

    def _alarm(self, spec: AlarmSpec) -> None:
        name = self._place.name("alarm", spec.purpose)
        simple = None if spec.expression else spec.metrics[0][1]
        named = simple is not None and simple.statistic in STATISTICS
        aws.cloudwatch.MetricAlarm(
            name,
            name=name,
            alarm_description=spec.description,
            comparison_operator=spec.comparison,
            threshold=spec.threshold,
            evaluation_periods=spec.periods,
            datapoints_to_alarm=spec.periods,
            treat_missing_data=spec.missing,
            namespace=simple and simple.namespace,
            metric_name=simple and simple.name,
            dimensions=simple and dict(simple.dimensions),
            statistic=simple.statistic if simple and named else None,
            extended_statistic=simple.statistic if simple and not named else None,
            period=spec.period_seconds if simple else None,
            metric_queries=_queries(spec) if spec.expression else None,
            alarm_actions=[self._topic],
            ok_actions=[self._topic],
            opts=pulumi.ResourceOptions(parent=self),
        )


def _queries(spec: AlarmSpec) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
    result = aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id="result", expression=spec.expression, label=spec.description, return_data=True
    )
    return [result, *(_query(key, metric, spec.period_seconds) for key, metric in spec.metrics)]


def _query(key: str, metric: MetricSpec, period: int) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id=key,
        return_data=False,
        metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
            namespace=metric.namespace,
            metric_name=metric.name,
            dimensions=dict(metric.dimensions),
            stat=metric.statistic,
            period=period,
        ),
    )
