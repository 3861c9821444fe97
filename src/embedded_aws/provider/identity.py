"""Roles, their policies, keys, and what else says who may do what."""

import json
import secrets
import string
from collections.abc import Mapping

from embedded_aws.provider.account import Account
from embedded_aws.provider.creators import Create
from embedded_aws.provider.inputs import Inputs
from embedded_aws.provider.policies import without_caller_conditions
from embedded_aws.pulumi_program import Created


class Identity:
    """IAM, KMS, and random values that serve as keys."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def creators(self) -> Mapping[str, Create]:
        """Return the methods by resource type."""
        return {
            "aws:iam/role:Role": self.role,
            "aws:iam/rolePolicy:RolePolicy": self.role_policy,
            "aws:iam/policy:Policy": self.policy,
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment": self.role_policy_attachment,
            "aws:kms/key:Key": self.key,
            "aws:kms/alias:Alias": self.alias,
            "random:index/randomPassword:RandomPassword": self.random_password,
        }

    def role(self, name: str, inputs: Inputs) -> Created:
        """Create an IAM role."""
        inputs.skip("forceDetachPolicies", "maxSessionDuration")
        role = self._account.client("iam").create_role(
            RoleName=inputs.get("name", name),
            AssumeRolePolicyDocument=without_caller_conditions(_document(inputs["assumeRolePolicy"])),
            Path=inputs.get("path", "/"),
            Description=inputs.get("description", ""),
            Tags=inputs.tag_list(),
        )["Role"]
        return Created(
            id=role["RoleName"], outputs={"arn": role["Arn"], "name": role["RoleName"], "uniqueId": role["RoleId"]}
        )

    def role_policy(self, name: str, inputs: Inputs) -> Created:
        """Attach an inline policy to a role."""
        role, policy = inputs["role"], inputs.get("name", name)
        self._account.client("iam").put_role_policy(
            RoleName=role, PolicyName=policy, PolicyDocument=_document(inputs["policy"])
        )
        return Created(id=f"{role}:{policy}", outputs={"name": policy})

    def policy(self, name: str, inputs: Inputs) -> Created:
        """Create a managed policy."""
        policy = self._account.client("iam").create_policy(
            PolicyName=inputs.get("name", name),
            PolicyDocument=_document(inputs["policy"]),
            Path=inputs.get("path", "/"),
            Description=inputs.get("description", ""),
            Tags=inputs.tag_list(),
        )["Policy"]
        return Created(id=policy["Arn"], outputs={"arn": policy["Arn"], "name": policy["PolicyName"]})

    def role_policy_attachment(self, name: str, inputs: Inputs) -> Created:
        """Attach a managed policy to a role."""
        self._account.client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return Created(id=name)

    def key(self, name: str, inputs: Inputs) -> Created:
        """Create a KMS key."""
        inputs.skip("deletionWindowInDays", "bypassPolicyLockoutSafetyCheck")
        kms = self._account.client("kms")
        policy = inputs.get("policy")
        key = kms.create_key(
            Description=inputs.get("description", name),
            Tags=[{"TagKey": key, "TagValue": value} for key, value in inputs.tags().items()],
            **({"Policy": _document(policy)} if policy else {}),
        )["KeyMetadata"]
        if inputs.get("enableKeyRotation", False):
            kms.enable_key_rotation(KeyId=key["KeyId"])
        return Created(id=key["KeyId"], outputs={"arn": key["Arn"], "keyId": key["KeyId"]})

    def alias(self, name: str, inputs: Inputs) -> Created:
        """Name a KMS key."""
        alias, key = inputs.get("name", f"alias/{name}"), inputs["targetKeyId"]
        kms = self._account.client("kms")
        kms.create_alias(AliasName=alias, TargetKeyId=key)
        target = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
        return Created(
            id=alias, outputs={"arn": self._account.arn("kms", alias), "name": alias, "targetKeyArn": target}
        )

    def random_password(self, name: str, inputs: Inputs) -> Created:
        """Draw a password, a new one in every run."""
        del name
        characters = string.ascii_letters + string.digits
        if inputs.get("special", True):
            characters += inputs.get("overrideSpecial", "!@#$%&*()-_=+[]{}<>:?")
        return Created(
            id="none", outputs={"result": "".join(secrets.choice(characters) for _ in range(inputs["length"]))}
        )


def _document(policy: str | Mapping[str, object]) -> str:
    """Return a policy as JSON: Pulumi takes it as a text and as an object."""
    return policy if isinstance(policy, str) else json.dumps(policy)
