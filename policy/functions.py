"""Rules about the functions and what feeds them."""

import re
from collections.abc import Sequence

from policy.rule import CheckedResource, Complaints, must, of, resource_rule, stack_rule

FUNCTION = "aws:lambda/function:Function"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
INVOKE_CONFIG = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
SCHEDULE = "aws:scheduler/schedule:Schedule"
FUNCTIONS = 3
MINIMUM_CONCURRENCY = 100
RUNTIMES = ("python3.11", "python3.12", "python3.13")
"""The first is the requirement's and the default; the others are what follows when AWS deprecates it."""
REPORTER_SCRATCH_MB = 10_240


def check_function(function: CheckedResource) -> Complaints:
    """A function is Python with 300 seconds, reserved concurrency, traces, a log group and a private network."""
    yield from must(function, {"timeout": 300, "tracingConfig.mode": "Active"})
    if function.at("runtime") not in RUNTIMES:
        yield f"runtime must be one of {', '.join(RUNTIMES)}, not {function.at('runtime')!r}"
    concurrency = function.at("reservedConcurrentExecutions")
    if not isinstance(concurrency, int | float) or concurrency < MINIMUM_CONCURRENCY:
        yield f"reservedConcurrentExecutions must be at least {MINIMUM_CONCURRENCY}, not {concurrency!r}"
    if function.at("architectures") not in (["arm64"], ["x86_64"]):
        yield "architectures must be one of arm64 and x86_64"
    if not function.at("loggingConfig.logGroup"):
        yield "loggingConfig.logGroup must name the function's own log group"
    if len(function.at("vpcConfig.subnetIds") or []) < 2:  # noqa: PLR2004  (two zones)
        yield "vpcConfig must name subnets in two zones"
    if not function.at("vpcConfig.securityGroupIds"):
        yield "vpcConfig must name a security group"


def check_reporter(function: CheckedResource) -> Complaints:
    """The report generator has storage for a whole day's decision log."""
    if "report-generator" in function.name:
        yield from must(function, {"ephemeralStorage.size": REPORTER_SCRATCH_MB})


def check_mapping(mapping: CheckedResource) -> Complaints:
    """A stream's consumer isolates what fails, gives it up some day, and keeps it where it can be found."""
    yield from must(mapping, {"bisectBatchOnFunctionError": True, "functionResponseTypes": ["ReportBatchItemFailures"]})
    for bound in ("maximumRetryAttempts", "maximumRecordAgeInSeconds"):
        value = mapping.at(bound)
        if not isinstance(value, int | float) or value < 0:
            yield f"{bound} must be bounded, not {value!r}"
    if not mapping.at("destinationConfig.onFailure.destinationArn"):
        yield "destinationConfig.onFailure must name a queue"
    if not mapping.at("filterCriteria.filters"):
        yield "filterCriteria must keep the functions' own writes out"


def check_analyzer(mapping: CheckedResource) -> Complaints:
    """The fraud analyzer gets batches of 100 at once, ten for each shard."""
    if "fraud-analyzer" in mapping.name:
        yield from must(mapping, {"batchSize": 100, "maximumBatchingWindowInSeconds": 0, "parallelizationFactor": 10})


def check_log_group(group: CheckedResource) -> Complaints:
    """Logs are kept for seven days and are deleted with the stack."""
    yield from must(group, {"retentionInDays": 7})
    if group.at("skipDestroy"):
        yield "skipDestroy must not be set"


def check_schedule(schedule: CheckedResource) -> Complaints:
    """The report is requested once a day, at an hour of UTC, and the log is merged once an hour."""
    yield from must(schedule, {"scheduleExpressionTimezone": "UTC", "flexibleTimeWindow.mode": "OFF"})
    expression = str(schedule.at("scheduleExpression"))
    if not re.fullmatch(r"cron\(\d+ (\d+|\*) \* \* \? \*\)", expression):
        yield f"scheduleExpression must name a minute of every hour, or of one hour of every day, not {expression!r}"


def check_invoke_config(config: CheckedResource) -> Complaints:
    """An event that a function fails on is retried, and then kept in the dead-letter queue."""
    retries = config.at("maximumRetryAttempts")
    if not isinstance(retries, int | float) or retries < 1:
        yield f"maximumRetryAttempts must be at least 1, not {retries!r}"
    if not config.at("destinationConfig.onFailure.destination"):
        yield "destinationConfig.onFailure must name a queue"


def check_report_kept(resources: Sequence[CheckedResource]) -> Complaints:
    """A daily report that fails does not vanish."""
    if not any("report-generator" in config.name for config in of(resources, INVOKE_CONFIG)):
        yield "the report generator must say what becomes of events that it fails on"


def check_functions(resources: Sequence[CheckedResource]) -> Complaints:
    """There are three functions, and two of them read the stream of transactions: it allows no third reader."""
    functions = of(resources, FUNCTION)
    if len(functions) != FUNCTIONS:
        yield f"there must be {FUNCTIONS} functions, not {len(functions)}"
    readers = len(of(resources, MAPPING))
    if readers != FUNCTIONS - 1:
        yield f"the stream of transactions must have two consumers, not {readers}"
    groups = {group.at("name") for group in of(resources, LOG_GROUP)}
    for function in functions:
        if function.at("loggingConfig.logGroup") not in groups:
            yield f"{function.name} must write to a log group of the stack"


RESOURCE_RULES = (
    resource_rule("function", [FUNCTION], check_function),
    resource_rule("function-reporter", [FUNCTION], check_reporter),
    resource_rule("stream-consumer", [MAPPING], check_mapping),
    resource_rule("stream-analyzer", [MAPPING], check_analyzer),
    resource_rule("log-retention", [LOG_GROUP], check_log_group),
    resource_rule("daily-report", [SCHEDULE], check_schedule),
    resource_rule("event-invoke", [INVOKE_CONFIG], check_invoke_config),
)
STACK_RULES = (
    stack_rule("functions", check_functions),
    stack_rule("report-kept", check_report_kept),
)
