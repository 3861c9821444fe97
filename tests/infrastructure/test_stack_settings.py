"""A setting out of range stops the program with its name, its value and what is allowed."""

import dataclasses
import json
from zoneinfo import available_timezones

import botocore.session
import pytest

from fraudstream.contract import FourEyes
from infra.compute.placeholders import LONGEST_LIST
from infra.data.keys import ENCRYPTED
from infra.naming import SUFFIX_MAX_LENGTH
from infra.settings import MOST_TOKEN_KEYS, FunctionSettings, StackSettings, StackSettingsError, read_settings
from tests.infrastructure.pulumi_graph_harness import Declare

PER_CENT = "per cent from 0 to 100 with a point and at most six decimals, such as 0.08"
KEY_VARIABLES = {"TOKEN_KEY", "TOKEN_KEYS_ON_TOP", "LOG_KEY"}
BACK_OFFICE = "an address with https:// and {transactionId} in it"


def read(stack: str = "dev", **values: str) -> StackSettings:
    return read_settings(values.get, stack, values)


def test_without_any_setting_the_stack_is_complete() -> None:
    settings = read()
    assert settings.environment_suffix == "dev"
    assert settings.region == "us-east-2"
    assert settings.architecture == "arm64"
    assert settings.runtime == "python3.11"
    assert settings.processor == FunctionSettings(concurrency=200, memory_mb=1024)
    assert settings.analyzer.concurrency == settings.reporter.concurrency == 100
    assert settings.throttle_burst == 200
    assert settings.api_auth == "AWS_IAM"
    assert settings.customer_managed_key is True
    assert settings.analytics is settings.waf is False
    assert settings.alarm_email is None


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read().region = "eu-west-1"  # pyright: ignore[reportAttributeAccessIssue]  (it is frozen)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("processorConcurrency", "99", "a whole number from 100 to 3000"),
        ("analyzerConcurrency", "0", "a whole number from 100 to 3000"),
        ("reporterConcurrency", "-1", "a whole number from 100 to 3000"),
        ("reporterConcurrency", "many", "a whole number from 100 to 3000"),
        ("processorMemory", "128", "a whole number from 256 to 10240"),
        ("throttleBurst", "0", "a whole number from 1 to 5000"),
        ("readThrottleRate", "1001", "a whole number from 1 to 1000"),
        ("reportHour", "24", "a whole number from 0 to 23"),
        ("reportHour", "1.5", "a whole number from 0 to 23"),
        ("segmentWindowSeconds", "301", "a whole number from 0 to 300"),
        ("dailyRequestsAlarm", "86400001", "a whole number from 1 to 86400000"),
        ("retentionDays", "30", "a whole number from 31 to 3650"),
        ("decisionLogDays", "0", "a whole number from 1 to 3650"),
        ("reportDays", "99999999999999", "a whole number from 1 to 3650"),
        ("oldVersionDays", "", "a whole number from 1 to 3650"),
        ("architecture", "arm", "arm64 or x86_64"),
        ("runtime", "python3.10", "python3.11 or python3.12 or python3.13"),
        ("apiAuth", "NONE", "AWS_IAM or API_KEY"),
        ("apiGatewayAccountRole", "none", "manage or existing"),
        ("packageFor", "laptop", "lambda or host"),
        ("logLevel", "info", "DEBUG or INFO or WARNING or ERROR"),
        ("customerIndex", "yes", "true or false"),
        ("explorationPercent", "-1", PER_CENT),
        ("reviewHours", "0", "a whole number from 1 to 720"),
        ("reviewExpiryDays", "-1", "a whole number from 0 to 365"),
        ("fourEyes", "rules, people", "nothing, or any of rules, models, lists, labels, separated by commas"),
        ("backOfficeUrl", "http://office.example.com/{transactionId}", BACK_OFFICE),
        ("backOfficeUrl", "https://office.example.com/", BACK_OFFICE),
        ("customerManagedKey", "yes", "true or false"),
        ("analytics", "athena", "true or false"),
        ("analyticsCutoffGib", "0", "a whole number from 1 to 100000"),
        ("scaAdvice", "true", "off or issuer or acquirer"),
        ("scaCounter", "both", "amount or payments"),
        ("scaCardFraudRate", "0,08", PER_CENT),
        ("scaTransferFraudRate", "101", PER_CENT),
        ("waf", "1", "true or false"),
        ("tokenKeys", "21", "a whole number from 1 to 20"),
        ("wafRateLimit", "9", "a whole number from 10 to 2000000000"),
        ("alarmEmail", "operators", "an e-mail address"),
        ("alertEmail", "a b@example.com", "an e-mail address"),
        ("timeZone", "Berlin", "an IANA time zone"),
        ("labelDelayDays", "9", "a whole number from 0 to 8"),
        ("costCenter", "a&b", "1 to 256 letters, digits, spaces and any of _ . : / = + - @"),
        (
            "environmentSuffix",
            "Prod",
            "lower-case letters, digits and single dashes, a letter first, at most 20 characters",
        ),
        (
            "environmentSuffix",
            "a--b",
            "lower-case letters, digits and single dashes, a letter first, at most 20 characters",
        ),
        (
            "environmentSuffix",
            "a" * 21,
            "lower-case letters, digits and single dashes, a letter first, at most 20 characters",
        ),
        ("region", "eu-west-1", "us-east-2, or any other together with fraudstream:allowOtherRegion true"),
        ("region", "Ohio", "the name of an AWS region"),
    ],
)
def test_a_bad_setting_is_refused_with_its_name_its_value_and_what_is_allowed(
    name: str, value: str, allowed: str
) -> None:
    with pytest.raises(StackSettingsError) as refused:
        read(**{name: value})
    assert str(refused.value) == f"fraudstream:{name} is {value!r}; allowed: {allowed}"


def test_a_setting_that_is_set_to_nothing_is_refused_and_never_the_default() -> None:
    known = set[str]()

    def note(name: str) -> None:
        known.add(name)

    read_settings(note, "dev")
    assert {"fourEyes", "customerManagedKey", "auditTrail", "waf", "events", "region"} <= known
    for name in sorted(known):
        with pytest.raises(StackSettingsError, match=f"^fraudstream:{name} is (''|wrong); allowed: "):
            read(**{name: ""})


def test_nonsense_in_a_list_is_refused_too() -> None:
    for name in ("fourEyes", "events"):
        for value in (",", "nothing,", "all,"):
            with pytest.raises(StackSettingsError, match=f"^fraudstream:{name} is '{value}'; allowed: "):
                read(**{name: value})


def test_another_region_is_allowed_by_true_or_false_in_the_home_region_too() -> None:
    with pytest.raises(StackSettingsError, match="fraudstream:allowOtherRegion is 'nonsense'; allowed: true or false"):
        read(allowOtherRegion="nonsense")
    assert read(allowOtherRegion="true").region == "us-east-2"


def test_every_bad_setting_is_named_at_once() -> None:
    with pytest.raises(StackSettingsError) as refused:
        read(reportHour="25", waf="perhaps", processorConcurency="500")
    assert str(refused.value).splitlines() == [
        "fraudstream:reportHour is '25'; allowed: a whole number from 0 to 23",
        "fraudstream:waf is 'perhaps'; allowed: true or false",
        "fraudstream:processorConcurency is not a setting; did you mean processorConcurrency?",
    ]


def test_another_region_can_be_asked_for() -> None:
    assert read(region="eu-west-1", allowOtherRegion="true").region == "eu-west-1"


def test_a_region_of_another_partition_is_refused_even_if_others_are_allowed() -> None:
    session = botocore.session.get_session()
    partitions = {each: session.get_available_regions("ec2", each) for each in session.get_available_partitions()}
    for partition, regions in partitions.items():
        for region in regions:
            if partition == "aws":
                assert read(region=region, allowOtherRegion="true").region == region
            else:
                with pytest.raises(StackSettingsError, match=f"fraudstream:region is '{region}'; allowed: "):
                    read(region=region, allowOtherRegion="true")
    with pytest.raises(StackSettingsError, match="allowed: a region whose ARNs begin with arn:aws"):
        read(region="us-gov-west-1", allowOtherRegion="true")


def test_a_stacks_name_that_cannot_be_part_of_names_is_refused() -> None:
    with pytest.raises(StackSettingsError, match="fraudstream:environmentSuffix is 'Production_EU'"):
        read(stack="Production_EU")
    assert read(stack="Production_EU", environmentSuffix="prod-eu").environment_suffix == "prod-eu"


@pytest.mark.parametrize("preview", [False, True])
def test_the_program_stops_at_a_bad_setting_before_it_declares_anything(declare: Declare, *, preview: bool) -> None:
    with pytest.raises(StackSettingsError, match="fraudstream:analyzerConcurrency is '50'; allowed: a whole number"):
        declare({"fraudstream:analyzerConcurrency": "50"}, preview=preview)


def test_the_program_stops_at_a_setting_that_it_does_not_know(declare: Declare) -> None:
    with pytest.raises(
        StackSettingsError, match=r"fraudstream:reportHours is not a setting; did you mean reportHour\?"
    ):
        declare({"fraudstream:reportHours": "3"})


def test_pulumis_own_region_must_not_differ(declare: Declare) -> None:
    with pytest.raises(StackSettingsError, match="aws:region is 'eu-west-1'"):
        declare({"aws:region": "eu-west-1"})
    assert declare({"aws:region": "us-east-2"}).resources


def test_a_token_number_without_a_key_is_refused() -> None:
    assert read(tokenKeys="2", tokenNumber="2").token_number == 2
    with pytest.raises(StackSettingsError, match="tokenNumber is 2, and there are keys of 1 only"):
        read(tokenNumber="2")


def test_the_analyzer_has_the_later_token_keys_and_never_the_first(declare: Declare) -> None:
    graph = declare({"fraudstream:tokenKeys": "3", "fraudstream:tokenNumber": "2"})
    keys = {each.name: each for each in graph.of(ENCRYPTED)}
    assert {"secret-token-key-test", "secret-token-key-2-test", "secret-token-key-3-test"} <= keys.keys()
    functions = {each["name"]: each["environment"]["variables"] for each in graph.of("aws:lambda/function:Function")}
    processor, analyzer = (functions[f"lambda-{name}-test"] for name in ("transaction-processor", "fraud-analyzer"))
    assert processor["TOKEN_NUMBER"] == "2"
    assert processor["TOKEN_KEYS_ON_TOP"] == analyzer["TOKEN_KEYS_ON_TOP"]
    assert len(processor["TOKEN_KEYS_ON_TOP"].split(",")) == 2
    assert "TOKEN_KEY" not in analyzer
    assert not any("TOKEN_KEY" in name for name in functions["lambda-report-generator-test"])
    assert graph.outputs["tokenKeys"] == "3"


def test_a_webhook_needs_tls_and_a_secret_and_neither_is_repeated() -> None:
    for url, secret in (
        ("http://example.com/hidden", "0123456789abcdef"),
        ("https://example.com/hidden", "hidden"),
        ("https://example.com/hidden", None),
        ("http://127.0.0.1:80/hidden", "0123456789abcdef"),
    ):
        values = {"alertWebhookUrl": url} | ({"alertWebhookSecret": secret} if secret else {})
        with pytest.raises(StackSettingsError, match=r"fraudstream:alertWebhook(Url|Secret)") as refused:
            read_settings(values.get, "dev", values)
        assert "hidden" not in str(refused.value)


def test_a_stack_on_one_machine_may_post_to_that_machine() -> None:
    values = {
        "packageFor": "host",
        "alertWebhookUrl": "http://127.0.0.1:8080/hidden",
        "alertWebhookSecret": "0123456789abcdef",
    }
    settings = read_settings(values.get, "dev", values)
    assert settings.alert_webhook_url == values["alertWebhookUrl"]
    assert "hidden" not in repr(settings)
    assert "0123456789" not in repr(settings)


@pytest.mark.parametrize(("reserved", "most"), [("100", 90), ("200", 190), ("3000", 2990)])
def test_what_is_kept_ready_leaves_executions_to_the_alias_of_tokens(reserved: str, most: int) -> None:
    settings = read(processorConcurrency=reserved, processorProvisionedConcurrency=str(most))
    assert settings.processor.provisioned_concurrency == most
    allowed = f"allowed: at most fraudstream:processorConcurrency, {reserved}, less 10"
    for kept in (most + 1, int(reserved)):
        with pytest.raises(StackSettingsError, match=f"processorProvisionedConcurrency is '{kept}'; {allowed}"):
            read(processorConcurrency=reserved, processorProvisionedConcurrency=str(kept))


def test_advice_on_authentication_comes_with_inline_decisions_only() -> None:
    with pytest.raises(StackSettingsError, match="scaAdvice is given beside inline decisions only"):
        read(scaAdvice="issuer", inlineDecisions="false")


def test_the_processor_is_told_of_advice_only_where_it_is_asked_for(declare: Declare) -> None:
    def told(settings: dict[str, str]) -> dict[str, str]:
        graph = declare({f"fraudstream:{name}": value for name, value in settings.items()})
        function = graph.one("aws:lambda/function:Function", "lambda-transaction-processor-test")
        variables = function["environment"]["variables"]
        return {name: value for name, value in variables.items() if name.startswith("SCA_")}

    assert told({"scaCardFraudRate": "0.08"}) == {}
    asked = {"scaAdvice": "acquirer", "scaCounter": "payments", "scaCardFraudRate": "0.08"}
    assert told(asked) == {"SCA_ADVICE": "acquirer", "SCA_COUNTER": "payments", "SCA_CARD_FRAUD_RATE": "0.08"}


LARGEST = {
    "environmentSuffix": "a" * SUFFIX_MAX_LENGTH,
    "tokenKeys": str(MOST_TOKEN_KEYS),
    "tokenNumber": str(MOST_TOKEN_KEYS),
    "logLevel": "WARNING",
    "retentionDays": "3650",
    "maxPastDays": "365",
    "maxFutureSeconds": "3600",
    "decisionLogDays": "3650",
    "inlineBudgetMilliseconds": "5000",
    "timeZone": max(available_timezones(), key=len),
    "fourEyes": ",".join(FourEyes),
    "scaAdvice": "acquirer",
    "scaCounter": "payments",
    "scaCardFraudRate": "12.345678",
    "scaTransferFraudRate": "12.345678",
    "explorationPercent": "12.345678",
    "events": "all",
}


def test_the_largest_settings_fit_into_the_variables_of_a_function(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.environments.read_placeholders", lambda: "x" * LONGEST_LIST)
    graph = declare({f"fraudstream:{name}": value for name, value in LARGEST.items()})
    for each in graph.of("aws:lambda/function:Function"):
        variables = {
            # The graph's keys are no real ones.
            name: ",".join("k" * 44 for _ in value.split(",")) if name in KEY_VARIABLES else value
            for name, value in each["environment"]["variables"].items()
        }
        if "TOKEN_KEYS_ON_TOP" in variables:
            assert len(variables["TOKEN_KEYS_ON_TOP"].split(",")) == MOST_TOKEN_KEYS - 1
        # Lambda measures them as JSON.
        size = len(json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode())
        assert size <= 4096, each["name"]
