"""Role credentials for the functions' processes, fetched once and again before they expire."""

import asyncio
from datetime import UTC, datetime, timedelta

from embedded_aws.specs import Credentials, RoleCredentials

_MARGIN_SECONDS = 300.0


class CredentialCache:
    """The credentials of roles. Its methods are called on the runtime's event loop only."""

    def __init__(self, fetch: RoleCredentials) -> None:
        self._fetch = fetch
        self._cached: dict[str, Credentials] = {}

    async def get(self, role_arn: str, seconds: float) -> Credentials:
        """Return credentials of a role that last for work of some seconds, and for a while longer."""
        known = self._cached.get(role_arn)
        if known is None or self.expires_soon(known, seconds):
            known = await asyncio.get_running_loop().run_in_executor(None, self._fetch, role_arn)
            self._cached[role_arn] = known
        return known

    def expires_soon(self, credentials: Credentials, seconds: float) -> bool:
        """Return whether credentials expire too soon to begin work of some seconds with them.

        A process can't be given new ones, since it has them in its environment: Lambda replaces it, and so do we.
        """
        if credentials.expires_at is None:
            return False
        return credentials.expires_at - datetime.now(UTC) < timedelta(seconds=_MARGIN_SECONDS + seconds)
