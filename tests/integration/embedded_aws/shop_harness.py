"""A small Pulumi program with one of everything that the embedded AWS plays, and its function."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

HANDLER = """
import json, os, boto3
dynamodb = boto3.client("dynamodb")

def handler(event, context):
    if "httpMethod" in event:
        order = event["pathParameters"]["id"]
        dynamodb.put_item(TableName=os.environ["ORDERS"], Item={"id": {"S": order}})
        return {"statusCode": 201, "headers": {"Content-Type": "text/plain"}, "body": order}
    for record in event.get("Records", []):
        if record["dynamodb"]["Keys"]["id"]["S"] == "poison":
            raise ValueError("poison")
        dynamodb.put_item(TableName=os.environ["BILLS"], Item={"id": record["dynamodb"]["Keys"]["id"]})
    if event.get("forbidden"):
        dynamodb.scan(TableName=os.environ["ORDERS"])
    if event.get("fail"):
        raise RuntimeError("on purpose")
    print("handled", sorted(event))
    return {"task": event.get("task"), "owner": os.environ["OWNER"]}
"""
LIBRARIES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")


def write_package(folder: Path) -> Path:
    """A package like the ones on AWS: the handler with its libraries, and nothing else of this environment."""
    folder.mkdir()
    (folder / "app.py").write_text(HANDLER)
    for name in LIBRARIES:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def _role(name: str, service: str, policy: pulumi.Input[str]) -> aws.iam.Role:
    trust = _policy({"Action": "sts:AssumeRole", "Principal": {"Service": service}})
    role = aws.iam.Role(name, name=name, assume_role_policy=trust)
    aws.iam.RolePolicy(name, role=role.name, policy=policy)
    return role


def _table(name: str, *, stream: bool) -> aws.dynamodb.Table:
    return aws.dynamodb.Table(
        name,
        name=name,
        billing_mode="PAY_PER_REQUEST",
        hash_key="id",
        attributes=[{"name": "id", "type": "S"}],
        stream_enabled=stream,
        stream_view_type="NEW_IMAGE" if stream else None,
    )


def _api(function: aws.lambda_.Function) -> aws.apigateway.Stage:
    api = aws.apigateway.RestApi("api", name="api")
    orders = aws.apigateway.Resource("orders", rest_api=api.id, parent_id=api.root_resource_id, path_part="orders")
    order = aws.apigateway.Resource("order", rest_api=api.id, parent_id=orders.id, path_part="{id}")
    method = aws.apigateway.Method(
        "put", rest_api=api.id, resource_id=order.id, http_method="PUT", authorization="AWS_IAM"
    )
    integration = aws.apigateway.Integration(
        "put",
        rest_api=api.id,
        resource_id=order.id,
        http_method=method.http_method,
        integration_http_method="POST",
        type="AWS_PROXY",
        uri=function.invoke_arn,
    )
    aws.lambda_.Permission(
        "api",
        action="lambda:InvokeFunction",
        function=function.name,
        principal="apigateway.amazonaws.com",
        source_arn=pulumi.Output.concat(api.execution_arn, "/*/*"),
    )
    deployment = aws.apigateway.Deployment(
        "now", rest_api=api.id, opts=pulumi.ResourceOptions(depends_on=[integration])
    )
    return aws.apigateway.Stage("live", rest_api=api.id, stage_name="live", deployment=deployment.id)


def _announce(orders: aws.dynamodb.Table) -> aws.sqs.Queue:
    """A pipe that tells a topic of every order, and a queue that listens."""
    topic = aws.sns.Topic("news", name="news")
    news = aws.sqs.Queue("news", name="news")
    deliver = {"Action": "sqs:SendMessage", "Principal": {"Service": "sns.amazonaws.com"}}
    aws.sqs.QueuePolicy(
        "news",
        queue_url=news.url,
        policy=pulumi.Output.all(news.arn, topic.arn).apply(
            lambda arns: _policy(
                {**deliver, "Resource": arns[0], "Condition": {"ArnEquals": {"aws:SourceArn": arns[1]}}}
            )
        ),
    )
    aws.sns.TopicSubscription("news", topic=topic.arn, protocol="sqs", endpoint=news.arn)
    read = {"Action": ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]}
    policy = pulumi.Output.all(orders.stream_arn, topic.arn).apply(
        lambda arns: _policy({**read, "Resource": arns[0]}, {"Action": "sns:Publish", "Resource": arns[1]})
    )
    aws.pipes.Pipe(
        "news",
        name="news",
        role_arn=_role("teller", "pipes.amazonaws.com", policy).arn,
        source=orders.stream_arn,
        source_parameters={"dynamodb_stream_parameters": {"starting_position": "TRIM_HORIZON", "batch_size": 5}},
        target=topic.arn,
        target_parameters={"input_template": '{"order": <$.dynamodb.Keys.id.S>}'},
    )
    return news


def shop(package: Path) -> Callable[[], None]:
    """The program: PUT /orders/{id} stores an order, its stream makes a bill, and a pipe spreads the news."""

    def program() -> None:
        config = pulumi.Config("shop")
        orders, bills = _table("orders", stream=True), _table("bills", stream=False)
        read = {"Action": ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]}
        dead, missed = aws.sqs.Queue("dead", name="dead"), aws.sqs.Queue("missed", name="missed")
        policy = pulumi.Output.all(orders.arn, bills.arn, orders.stream_arn, dead.arn, missed.arn).apply(
            lambda arns: _policy(
                {"Action": "dynamodb:PutItem", "Resource": arns[:2]},
                {**read, "Resource": arns[2]},
                {"Action": "sqs:SendMessage", "Resource": arns[3:]},
            )
        )
        function = aws.lambda_.Function(
            "clerk",
            name="clerk",
            handler="app.handler",
            runtime="python3.11",
            role=_role("clerk", "lambda.amazonaws.com", policy).arn,
            code=pulumi.FileArchive(str(package)),
            timeout=20,
            environment={
                "variables": {"ORDERS": orders.name, "BILLS": bills.name, "OWNER": config.require_secret("owner")}
            },
        )
        aws.lambda_.EventSourceMapping(
            "bills",
            event_source_arn=orders.stream_arn,
            function_name=function.arn,
            starting_position="TRIM_HORIZON",
            maximum_retry_attempts=1,
            bisect_batch_on_function_error=True,
            destination_config={"on_failure": {"destination_arn": dead.arn}},
        )
        aws.lambda_.FunctionEventInvokeConfig(
            "clerk", function_name=function.name, destination_config={"on_failure": {"destination": missed.arn}}
        )
        for name, event in (("daily", '{"task": "count"}'), ("hopeless", '{"fail": true}')):
            aws.scheduler.Schedule(
                name,
                name=name,
                schedule_expression="cron(0 1 * * ? *)",
                flexible_time_window={"mode": "OFF"},
                target={"arn": function.arn, "role_arn": "arn:aws:iam::000000000000:role/r", "input": event},
            )
        news = _announce(orders)
        pulumi.export("url", _api(function).invoke_url)
        pulumi.export("news", news.url)
        pulumi.export("dead", dead.url)
        pulumi.export("missed", missed.url)

    return program
