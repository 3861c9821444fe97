"""Leaks, put back into one system: the experiment must tell of each, by the place where it is."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from unittest import mock

from fraudstream_tools.operations.privacy.erasure import erasing
from infra.api import rest_api
from proofs.privacy.experiment import CARDS, PrivacyExperiment, PrivacyProof
from proofs.running.code_changes import CodeChange
from proofs.running.deployed import deployed

_VALUES: Final = 1500
_ROUTES: Final = "transactions/api/routes.py"
_VALIDATION: Final = "transactions/api/validation.py"


@dataclass(frozen=True, kw_only=True)
class PrivacyMutation:
    """A fault that leaks."""

    is_found: Callable[[PrivacyProof], bool]
    change: CodeChange | None = None
    """Of the functions."""
    put_back: Callable[[], AbstractContextManager[object]] = nullcontext
    """Of the program or the tools."""


def _leaks_in(kind: str, proof: PrivacyProof) -> bool:
    return any(place.startswith(f"{kind}: ") for place in proof.leaks)


def _takes_cards(proof: PrivacyProof) -> bool:
    return proof.let_in > 0 and any(place.startswith("table: ") and place.endswith(CARDS) for place in proof.leaks)


def _keeps_others(proof: PrivacyProof) -> bool:
    return any(place.startswith("table: ") and not place.endswith(CARDS) for place in proof.leaks)


def _nothing_is_removed(*_: object, **__: object) -> int:
    return 0


def _in(kind: str) -> Callable[[PrivacyProof], bool]:
    return partial(_leaks_in, kind)


MUTATIONS: Final[Mapping[str, PrivacyMutation]] = {
    "a log line says who pays": PrivacyMutation(
        change=CodeChange(
            _ROUTES,
            "        seconds = wait_seconds(event)\n",
            '        seconds = wait_seconds(event)\n        self.log.info("paid", codes=[request.customer_id])\n',
        ),
        is_found=_in("log"),
    ),
    "the identifiers of terminals are kept as they came": PrivacyMutation(
        change=CodeChange(
            "transactions/pseudonyms/tokens.py",
            "        return TOKEN_PREFIX + _digest(self._key, kind.of_tokens.value, identifier.encode())\n",
            "        digest = _digest(self._key, kind.of_tokens.value, identifier.encode())\n"
            '        return identifier if kind.value == "terminal" else TOKEN_PREFIX + digest\n',
        ),
        is_found=_keeps_others,
    ),
    "a refusal repeats what a client took for the name of a field": PrivacyMutation(
        change=CodeChange(
            _VALIDATION,
            "    return name if _NAME.fullmatch(name) and not _MANY_DIGITS.search(name) else ",
            "    return name if name else ",
        ),
        is_found=_in("answer"),
    ),
    "nobody looks for card numbers": PrivacyMutation(
        change=CodeChange(
            _VALIDATION, "    return len(text) <= _LONGEST_TEXT and holds_card_number(text)\n", "    return False\n"
        ),
        is_found=_takes_cards,
    ),
    "the access log has the path that was called": PrivacyMutation(
        put_back=partial(
            mock.patch.object,
            rest_api,
            "ACCESS_LOG_FORMAT",
            json.dumps({"requestId": "$context.requestId", "path": "$context.path"}),
        ),
        is_found=_in("access log"),
    ),
    "an erasure leaves the old versions of objects": PrivacyMutation(
        put_back=partial(mock.patch.object, erasing, "remove_old_versions", _nothing_is_removed),
        is_found=lambda proof: any(place.startswith("object: ") for place in proof.left),
    ),
}


def missed(seed: int, folder: Path) -> list[str]:
    """Return the faults that the experiment does not find in a system that has all of them.

    Args:
        seed: of the experiment.
        folder: an empty one.
    """
    with ExitStack() as stack:
        for mutation in MUTATIONS.values():
            stack.enter_context(mutation.put_back())
        system = stack.enter_context(deployed(folder / "cloud", "proof"))
        for mutation in MUTATIONS.values():
            if mutation.change:
                mutation.change.apply(system.cloud)
        experiment = PrivacyExperiment(system, seed, folder, lambda _: None)
        persons = experiment.plant(_VALUES)
        experiment.look()
        experiment.erase(persons[:1])
    return [name for name, mutation in MUTATIONS.items() if not mutation.is_found(experiment.proof)]
