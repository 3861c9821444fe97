"""The stack: which components there are, and who may do what."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from fraudstream.contract import (
    ANALYZER,
    FUNCTIONS,
    HOME_REGION,
    PROCESSOR,
    REPORTER,
    TOKENS_ALIAS,
    FourEyes,
)
from infra.api.rest_api import Api
from infra.api.spec import api_spec
from infra.api.waf import Firewall
from infra.compute.functions import Function, FunctionDefinition, FunctionRole, StackFunctions
from infra.compute.lambda_packages import Package, Target, build_package
from infra.compute.stream_consumers import (
    StreamSubscription,
    analyzer_consumer,
    reporter_consumer,
)
from infra.data.analytics import Analytics
from infra.data.keys import Keys
from infra.data.program_rules import program_models, program_ruleset
from infra.data.queues import DeadLetters
from infra.data.report_bucket import ReportBucket, bucket_arn
from infra.data.report_schedules import ReportSchedules
from infra.data.tables import make_tables, table_arns
from infra.environments import Stores, environments
from infra.grants import grant
from infra.monitoring.alarms import Watched
from infra.monitoring.audit_trail import AuditTrail
from infra.monitoring.event_delivery import EventDelivery
from infra.monitoring.monitoring import Monitoring
from infra.monitoring.stream_pipe import ALERT_PIPE, EVENT_PIPE, WEBHOOK_PIPE
from infra.monitoring.topics import AlertPipe, Topics
from infra.naming import Names, StackContext
from infra.network import Network, Reachable
from infra.outputs import outputs_of_every_stack
from infra.people import PeoplesPolicies
from infra.setting_reader import FunctionSettings
from infra.settings import StackSettings

Packager = Callable[[str, Target], Package]
# The report generator fetches a day's decision log, and DuckDB spills what does not fit into memory: the most that
# Lambda gives. The others write no files: Lambda's default.
SCRATCH_MB = {PROCESSOR: 512, ANALYZER: 512, REPORTER: 10_240}


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What a stack tells its operator."""

    outputs: Mapping[str, pulumi.Input[str]]


def _provider(settings: StackSettings, names: Names) -> aws.Provider:
    tags = {"Environment": settings.environment_suffix, "CostCenter": settings.cost_center}
    if settings.region != HOME_REGION:
        # The policy pack sees resources, not settings: what is away from home says so.
        tags["Region"] = settings.region
    return aws.Provider(
        names.of("provider", "aws"),
        region=settings.region,
        default_tags={"tags": tags},
    )


def _make_functions(
    place: StackContext, settings: StackSettings, stores: Stores, package: Packager, opts: pulumi.ResourceOptions
) -> StackFunctions:
    sizes = {PROCESSOR: settings.processor, ANALYZER: settings.analyzer, REPORTER: settings.reporter}
    roles = {
        purpose: FunctionRole(place, purpose, stores.keys, has_versions=size.provisioned_concurrency > 0, opts=opts)
        for purpose, size in sizes.items()
    }
    grant(settings, stores, roles)
    network = Network(
        place,
        Reachable(tables=table_arns(place), bucket=bucket_arn(place)),
        interface_rights=[role.network_rights for role in roles.values()],
        opts=opts,
    )
    variables = environments(settings, stores)
    target = Target(kind=settings.package_for, architecture=settings.architecture, runtime=settings.runtime)

    def make(purpose: str, size: FunctionSettings) -> Function:
        spec = FunctionDefinition(
            purpose=purpose,
            handler=f"fraudstream.functions.{purpose.replace('-', '_')}.handler",
            size=size,
            package=package(purpose, target),
            runtime=settings.runtime,
            architecture=settings.architecture,
            scratch_mb=SCRATCH_MB[purpose],
            environment=variables[purpose],
            log_level=settings.log_level,
        )
        return Function(place, spec, role=roles[purpose], network=network, keys=stores.keys, opts=opts)

    return StackFunctions(
        **{name: make(purpose, sizes[purpose]) for name, purpose in (
            ("processor", PROCESSOR), ("analyzer", ANALYZER), ("reporter", REPORTER),
        )}
    )  # fmt: skip


def _consume(
    place: StackContext,
    settings: StackSettings,
    stores: Stores,
    functions: StackFunctions,
    opts: pulumi.ResourceOptions,
) -> None:
    StreamSubscription(
        place,
        analyzer_consumer(),
        table=stores.tables.transactions,
        function=functions.analyzer,
        dead_letters=stores.dead_letters,
        # Without a ruleset it could judge nothing.
        after=stores.bucket.ruleset,
        opts=opts,
    )
    StreamSubscription(
        place,
        reporter_consumer(settings.segment_window_seconds),
        table=stores.tables.transactions,
        function=functions.reporter,
        dead_letters=stores.dead_letters,
        opts=opts,
    )


def _make_api(
    place: StackContext, settings: StackSettings, keys: Keys, processor: Function, opts: pulumi.ResourceOptions
) -> Api:
    spec = api_spec(
        auth=settings.api_auth,
        throttle_burst=settings.throttle_burst,
        read_throttle_rate=settings.read_throttle_rate,
        account_role=settings.api_gateway_account_role,
    )
    api = Api(place, spec, function=processor, keys=keys, opts=opts)
    if settings.waf:
        Firewall(place, stage_arn=api.stage.arn, rate_limit=settings.waf_rate_limit, opts=opts)
    return api


def _deliver_events(
    place: StackContext,
    settings: StackSettings,
    stores: Stores,
    topics: Topics,
    *,
    functions: StackFunctions,
    opts: pulumi.ResourceOptions,
) -> EventDelivery | None:
    if not settings.events:
        return None
    return EventDelivery(
        place,
        outbox=stores.tables.outbox,
        topics=topics,
        settings=settings,
        dead_letters=stores.dead_letters,
        after=[functions.analyzer],
        opts=opts,
    )


def _monitor(
    place: StackContext,
    settings: StackSettings,
    stores: Stores,
    topics: Topics,
    *,
    api: Api,
    opts: pulumi.ResourceOptions,
) -> None:
    watched = Watched(
        functions={purpose: place.name("lambda", purpose) for purpose in (PROCESSOR, ANALYZER, REPORTER)},
        analyzer=place.name("lambda", ANALYZER),
        reporter=place.name("lambda", REPORTER),
        queue=stores.dead_letters.name,
        api=api.name,
        environment=settings.environment_suffix,
        daily_requests=settings.daily_requests_alarm,
        webhook_pipe=place.name("pipe", "webhook") if settings.events and settings.alert_webhook_url else None,
        needs_two=not {FourEyes.RULES, FourEyes.MODELS}.isdisjoint(settings.four_eyes),
    )
    Monitoring(place, watched, topic_arn=topics.alarms.arn, opts=opts)


def _make_trail(
    place: StackContext, settings: StackSettings, stores: Stores, opts: pulumi.ResourceOptions
) -> AuditTrail:
    pipes = [ALERT_PIPE]
    if settings.events:
        pipes += [EVENT_PIPE, WEBHOOK_PIPE] if settings.alert_webhook_url else [EVENT_PIPE]
    return AuditTrail(
        place,
        tables=[table.arn for table in stores.tables.all()],
        bucket_arn=bucket_arn(place),
        functions=FUNCTIONS,
        pipes=pipes,
        lock_days=settings.audit_trail_lock_days,
        opts=opts,
    )


def build(
    settings: StackSettings, package: Packager = build_package, readable_keys: Collection[str] = frozenset()
) -> Stack:
    """Declare the whole stack.

    Args:
        settings: the checked settings.
        package: builds a function's package.
        readable_keys: names of keys that stay as an earlier version made them: see `infra.data.keys`.

    Raises:
        PackagingError: a function's package could not be built.
        OpenApiError: the API's description is missing or incomplete.
    """
    names = Names(settings.environment_suffix)
    provider = _provider(settings, names)
    asked = pulumi.InvokeOutputOptions(provider=provider)
    caller = aws.get_caller_identity_output(opts=asked)
    place = StackContext(names=names, region=settings.region, account_id=caller.account_id)
    # Components hand the provider on to their children.
    opts = pulumi.ResourceOptions(providers={"aws": provider})

    keys = Keys(
        place,
        customer_managed=settings.customer_managed_key,
        token_keys=settings.token_keys,
        readable=readable_keys,
        opts=opts,
    )
    stores = Stores(
        keys=keys,
        tables=make_tables(place, keys, customer_index=settings.customer_index, opts=opts),
        bucket=ReportBucket(place, settings, keys, opts),
        dead_letters=DeadLetters(place, keys, opts),
    )
    topics = Topics(place, keys, alarm_email=settings.alarm_email, alert_email=settings.alert_email, opts=opts)
    functions = _make_functions(place, settings, stores, package, opts)
    _consume(place, settings, stores, functions, opts)
    AlertPipe(
        place,
        alerts=stores.tables.alerts,
        topics=topics,
        dead_letters=stores.dead_letters,
        after=[functions.analyzer],
        opts=opts,
    )
    delivery = _deliver_events(place, settings, stores, topics, functions=functions, opts=opts)
    schedules = ReportSchedules(
        place, function=functions.reporter, hour=settings.report_hour, dead_letters=stores.dead_letters, opts=opts
    )
    api = _make_api(place, settings, keys, functions.processor, opts)
    _monitor(place, settings, stores, topics, api=api, opts=opts)
    functions.processor.add_alias(place, TOKENS_ALIAS)
    people = PeoplesPolicies(place, tables=stores.tables, keys=keys, opts=opts)
    analytics = Analytics(place, settings, bucket=stores.bucket, keys=keys, opts=opts) if settings.analytics else None
    trail = _make_trail(place, settings, stores, opts) if settings.audit_trail else None
    outputs = outputs_of_every_stack(settings, stores, topics, functions, api)
    chosen: Mapping[str, pulumi.Input[str] | None] = {
        "backOfficeUrl": settings.back_office_url,
        "approvedRuleset": program_ruleset() if FourEyes.RULES in settings.four_eyes else None,
        "approvedModels": program_models() if FourEyes.MODELS in settings.four_eyes else None,
        "events": ",".join(settings.events) or None,
        "fourEyes": ",".join(settings.four_eyes) or None,
        "eventTopicArn": delivery.topic_arn if delivery else None,
        "encryptionKeyArn": keys.arn,
        "apiKey": api.api_key,
        "analyticsDatabase": analytics.database if analytics else None,
        "analyticsWorkgroup": analytics.workgroup if analytics else None,
        "auditBucket": trail.bucket if trail else None,
    }
    outputs |= {name: value for name, value in chosen.items() if value is not None}
    outputs |= {
        "analystPolicyArn": people.analyst,
        "ruleAuthorPolicyArn": people.rule_author,
        "auditorPolicyArn": people.auditor,
        "dailySchedule": schedules.daily,
        "hourlySchedule": schedules.hourly,
    }
    return Stack(outputs=outputs)
