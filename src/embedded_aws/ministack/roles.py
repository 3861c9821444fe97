"""Who acts: the roles that the embedded services take on, and the keys that have been handed out."""

from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.session
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
from botocore.loaders import create_loader

from embedded_aws.ministack.server import ACCOUNT_ID, CLIENT_CONFIG, MinistackServer
from embedded_aws.specs import Credentials


class Roles:
    """Assumes roles through STS, as the services do that the roles trust."""

    def __init__(self, server: MinistackServer) -> None:
        self._server = server
        self._sts = server.client("sts")
        # One for all clients: it keeps what it has read of AWS's descriptions, which is half a second's work.
        self._descriptions = create_loader()
        administrator = server.credentials
        self._issued = {
            administrator.access_key: Credentials(
                access_key_id=administrator.access_key,
                secret_access_key=administrator.secret_key,
                principal_arn=f"arn:aws:iam::{ACCOUNT_ID}:root",
            )
        }

    def assume(self, role_arn: str) -> Credentials:
        """Return fresh credentials of a role.

        Raises:
            ClientError: there is no such role, or it trusts no service.
        """
        answer = self._sts.assume_role(RoleArn=role_arn, RoleSessionName="local")
        issued = Credentials(
            access_key_id=answer["Credentials"]["AccessKeyId"],
            secret_access_key=answer["Credentials"]["SecretAccessKey"],
            session_token=answer["Credentials"]["SessionToken"],
            expires_at=answer["Credentials"]["Expiration"],
            principal_arn=answer["AssumedRoleUser"]["Arn"],
        )
        now = datetime.now(UTC)
        # A new mapping, so that a look-up in another thread sees one or the other.
        self._issued = {
            key: value for key, value in self._issued.items() if value.expires_at is None or value.expires_at > now
        } | {issued.access_key_id: issued}
        return issued

    def known(self, access_key_id: str) -> Credentials | None:
        """Return the credentials with an access key: the administrator's, or a role's that was taken on."""
        return self._issued.get(access_key_id)

    def client(self, service: str, role_arn: str) -> Any:  # noqa: ANN401  (any service's client)
        """Build a boto3 client that acts as a role, and renews its credentials before they expire."""
        session = botocore.session.Session()
        session.register_component("data_loader", self._descriptions)
        session.register_component("credential_provider", CredentialResolver([_RoleProvider(self, role_arn)]))
        make: Any = boto3.session.Session(botocore_session=session)
        return make.client(
            service, region_name=self._server.region, endpoint_url=self._server.endpoint_url, config=CLIENT_CONFIG
        )


class _RoleProvider(CredentialProvider):
    METHOD = "assume-role"

    def __init__(self, roles: Roles, role_arn: str) -> None:
        super().__init__()
        self._roles = roles
        self._role_arn = role_arn

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(refresh_using=self._refresh, method=self.METHOD)

    def _refresh(self) -> dict[str, Any]:
        fresh = self._roles.assume(self._role_arn)
        return {
            "access_key": fresh.access_key_id,
            "secret_key": fresh.secret_access_key,
            "token": fresh.session_token,
            "expiry_time": fresh.expires_at.isoformat() if fresh.expires_at else None,
        }
