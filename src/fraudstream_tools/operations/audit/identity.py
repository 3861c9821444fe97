"""Who works with a running fraudstream: the AWS identity behind the credentials of this machine."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

PERSONS_ARN: Final = re.compile(r"arn:[a-z0-9-]+:(iam|sts)::\d+:[A-Za-z0-9+=,.@_/-]+")


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Who works with a running fraudstream, as STS says."""

    user_id: str
    """What policies call `aws:userid`."""
    arn: str

    @property
    def name(self) -> str:
        """See `name_in`."""
        return name_in(self.arn)


def operator_of(sts: "STSClient") -> Operator:
    """Return whose credentials a client's calls are made with.

    Raises:
        ClientError: AWS refuses to say it.
        BotoCoreError: AWS cannot be reached, or there are no credentials.
    """
    answer = sts.get_caller_identity()
    return Operator(user_id=answer["UserId"], arn=answer["Arn"])


def name_in(arn: str) -> str:
    """Return the last part of an identity's ARN: a user's name, or a role's session."""
    return arn.rpartition(":")[2].rpartition("/")[2]


def with_names(text: str) -> str:
    """Return a text with names in the place of people's ARNs: see `name_in`."""
    return PERSONS_ARN.sub(lambda found: name_in(found[0]), text)
