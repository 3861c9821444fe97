"""Encryption: the stack's key, its policy, and the secrets that turn identifiers into tokens and seal the log.

The secrets are random passwords, which Pulumi's state holds encrypted. Earlier versions made them as random bytes. The
id of those is the value itself, and the engine encrypts no id (issue 8946 of pulumi/pulumi). A key is never replaced,
since nobody would be found again; so a standing stack keeps its bytes until they are imported as a password (ADR 0074).
"""

from collections.abc import Collection, Sequence
from typing import Literal

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from infra.compute.roles import ServiceRole, Statement, document
from infra.naming import StackContext

KeyUser = Literal["dynamodb", "s3", "sqs", "sns"]
READABLE = "random:index/randomBytes:RandomBytes"
ENCRYPTED = "random:index/randomPassword:RandomPassword"
"""Types of the resource that a secret is, by how the state holds it."""
_CHARACTERS = 43
"""Characters of base64, without padding: 32 bytes."""
_FILLED_IN_BY_IMPORT = ["length", "lower", "number", "numeric", "overrideSpecial", "special", "upper"]
"""Inputs that an import finds in the key, and that differ from those of a drawn one."""

# What a caller of each service needs of the key (the services' own pages on encryption at rest).
_READ = {"dynamodb": ("kms:Decrypt", "kms:DescribeKey"), "s3": ("kms:Decrypt",)}
_WRITE = {
    "dynamodb": (
        "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo",
    ),
    "s3": ("kms:Decrypt", "kms:GenerateDataKey"),
    "sqs": ("kms:Decrypt", "kms:GenerateDataKey"),
    "sns": ("kms:Decrypt", "kms:GenerateDataKey"),
}  # fmt: skip


def readable_keys(resources: Collection[str]) -> frozenset[str]:
    """Return the names of secrets that Pulumi's state holds readable: of bytes that are not imported as a password.

    Args:
        resources: URNs of what stands.
    """
    bytes_, passwords = ({name_of(urn) for urn in resources if f"${kind}::" in urn} for kind in (READABLE, ENCRYPTED))
    return frozenset(bytes_ - passwords)


def name_of(urn: str) -> str:
    """Return the name of a resource, which its URN ends with."""
    return urn.rsplit("::", maxsplit=1)[-1]


def _padded(drawn: str) -> str:
    # A double of the engine may answer with nothing.
    return drawn and drawn + "=" * (-len(drawn) % 4)


class Keys(pulumi.ComponentResource):
    """The customer-managed key, unless AWS's own keys are to be used, the token key, and the log's key."""

    def __init__(
        self,
        place: StackContext,
        *,
        customer_managed: bool,
        token_keys: int,
        readable: Collection[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the keys.

        Args:
            place: the stack's region, account and names.
            customer_managed: whether there is a key of the stack's own.
            token_keys: how many numbers tokens can have.
            readable: names of secrets that stay random bytes: see `readable_keys`.
            opts: Pulumi's options.
        """
        super().__init__("fraudstream:infra:Keys", place.name("component", "keys"), None, opts)
        self._place = place
        self.arn: pulumi.Output[str] | None = self._make_key() if customer_managed else None
        """None: AWS's own keys are used."""
        self._readable = readable
        self.token_key = self._secret("token-key")
        """Key of the HMAC that makes tokens: 32 bytes in base64, secret."""
        on_top = [self._secret(f"token-key-{number}") for number in range(2, token_keys + 1)]
        self.token_keys_on_top = pulumi.Output.secret(pulumi.Output.all(*on_top).apply(",".join))
        """Keys of the token numbers from 2 on, separated by commas, secret; empty where there are none."""
        self.log_key = self._secret("log-key")
        """Key of the HMACs over the decision log: 32 bytes in base64, secret."""
        self.register_outputs({})

    def _secret(self, purpose: str) -> pulumi.Output[str]:
        name = self._place.name("secret", purpose)
        if name in self._readable:
            pulumi.log.warn(
                f"Pulumi's state holds {name} readable, since an earlier version made it: docs/security.md says how "
                "to encrypt it there (keys in the state).",
                self,
            )
            bytes_ = random.RandomBytes(name, length=32, opts=pulumi.ResourceOptions(parent=self))
            return pulumi.Output.secret(bytes_.base64)
        password = random.RandomPassword(
            name,
            length=_CHARACTERS,
            special=True,
            override_special="+/",
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=_FILLED_IN_BY_IMPORT),
        )
        return pulumi.Output.secret(password.result.apply(_padded))

    def _make_key(self) -> pulumi.Output[str]:
        place = self._place
        key = aws.kms.Key(
            place.name("key", "data"),
            description="Everything that fraudstream stores",
            policy=document(*self._key_policy()),
            enable_key_rotation=True,
            deletion_window_in_days=7,
            tags={"Name": place.name("key", "data")},
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.kms.Alias(
            place.name("alias", "data"),
            name=f"alias/{place.name('key', 'data')}",
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return key.arn

    def _key_policy(self) -> Sequence[Statement]:
        place = self._place
        # In a key's policy `*` is the key itself.
        itself = ("*",)
        return (
            Statement(
                principal={"AWS": pulumi.Output.format("arn:aws:iam::{0}:root", place.account_id)},
                actions=("kms:*",),
                resources=itself,
            ),
            Statement(
                principal={"Service": f"logs.{place.region}.amazonaws.com"},
                actions=("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"),
                resources=itself,
                conditions={
                    "StringLike": {
                        "kms:EncryptionContext:aws:logs:arn": place.arn(
                            "logs", f"log-group:{place.name('log-group', '*')}"
                        )
                    }
                },
            ),
        )

    def _through(self, service: KeyUser, actions: Sequence[str]) -> tuple[Statement, ...]:
        if self.arn is None:
            return ()
        via = f"{service}.{self._place.region}.amazonaws.com"
        return (
            Statement(actions=actions, resources=(self.arn,), conditions={"StringEquals": {"kms:ViaService": via}}),
        )

    def to_read(self, service: Literal["dynamodb", "s3"]) -> tuple[Statement, ...]:
        """Return what a role needs of the key to read what a service stores; nothing where AWS's own keys are used."""
        return self._through(service, _READ[service])

    def to_write(self, service: KeyUser) -> tuple[Statement, ...]:
        """Return what a role needs of the key to write through a service; nothing where AWS's own keys are used."""
        return self._through(service, _WRITE[service])

    def grant_environment(self, role: ServiceRole, function_arns: Sequence[pulumi.Input[str]]) -> None:
        """Allow a function's role to decrypt the function's environment variables, and nothing else that way.

        Args:
            role: the function's.
            function_arns: the function's ARN, or patterns of those of its versions too.
        """
        if self.arn is not None:
            first, *more = function_arns
            name = "kms:EncryptionContext:aws:lambda:FunctionArn"
            statement = Statement(
                actions=("kms:Decrypt",),
                resources=(self.arn,),
                conditions={"StringLike": {name: function_arns}} if more else {"StringEquals": {name: first}},
            )
            role.allow("environment", statement)
