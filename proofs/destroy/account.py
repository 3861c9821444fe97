"""What there is in an account, listed service by service, and not by the code that looks for leftovers."""

from collections.abc import Callable, Iterator
from typing import Any


def everything(clients: Callable[[str], Any]) -> set[str]:
    """Return the kinds and names of all that is there; of keys, those that are not about to be deleted."""
    return {f"{kind} {name}" for kind, name in _listed(clients)}


def _listed(clients: Callable[[str], Any]) -> Iterator[tuple[str, str]]:
    dynamodb, iam, kms = clients("dynamodb"), clients("iam"), clients("kms")
    for page in dynamodb.get_paginator("list_tables").paginate():
        yield from (("table", name) for name in page["TableNames"])
    yield from (("backup", each["BackupArn"]) for each in dynamodb.list_backups()["BackupSummaries"])
    yield from (("bucket", each["Name"]) for each in clients("s3").list_buckets()["Buckets"])
    for page in clients("logs").get_paginator("describe_log_groups").paginate():
        yield from (("log group", each["logGroupName"]) for each in page["logGroups"])
    for page in iam.get_paginator("list_roles").paginate():
        yield from (("role", each["RoleName"]) for each in page["Roles"])
    for page in iam.get_paginator("list_policies").paginate(Scope="Local"):
        yield from (("policy", each["Arn"]) for each in page["Policies"])
    for page in kms.get_paginator("list_aliases").paginate():
        yield from (("alias", each["AliasName"]) for each in page["Aliases"])
    for page in kms.get_paginator("list_keys").paginate():
        for each in page["Keys"]:
            if kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"]["KeyState"] != "PendingDeletion":
                yield "key", each["KeyArn"]
    for page in clients("sns").get_paginator("list_topics").paginate():
        yield from (("topic", each["TopicArn"]) for each in page["Topics"])
    yield from (("queue", url.rpartition("/")[2]) for url in clients("sqs").list_queues().get("QueueUrls", ()))
