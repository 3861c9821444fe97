"""The README's example is what the shipped rules decide, and its request is signed by whatever keys there are."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fraudstream.detection.judge import Judge
from fraudstream.detection.profiles.profile import Profile
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.reasons import sentence
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.rules.folder import RulesFolder
from tests.unit.aws.service_harness import service

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
POSTED, ANSWERED = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", README, re.DOTALL))
NOW = 1_795_649_722_662
HISTORY = {"deviceId": "phone-1", "ipCountry": "DE"}
"""The customer's earlier purchases were made with the same card."""


def transaction(posted: dict[str, Any], at: int) -> Transaction:
    return msgspec.convert({**posted, "timestamp": at, "receivedAt": at}, Transaction)


def test_the_example_is_decided_as_the_readme_says() -> None:
    assert "This customer had made 24 purchases\nof 24 to 55 EUR on one phone, from Germany" in README
    judge, profiles = Judge(RulesFolder(ROOT / "rules").load()), dict[str, Profile]()
    for number in range(24):
        usual = {
            **POSTED,
            **HISTORY,
            "transactionId": f"order-{977 + number}",
            "amountMinor": 2400 + number * 531 % 3100,
            "merchantId": f"shop-{number % 4}",
        }
        profiles |= judge.judge(
            transaction(usual, NOW - (25 - number) * DAY + number * 700_000), profiles, NOW
        ).profiles

    decision = judge.judge(transaction(POSTED, NOW), profiles, NOW).decision
    assert {
        "transactionId": POSTED["transactionId"],
        "status": "DECIDED",
        "decision": decision.decision,
        "score": decision.score,
        "reasons": [
            {"code": reason.code, "message": sentence(reason.code), "source": reason.source, "points": reason.points}
            for reason in decision.reasons
        ],
    } == ANSWERED


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize("token", ["token", ""], ids=["a role", "a user"])
def test_the_request_is_signed_with_the_keys_of_a_role_and_of_a_user(token: str) -> None:
    """AWS knows the keys of a role by their session token alone, which curl does not send by itself."""
    (command,) = re.findall(r"```sh\n(curl .*?)```", README, re.DOTALL)
    with service() as api:
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": token}
        environment = {"PATH": os.environ["PATH"], "API": api.endpoint, "no_proxy": "*", **keys}
        subprocess.run(["sh", "-c", command], env=environment, check=True, capture_output=True)
    (sent,) = api.sent
    signed = re.findall(r"SignedHeaders=([^,]+)", sent.headers["authorization"])[0].split(";")
    assert sent.headers.get("x-amz-security-token", "") == token
    assert ("x-amz-security-token" in signed) == bool(token)
    assert json.loads(sent.body)["transactionId"] == "order-1002"
