"""Finds for every resource type the method that plays it."""

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from embedded_aws.provider.account import Account
from embedded_aws.provider.apis import Apis
from embedded_aws.provider.functions import Functions
from embedded_aws.provider.identity import Identity
from embedded_aws.provider.inputs import Inputs
from embedded_aws.provider.messaging import Messaging
from embedded_aws.provider.plan import ServicePlan
from embedded_aws.provider.storage import Storage
from embedded_aws.provider.without_meaning import ABSENT, stand_in
from embedded_aws.pulumi_program import Created, DeploymentError, Resource
from embedded_aws.unpacked import UnpackedPackages

if TYPE_CHECKING:
    from embedded_aws.provider.creators import Create

_PROVIDER = "pulumi:providers:"
_CALLER_IDENTITY = "aws:index/getCallerIdentity:getCallerIdentity"
_ZONES = "aws:index/getAvailabilityZones:getAvailabilityZones"


class LocalProvider:
    """Creates each resource with the method of its type; a type without one is an error, and so is an input."""

    def __init__(
        self,
        account: Account,
        *,
        packages: UnpackedPackages,
        reserve_port: Callable[[], int],
        on_progress: Callable[[str], None],
    ) -> None:
        self.plan = ServicePlan()
        self._account = account
        self._on_progress = on_progress
        self._default_tags: dict[str, Mapping[str, str]] = {}
        self._apis = Apis(account, self.plan, reserve_port)
        self._creators: dict[str, Create] = {
            **Identity(account).creators(),
            **Storage(account).creators(),
            **Messaging(account, self.plan).creators(),
            **Functions(account, self.plan, packages).creators(),
            **self._apis.creators(),
        }

    def create(self, resource: Resource, urn: str) -> Created:
        """Create a resource.

        Raises:
            DeploymentError: nothing here plays its type or one of its inputs, or an input is missing.
        """
        label = f"{resource.type} {resource.name}"
        try:
            return self._create(resource, urn)
        except DeploymentError as error:
            raise DeploymentError(f"{label}: {error}") from error.__cause__

    def call(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer what a program asks of its cloud.

        Raises:
            DeploymentError: nothing here answers it.
        """
        del arguments
        if token == _ZONES:
            # Functions are in no network here, so that no subnet needs a zone; the program names two.
            return {"names": [f"{self._account.region}{letter}" for letter in "abc"]}
        if token == _CALLER_IDENTITY:
            caller = self._account.client("sts").get_caller_identity()
            return {
                "accountId": caller["Account"],
                "arn": caller["Arn"],
                "id": caller["Account"],
                "userId": caller["UserId"],
            }
        raise DeploymentError(f"{token} is not answered by the embedded AWS")

    def finish(self) -> ServicePlan:
        """End the program, and return what is to be started.

        Raises:
            DeploymentError: what was declared does not fit together.
        """
        self._apis.finish()
        known = {function.name for function in self.plan.functions}
        invoked = [each.function_name for each in (*self.plan.event_sources, *self.plan.schedules)]
        invoked += [each.function_name for each in self.plan.event_invokes]
        invoked += [route.function_name for gateway in self.plan.gateways for route in gateway.spec.routes]
        if missing := sorted(set(invoked) - known):
            raise DeploymentError(f"functions are invoked that the program does not declare: {', '.join(missing)}")
        return self.plan

    def _create(self, resource: Resource, urn: str) -> Created:
        if resource.type.startswith(_PROVIDER):
            return self._provider(resource, urn)
        inputs = Inputs(resource.inputs, self._default_tags.get(resource.provider, {}))
        if resource.type in ABSENT:
            created = stand_in(self._account, resource.type, resource.name, inputs.get("name", resource.name))
        elif creator := self._creators.get(resource.type):
            self._on_progress(f"creating {_kind(resource.type)} {resource.name}")
            created = creator(resource.name, inputs)
            inputs.skip("region")
            if unread := inputs.unread():
                raise DeploymentError(f"the embedded AWS does not play {', '.join(unread)}")
        else:
            raise DeploymentError("the embedded AWS does not play this type of resource")
        return Created(id=created.id, outputs={"tagsAll": inputs.tags(), **created.outputs})

    def _provider(self, resource: Resource, urn: str) -> Created:
        region = resource.inputs.get("region", self._account.region)
        if region != self._account.region:
            raise DeploymentError(f"is for {region}, but the embedded AWS plays {self._account.region}")
        # A provider's settings travel as JSON within JSON.
        tags: Any = resource.inputs.get("defaultTags", {})
        decoded = json.loads(tags) if isinstance(tags, str) else tags
        identity = f"{resource.name}-id"
        self._default_tags[f"{urn}::{identity}"] = decoded.get("tags", {})
        return Created(id=identity)


def _kind(resource_type: str) -> str:
    """Return a type's name as words: `event source mapping`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", resource_type.rsplit(":", 1)[1]).lower()
