"""Who works with a running fraudstream: the AWS identity behind the credentials of this machine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient


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
