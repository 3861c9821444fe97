"""Every reader is tried with hostile inputs; and again with faults put back into the code, which must be found."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings

from proofs.inputs.hostile import SECRETS
from proofs.inputs.mutations import MUTATIONS
from proofs.inputs.readers import READERS, Reader
from proofs.inputs.work import work_of

_CHECKS: Final = (
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
    HealthCheck.filter_too_much,
)
_FEWEST: Final = 10
_SMALL: Final = 2_000
_GROWTH: Final = 4
_MOST_GROWTH: Final = 1.6
"""So much more than proportional may the work be: with the square it would be four times as much."""
_FIRST: Final = 20_000
"""Calls, and bytes, that need no reason."""


class UnboundedError(AssertionError):
    """Work grows faster than the input."""


class ToldError(AssertionError):
    """A refusal repeats what it refuses."""


@dataclass
class InputsProof:
    """What the experiment came to."""

    inputs: int = 0
    refused: int = 0
    found: list[str] = field(default_factory=list[str])
    """Faults, each with its reader."""
    mutations: int = 0
    missed: list[str] = field(default_factory=list[str])

    @property
    def holds(self) -> bool:
        """Return whether nothing was found but what had been put there."""
        return not self.found and not self.missed


def run(seed_number: int, examples: int, say: Callable[[str], None]) -> InputsProof:
    """Run the experiment.

    Args:
        seed_number: the same number gives the same inputs.
        examples: for each reader.
        say: told of the progress.
    """
    proof = InputsProof()
    for name in READERS:
        try_reader(name, seed_number, examples, proof)
    say(f"{proof.inputs:,} inputs, {proof.refused:,} of them refused")
    for name, mutation in MUTATIONS.items():
        proof.mutations += 1
        is_found = finds(mutation.reader, mutation.put_back, seed_number)
        say(f"{'found' if is_found else 'MISSED'}: {name}")
        if not is_found:
            proof.missed.append(name)
    return proof


def finds(reader: str, put_back: Callable[[], AbstractContextManager[object]], seed_number: int) -> bool:
    """Return whether a fault is found in a reader with it, and none without it."""
    without, with_it = InputsProof(), InputsProof()
    try_reader(reader, seed_number, _OF_MUTATIONS, without)
    with put_back():
        try_reader(reader, seed_number, _OF_MUTATIONS, with_it)
    return not without.found and bool(with_it.found)


_OF_MUTATIONS: Final = 200


def try_reader(name: str, seed_number: int, examples: int, proof: InputsProof) -> None:
    """Try a reader with examples of what it may be given, and inputs that grow."""
    reader = READERS[name]

    def example(value: Any) -> None:  # noqa: ANN401  (of any type)
        proof.inputs += 1
        proof.refused += attempt(reader, value)

    profile = settings(
        max_examples=max(round(examples * reader.share), _FEWEST),
        deadline=None,
        database=None,
        print_blob=False,
        phases=(Phase.generate,),
        suppress_health_check=_CHECKS,
    )
    try:
        seed(seed_number)(profile(given(reader.inputs)(example)))()
        _grow(reader)
    except Exception as error:  # noqa: BLE001  (whatever it is: that is what is looked for)
        proof.found.append(f"{name}: {_where(error)}")


def attempt(reader: Reader, value: object) -> bool:
    """Have a reader read something; return whether it refused it.

    Raises:
        ToldError: its refusal repeats a value.
        Exception: whatever else it ends with than its refusal.
    """
    try:
        reader.read(value)
    except reader.refuses_by as error:
        told = reader.told(error)
        if any(secret in told for secret in SECRETS):
            raise ToldError("a refusal repeats a value") from error
        return True
    return False


def _grow(reader: Reader) -> None:
    for small, large in zip(reader.grown(_SMALL), reader.grown(_SMALL * _GROWTH), strict=True):
        before, after = (work_of(lambda value=value: _quietly(reader, value)) for value in (small, large))
        for less, more in ((before.calls, after.calls), (before.peak, after.peak)):
            if more > _FIRST + _GROWTH * _MOST_GROWTH * less:
                raise UnboundedError(f"{_GROWTH} times the input take {more / less:.1f} times the work")


def _quietly(reader: Reader, value: object) -> None:
    with suppress(*reader.refuses_by):
        reader.read(value)


def _where(error: BaseException) -> str:
    """Return a fault's kind and place, without what it says: that may be a value."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        if "/src/" in (path := trace.tb_frame.f_code.co_filename):
            place = f" at {path.rsplit('/src/', 1)[1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return type(error).__name__ + place
