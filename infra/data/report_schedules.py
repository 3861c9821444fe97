"""When the report generator is asked to merge the decision log, and to write the daily report."""

import json

import pulumi
import pulumi_aws as aws

from fraudstream.contract import ROLL_UP_MINUTE
from infra.compute.functions import Function
from infra.compute.roles import ServiceRole
from infra.data.queues import DeadLetters
from infra.naming import StackContext

SCHEDULE_RETRIES = 5
SCHEDULE_EVENT_AGE_SECONDS = 3600
REPORT_RETRIES = 2
"""The most that Lambda makes."""
REPORT_EVENT_AGE_SECONDS = 3600


class ReportSchedules(pulumi.ComponentResource):
    """Asks the report generator to merge the log every hour, and for yesterday's report at the same hour every day."""

    def __init__(
        self,
        place: StackContext,
        *,
        function: Function,
        hour: int,
        dead_letters: DeadLetters,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the schedules and their role; the hour is UTC. The function's role may send to the queue by now."""
        super().__init__("fraudstream:infra:ReportSchedules", place.name("component", "report-schedules"), None, opts)
        self._place = place
        self._function = function
        self._dead_letters = dead_letters
        child = pulumi.ResourceOptions(parent=self)
        group_name = place.name("schedule-group", "reports")
        self._group = aws.scheduler.ScheduleGroup(group_name, name=group_name, opts=child)
        self._role = ServiceRole(
            place,
            "report-schedules",
            service="scheduler.amazonaws.com",
            source_arn=place.arn("scheduler", f"schedule-group/{group_name}"),
            opts=child,
        )
        function.grant_invoke(self._role)
        dead_letters.grant_send(self._role)
        # A schedule only hands its event over: what becomes of one that fails is the function's matter.
        invoke_config = aws.lambda_.FunctionEventInvokeConfig(
            place.name("event-invoke", function.purpose),
            function_name=function.name,
            maximum_retry_attempts=REPORT_RETRIES,
            maximum_event_age_in_seconds=REPORT_EVENT_AGE_SECONDS,
            destination_config={"on_failure": {"destination": dead_letters.arn}},
            opts=child,
        )
        self.daily = self._schedule("daily-report", f"cron(0 {hour} * * ? *)", after=invoke_config)
        self.hourly = self._schedule("hourly-roll-up", f"cron({ROLL_UP_MINUTE} * * * ? *)", after=invoke_config)
        self.register_outputs({"daily": self.daily, "hourly": self.hourly})

    def _schedule(self, task: str, expression: str, *, after: pulumi.Resource) -> pulumi.Output[str]:
        """Return the name of a schedule for one of the function's tasks."""
        name = self._place.name("schedule", task)
        schedule = aws.scheduler.Schedule(
            name,
            name=name,
            group_name=self._group.name,
            schedule_expression=expression,
            schedule_expression_timezone="UTC",
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": self._function.arn,
                "role_arn": self._role.arn,
                "input": json.dumps({"task": task}),
                "retry_policy": {
                    "maximum_retry_attempts": SCHEDULE_RETRIES,
                    "maximum_event_age_in_seconds": SCHEDULE_EVENT_AGE_SECONDS,
                },
                "dead_letter_config": {"arn": self._dead_letters.arn},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*self._role.policies, after]),
        )
        return schedule.name
