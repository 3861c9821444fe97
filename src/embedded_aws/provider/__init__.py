"""The local provider: creates what a Pulumi program declares, in ministack and in the embedded services.

What differs from AWS, and is not an error:

- `without_meaning.py` lists the types that mean nothing on one machine, with reasons; other types without a method are
  errors, and so are inputs that no method reads.
- Resource policies lose their statements that demand TLS: only plain HTTP is spoken on the loopback interface.
- ministack 1.5.33 enforces identity policies of roles if that is switched on, with these gaps. Calls of DynamoDB
  Streams are taken to be on `*`, so a grant on a stream is not tried out (the administrator reads the streams). KMS is
  not asked when another service uses a key, so `kms:ViaService` and grants on keys are not tried out. Requests carry no
  `aws:SourceAccount`, `aws:SourceArn` and `lambda:SourceFunctionArn`; trust policies lose conditions on the first two.
  Whoever signs with the administrator's key, with `test` or with an account's number is root, whatever the secret.
"""

from embedded_aws.provider.account import Account
from embedded_aws.provider.local import LocalProvider
from embedded_aws.provider.plan import GatewayPlan, PipePlan, ServicePlan

__all__ = ["Account", "GatewayPlan", "LocalProvider", "PipePlan", "ServicePlan"]
