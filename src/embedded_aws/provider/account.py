"""The account that everything is created in, and how its resources are named."""

from dataclasses import dataclass
from typing import Any

from embedded_aws.ministack.server import ACCOUNT_ID, MinistackServer


@dataclass(frozen=True)
class Account:
    """The embedded AWS, as its administrator sees it."""

    server: MinistackServer

    @property
    def id(self) -> str:
        """The account's twelve digits."""
        return ACCOUNT_ID

    @property
    def region(self) -> str:
        """The region's name."""
        return self.server.region

    def client(self, service: str) -> Any:  # noqa: ANN401  (any service's client)
        """Return the administrator's boto3 client of a service."""
        return self.server.client(service)

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of one of the account's resources in the region."""
        return f"arn:aws:{service}:{self.region}:{self.id}:{resource}"
