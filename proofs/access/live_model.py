"""A live model that promises how much it flags, and its breaker: so that what both need is asked for by somebody."""

from typing import TYPE_CHECKING, Final

import msgspec

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import MODELS_FILE, MODELS_FOLDER, RULESET_PREFIX
from fraudstream.detection.models.breaker import hour_of
from fraudstream.detection.models.model import Model, Promise, load, seal
from fraudstream.detection.stores.decisions.breaker import DECISIONS, FLAGGED, item_key
from fraudstream.transactions.storage.attributes import to_item

if TYPE_CHECKING:
    from embedded_aws.cloud import LocalCloud
    from proofs.stack.deployment import ProofDeployment

_SHIPPED: Final = "default.json"
_OWN: Final = "proof.json"
_PROMISE: Final = Promise(log_odds=0, shares=(0.01,) * 24, spread=1)
_COUNTED: Final = {DECISIONS: 10_000, FLAGGED: 9_000}
"""What other environments have seen within this hour: far more than was promised."""


def publish_live_model(cloud: "LocalCloud") -> Model:
    """Have the model that ships take part in decisions, as one that somebody has trained, and return it."""
    s3, bucket = cloud.client("s3"), cloud.outputs["bucketName"]
    folder = RULESET_PREFIX + MODELS_FOLDER
    shipped = load(s3.get_object(Bucket=bucket, Key=folder + _SHIPPED)["Body"].read()).file
    model = seal(msgspec.structs.replace(shipped, own_labels=True, promised=_PROMISE))
    s3.put_object(Bucket=bucket, Key=folder + _OWN, Body=model.to_json())
    s3.put_object(Bucket=bucket, Key=RULESET_PREFIX + MODELS_FILE, Body=f"schemaVersion: 1\nlive: {_OWN}\n".encode())
    return model


def hold_back(system: "ProofDeployment", model: Model) -> None:
    """Have the analyzer find that a live model has flagged more than it promised.

    Args:
        system: has decided transactions.
        model: is live.
    """
    hour = hour_of(epoch_milliseconds())
    system.cloud.client("dynamodb").update_item(
        TableName=system.cloud.outputs["profilesTable"],
        Key=item_key(model.version),
        UpdateExpression="ADD " + ", ".join(f"{name}{hour} :{name}" for name in _COUNTED),
        ExpressionAttributeValues=to_item({f":{name}": number for name, number in _COUNTED.items()}),
    )
    # A new process looks at once, and not within a minute.
    system.restart()
    system.cloud.invoke(system.cloud.outputs["analyzerFunction"], {"Records": [next(system.stream())]})
