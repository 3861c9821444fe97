"""How events leave the stack: two pipes from the outbox, a topic and a webhook."""

import json

from embedded_aws.streams.filters import compile_filters
from fraudstream.contract import EVENT_FIELDS, EventType
from tests.infrastructure.conftest import Declare
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, Graph
from tests.infrastructure.test_access import DYNAMODB, QUEUE, allowed, stream

PIPE = "aws:pipes/pipe:Pipe"


def test_nothing_is_told_unless_somebody_asks_for_it(graph: Graph) -> None:
    assert {pipe.name for pipe in graph.of(PIPE)} == {"pipe-alerts-test"}
    function = graph.one("aws:lambda/function:Function", "lambda-fraud-analyzer-test")
    assert not function["environment"]["variables"].keys() & {"EVENTS", "OUTBOX_TABLE"}


def test_the_analyzer_may_put_events_and_knows_which(everything: Graph) -> None:
    assert f"{DYNAMODB}outbox-test" in allowed(everything, "fraud-analyzer")["dynamodb:PutItem"]
    function = everything.one("aws:lambda/function:Function", "lambda-fraud-analyzer-test")
    assert function["environment"]["variables"]["EVENTS"] == ",".join(EventType)
    assert function["environment"]["variables"]["OUTBOX_TABLE"] == "table-outbox-test"


def test_each_pipe_may_do_what_it_does(everything: Graph) -> None:
    assert allowed(everything, "event-pipe") == stream("outbox") | {
        "sns:Publish": frozenset({f"arn:aws:sns:{REGION}:{ACCOUNT}:topic-events-test"}),
        "sqs:SendMessage": frozenset({QUEUE}),
    }
    posted = dict(allowed(everything, "webhook-pipe"))
    (destination,) = posted.pop("events:InvokeApiDestination")
    assert destination == everything.one(PIPE, "pipe-webhook-test")["target"]
    assert posted == stream("outbox") | {"sqs:SendMessage": frozenset({QUEUE})}


def test_both_pipes_send_every_field_and_give_up_to_the_dead_letters(everything: Graph) -> None:
    for name, days in (("pipe-events-test", 1 / 24), ("pipe-webhook-test", 1)):
        pipe = everything.one(PIPE, name)
        stream_parameters = pipe["sourceParameters"]["dynamodbStreamParameters"]
        assert stream_parameters["deadLetterConfig"] == {"arn": QUEUE}
        assert stream_parameters["onPartialBatchItemFailure"] == "AUTOMATIC_BISECT"
        assert stream_parameters["maximumRecordAgeInSeconds"] == days * 86_400
        message = json.loads(pipe["targetParameters"]["inputTemplate"])
        assert message == {field: f"<$.dynamodb.NewImage.{field}.S>" for field in EVENT_FIELDS}


def test_both_pipes_send_what_is_new_and_what_somebody_sends_again(everything: Graph) -> None:
    event = {"eventId": {"S": "1"}, "expiresAt": {"N": "1"}}
    for name in ("pipe-events-test", "pipe-webhook-test"):
        patterns = everything.one(PIPE, name)["sourceParameters"]["filterCriteria"]["filters"]
        is_sent = compile_filters([json.loads(each["pattern"]) for each in patterns])
        assert is_sent({"eventName": "INSERT", "dynamodb": {"NewImage": event}})
        assert is_sent({"eventName": "MODIFY", "dynamodb": {"NewImage": event | {"resentAt": {"N": "1"}}}})
        assert not is_sent({"eventName": "MODIFY", "dynamodb": {"NewImage": event}})
        assert not is_sent({"eventName": "REMOVE", "dynamodb": {"OldImage": event}})


def test_the_chosen_types_are_those_of_the_setting(declare: Declare) -> None:
    graph = declare({"fraudstream:events": "CASE_CLOSED, LABEL_SET"})
    function = graph.one("aws:lambda/function:Function", "lambda-fraud-analyzer-test")
    assert function["environment"]["variables"]["EVENTS"] == "LABEL_SET,CASE_CLOSED"
    assert graph.outputs["eventTopicArn"] == f"arn:aws:sns:{REGION}:{ACCOUNT}:topic-events-test"


def test_the_webhook_has_the_secret_in_its_header(everything: Graph) -> None:
    connection = everything.one("aws:cloudwatch/eventConnection:EventConnection")
    assert connection["authParameters"] == {"apiKey": {"key": "Authorization", "value": "0123456789abcdef"}}
