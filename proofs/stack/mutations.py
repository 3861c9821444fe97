"""Faults put back into the deployed system, one at a time: a run must find each, else it counts for nothing."""

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from proofs.faults.tables import parts
from proofs.running.code_changes import CodeChange
from proofs.stack.deployment import ProofDeployment
from proofs.stack.kinds import StackFault

CHANGES: Final[list[CodeChange]] = []
"""Of the functions' code: one for each mutation that has one."""
Mutation = Callable[[ProofDeployment], AbstractContextManager[object]]


def unconditional(operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a write's parameters without its condition: DynamoDB takes no names and values that nothing refers to."""
    dropped = {"ConditionExpression", "ReturnValuesOnConditionCheckFailure"}
    if operation == "PutItem":
        # Its condition is its only expression.
        dropped |= {"ExpressionAttributeNames", "ExpressionAttributeValues"}
    return {name: value for name, value in parameters.items() if name not in dropped}


def _without_condition(operation: str, output: str, mark: str) -> Mutation:
    """Drop the condition of a write as it passes the proxy.

    Args:
        operation: of DynamoDB.
        output: of the stack, which names the table.
        mark: what the request holds.
    """

    @contextmanager
    def mutate(system: ProofDeployment) -> Generator[None]:
        table, before = system.cloud.outputs[output], system.proxy.rewrite

        def rewrite(sent: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
            if (sent, parameters.get("TableName")) != (operation, table) or mark not in str(parameters):
                return parameters
            return unconditional(operation, parameters)

        system.proxy.rewrite = rewrite
        try:
            yield
        finally:
            system.proxy.rewrite = before

    return mutate


def _swallowing(matches: Callable[[ProofDeployment, str, Mapping[str, Any]], bool]) -> Mutation:
    """Answer some requests as if they were carried out."""

    @contextmanager
    def mutate(system: ProofDeployment) -> Generator[None]:
        before = system.proxy.swallows
        system.proxy.swallows = lambda operation, parameters: matches(system, operation, parameters)
        try:
            yield
        finally:
            system.proxy.swallows = before

    return mutate


@contextmanager
def _failures_hidden(system: ProofDeployment) -> Generator[None]:
    system.invocations.is_honest = False
    try:
        yield
    finally:
        system.invocations.is_honest = True


def _changed(module: str, line: str, instead: str) -> Mutation:
    """Change a line of the functions' code."""
    change = CodeChange(module, line, instead)
    CHANGES.append(change)
    return lambda system: change.applied(system.cloud)


def _is_segment(_: ProofDeployment, operation: str, parameters: Mapping[str, Any]) -> bool:
    return operation == "S3 PUT" and "/segments/" in parameters["path"]


def _is_alert(system: ProofDeployment, operation: str, parameters: Mapping[str, Any]) -> bool:
    table = system.cloud.outputs["alertsTable"]
    return any(write == "PutItem" and put["TableName"] == table for write, put in parts(operation, parameters))


_STREAM: Final = "detection/stream_records.py"
_RULESETS: Final = "detection/stores/rulesets/active.py"
_FAILING: Final = frozenset({StackFault.POISON, StackFault.KILLED_BEFORE})
"""A record that fails at every attempt, and functions that end without an answer."""


@dataclass(frozen=True, kw_only=True)
class StackMutation:
    """A fault that is put back, and what must happen for it to show."""

    mutate: Mutation
    faults: frozenset[StackFault] = frozenset()
    rate: float = 0
    batch_rate: float = 0
    stops_everything: bool = False
    """Whether every record fails by it, at ten attempts each: a few transactions tell as much as many."""


MUTATIONS: Final[Mapping[str, StackMutation]] = {
    "a profile is written whoever wrote since": StackMutation(
        mutate=_without_condition("PutItem", "profilesTable", "#version"),
        faults=frozenset({StackFault.RIVALS}),
        rate=0.5,
    ),
    "a transaction is put over the one that is there": StackMutation(
        # Clients that come back when they have a decision meet it.
        mutate=_without_condition("PutItem", "transactionsTable", "'TXN'"),
    ),
    "a decision is written over the one that is there": StackMutation(
        mutate=_without_condition("UpdateItem", "transactionsTable", ":decision"),
        faults=frozenset({StackFault.AT_ONCE, StackFault.RIVALS}),
        rate=0.5,
        batch_rate=1,
    ),
    "a record that failed is not told to Lambda": StackMutation(mutate=_failures_hidden, faults=_FAILING, rate=0.02),
    "what is redriven is not judged": StackMutation(
        mutate=_changed(_STREAM, "and (is_new or redriven)", "and is_new"), faults=frozenset({StackFault.POISON})
    ),
    "a label that is redriven is not learnt": StackMutation(
        mutate=_changed(_STREAM, "redriven and new.get", "False and new.get"), faults=frozenset({StackFault.POISON})
    ),
    "a segment of the log is answered and not stored": StackMutation(mutate=_swallowing(_is_segment)),
    "a decision and its alert are answered and not stored": StackMutation(mutate=_swallowing(_is_alert)),
    "what failed while AWS was away is not told to Lambda": StackMutation(
        mutate=_failures_hidden, faults=frozenset({StackFault.AWAY, StackFault.STOPPED})
    ),
    "what failed while S3 was away is not told to Lambda": StackMutation(
        mutate=_failures_hidden, faults=frozenset({StackFault.S3_AWAY})
    ),
    "a ruleset that cannot be used stops the analyzer": StackMutation(
        mutate=_changed(
            _RULESETS,
            "            ruleset = self._last_good_ruleset(error) if self._ruleset is None else self._ruleset\n",
            "            raise\n",
        ),
        faults=frozenset({StackFault.RULESET_INVALID}),
        stops_everything=True,
    ),
    "a model that cannot be used stops the analyzer": StackMutation(
        mutate=_changed(
            _RULESETS,
            "                self._models = self._last_good_models(self._history(), error)\n",
            "                raise\n",
        ),
        faults=frozenset({StackFault.MODEL_INVALID}),
        stops_everything=True,
    ),
    "a damaged profile stops the analyzer": StackMutation(
        mutate=_changed(
            "detection/stores/profiles/items.py",
            "    except (DamagedProfileError, KeyError, TypeError):\n",
            "    except (KeyError, TypeError):\n",
        ),
        faults=frozenset({StackFault.PROFILE_DAMAGED}),
    ),
}
"""By what they do."""
