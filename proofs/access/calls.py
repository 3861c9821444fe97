"""Calls that are really made, under the policies that the embedded AWS enforces."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from proofs.access.evaluator import Asked, Statement, allows
from proofs.access.places import VARIABLES

if TYPE_CHECKING:
    from embedded_aws.cloud import LocalCloud
    from proofs.access.matrix import Policies

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})
_ITEM: Final = {"S": "probe"}
_KEYS: Final = {
    "transactions": {"transactionId": _ITEM, "timestamp": {"N": "1"}},
    "profiles": {"entity": _ITEM},
    "alerts": {"transactionId": _ITEM},
    "outbox": {"transactionId": _ITEM, "eventId": _ITEM},
}
_OUTPUTS: Final = {purpose: f"{purpose}Table" for purpose in _KEYS}


@dataclass(frozen=True)
class ProbeCall:
    """One call of one action on one resource."""

    service: str
    method: str
    action: str
    resource: str
    parameters: Mapping[str, Any]


@dataclass
class CallVerdict:
    """What came of the calls."""

    tried: int = 0
    let_in: list[str] = field(default_factory=list[str])
    kept_out: list[str] = field(default_factory=list[str])


def judge_calls(cloud: "LocalCloud", policies: "Policies", suffix: str) -> CallVerdict:
    """Make every call as every role and operator, and compare with what the policies say.

    Args:
        cloud: with its policies enforced.
        policies: of the deployed stack.
        suffix: what names of roles and policies end with.
    """
    verdict = CallVerdict()
    calls = list(_calls(cloud))
    for principal, statements in policies.items():
        make = _clients(cloud, _credentials(cloud, principal, suffix))
        for call in calls:
            if _is_conditional(statements, call):
                # The emulator does not know every condition: the matrix judges those.
                continue
            verdict.tried += 1
            must = allows(statements, Asked(call.action, call.resource), VARIABLES)
            was_let_in = _is_let_in(make(call.service), call)
            if was_let_in and not must:
                verdict.let_in.append(f"{principal}: {call.action} on {call.resource}")
            if must and not was_let_in:
                verdict.kept_out.append(f"{principal}: {call.action} on {call.resource}")
    return verdict


def _is_conditional(statements: Sequence[Statement], call: ProbeCall) -> bool:
    return any("Condition" in each and call.action in each["Action"] for each in statements)


def _credentials(cloud: "LocalCloud", principal: str, suffix: str) -> Mapping[str, str]:
    """Return credentials of a role, or of a user to whom an operator's policy was attached."""
    iam = cloud.client("iam")
    if principal.startswith("role-"):
        arn = iam.get_role(RoleName=principal + suffix)["Role"]["Arn"]
        given = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }
    name = f"user-{principal}"
    iam.create_user(UserName=name)
    (arn,) = [
        each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"] if each["PolicyName"] == principal + suffix
    ]
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def _clients(cloud: "LocalCloud", credentials: Mapping[str, str]) -> Callable[[str], Any]:
    made: dict[str, Any] = {}
    session: Any = boto3.session.Session()
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)

    def make(service: str) -> Any:  # noqa: ANN401  (a client)
        if service not in made:
            made[service] = session.client(
                service,
                region_name=cloud.outputs["region"],
                endpoint_url=cloud.endpoint_url,
                config=config,
                **credentials,
            )
        return made[service]

    return make


def _is_let_in(client: Any, call: ProbeCall) -> bool:  # noqa: ANN401  (a client)
    try:
        getattr(client, call.method)(**call.parameters)
    except ClientError as error:
        # Refused for another reason is let in all the same: the policies had let it pass.
        return error.response.get("Error", {}).get("Code") not in _DENIED
    return True


def _calls(cloud: "LocalCloud") -> Iterator[ProbeCall]:
    for purpose, output in _OUTPUTS.items():
        yield from _of_table(cloud, purpose, cloud.outputs[output])
    yield from _of_bucket(cloud.outputs["bucketName"])
    url = cloud.outputs["deadLetterQueueUrl"]
    queue = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    for method, action, more in (
        ("send_message", "SendMessage", {"MessageBody": "{}"}),
        ("receive_message", "ReceiveMessage", {}),
        ("purge_queue", "PurgeQueue", {}),
        ("delete_queue", "DeleteQueue", {}),
        ("set_queue_attributes", "SetQueueAttributes", {"Attributes": {"DelaySeconds": "1"}}),
    ):
        yield ProbeCall("sqs", method, f"sqs:{action}", queue, {"QueueUrl": url, **more})
    for topic in (cloud.outputs["alertTopicArn"], cloud.outputs["alarmTopicArn"], cloud.outputs["eventTopicArn"]):
        yield ProbeCall("sns", "publish", "sns:Publish", topic, {"TopicArn": topic, "Message": "probe"})
        yield ProbeCall("sns", "delete_topic", "sns:DeleteTopic", topic, {"TopicArn": topic})
        subscription = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue}
        yield ProbeCall("sns", "subscribe", "sns:Subscribe", topic, subscription)
    yield from _of_identity(cloud)


def _of_table(cloud: "LocalCloud", purpose: str, table: str) -> Iterator[ProbeCall]:
    key = _KEYS[purpose]
    arn = cloud.client("dynamodb").describe_table(TableName=table)["Table"]["TableArn"]
    name, value = next(iter(key.items()))
    update = {"Key": key, "UpdateExpression": "SET probe = :x", "ExpressionAttributeValues": {":x": value}}
    query = {"KeyConditionExpression": f"{name} = :x", "ExpressionAttributeValues": {":x": value}}
    for method, action, parameters in (
        ("get_item", "GetItem", {"Key": key}),
        ("put_item", "PutItem", {"Item": key}),
        ("update_item", "UpdateItem", update),
        ("delete_item", "DeleteItem", {"Key": key}),
        ("query", "Query", query),
        ("scan", "Scan", {"Limit": 1}),
        ("describe_table", "DescribeTable", {}),
        ("delete_table", "DeleteTable", {}),
        ("update_table", "UpdateTable", {"BillingMode": "PAY_PER_REQUEST"}),
        ("create_backup", "CreateBackup", {"BackupName": "probe"}),
        (
            "update_time_to_live",
            "UpdateTimeToLive",
            {"TimeToLiveSpecification": {"Enabled": False, "AttributeName": "x"}},
        ),
    ):
        yield ProbeCall("dynamodb", method, f"dynamodb:{action}", arn, {"TableName": table, **parameters})
    batch_read = {"RequestItems": {table: {"Keys": [key]}}}
    batch_write = {"RequestItems": {table: [{"DeleteRequest": {"Key": key}}]}}
    yield ProbeCall("dynamodb", "batch_get_item", "dynamodb:BatchGetItem", arn, batch_read)
    yield ProbeCall("dynamodb", "batch_write_item", "dynamodb:BatchWriteItem", arn, batch_write)


def _of_bucket(bucket: str) -> Iterator[ProbeCall]:
    arn = f"arn:aws:s3:::{bucket}"
    for key in ("rulesets/live/probe", "decision-log/probe", "reports/probe", "audit/probe", "probe"):
        for method, action, more in (
            ("get_object", "GetObject", {}),
            ("put_object", "PutObject", {"Body": b"probe"}),
            ("delete_object", "DeleteObject", {}),
        ):
            yield ProbeCall("s3", method, f"s3:{action}", f"{arn}/{key}", {"Bucket": bucket, "Key": key, **more})
    for method, action, more in (
        ("list_objects_v2", "ListBucket", {}),
        ("list_object_versions", "ListBucketVersions", {}),
        ("get_bucket_policy", "GetBucketPolicy", {}),
        ("delete_bucket", "DeleteBucket", {}),
        ("put_bucket_policy", "PutBucketPolicy", {"Policy": "{}"}),
        ("put_bucket_versioning", "PutBucketVersioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
    ):
        yield ProbeCall("s3", method, f"s3:{action}", arn, {"Bucket": bucket, **more})


def _of_identity(cloud: "LocalCloud") -> Iterator[ProbeCall]:
    iam = cloud.client("iam")
    for role in iam.list_roles()["Roles"]:
        arn, name = role["Arn"], {"RoleName": role["RoleName"]}
        document = {"PolicyName": "probe", "PolicyDocument": "{}"}
        yield ProbeCall("iam", "put_role_policy", "iam:PutRolePolicy", arn, {**name, **document})
        yield ProbeCall("iam", "delete_role", "iam:DeleteRole", arn, name)
        yield ProbeCall("sts", "assume_role", "sts:AssumeRole", arn, {"RoleArn": arn, "RoleSessionName": "probe"})
    user = "arn:aws:iam::000000000000:user/probe"
    yield ProbeCall("iam", "create_user", "iam:CreateUser", user, {"UserName": "probe"})
    yield ProbeCall("iam", "create_access_key", "iam:CreateAccessKey", user, {"UserName": "probe"})
    key = cloud.outputs["encryptionKeyArn"]
    yield ProbeCall("kms", "schedule_key_deletion", "kms:ScheduleKeyDeletion", key, {"KeyId": key})
    yield ProbeCall("kms", "disable_key", "kms:DisableKey", key, {"KeyId": key})
