"""Each policy against each action on each resource: what must be allowed is, and all else is refused."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from proofs.access.actions import actions
from proofs.access.evaluator import Asked, Statement, allows, applies
from proofs.access.places import VARIABLES, AskedPlace, everything
from proofs.access.purposes import OPTIONAL, PURPOSES

Policies = Mapping[str, Sequence[Statement]]
"""The statements of each role and each operator policy, by the beginning of its name."""


class UnusedAction(NamedTuple):
    """An action that a statement allows, and for which nobody has asked under it."""

    principal: str
    """Whose policy it is."""
    action: str
    statement: Statement


@dataclass
class MatrixVerdict:
    """What came of it."""

    tried: int = 0
    let_in: list[str] = field(default_factory=list[str])
    """What is allowed and must not be."""
    kept_out: list[str] = field(default_factory=list[str])
    """What must be allowed and is not."""

    @property
    def is_exact(self) -> bool:
        """Whether everything is as it must be."""
        return not self.let_in and not self.kept_out


def read_policies(iam: Any, suffix: str) -> Policies:  # noqa: ANN401  (a client)
    """Read the policies of a deployed stack, by name without the stack's suffix.

    Args:
        iam: a client of IAM.
        suffix: what names end with.
    """
    found: dict[str, list[Statement]] = {}
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        documents = [
            iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
        ]
        found[name.removesuffix(suffix)] = [each for document in documents for each in document["Statement"]]
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        found[policy["PolicyName"].removesuffix(suffix)] = version["PolicyVersion"]["Document"]["Statement"]
    return found


def judge_matrix(policies: Policies, all_places: Sequence[AskedPlace], *, partly: bool = False) -> MatrixVerdict:
    """Ask every policy for every action on every place of its service.

    Args:
        policies: to ask.
        all_places: own and foreign ones.
        partly: whether these are some of a stack's policies only.
    """
    verdict = MatrixVerdict()
    by_service: defaultdict[str, list[AskedPlace]] = defaultdict(list)
    for place in all_places:
        by_service[place.service].append(place)
    if not partly and (unknown := (policies.keys() ^ PURPOSES.keys()) - (OPTIONAL - policies.keys())):
        verdict.kept_out += [f"nobody says what {name} is for" for name in sorted(unknown)]
    for principal in sorted(policies.keys() & PURPOSES.keys()):
        wanted = {(action, place) for names, where in PURPOSES[principal] for action in names for place in where}
        seen: set[tuple[str, str]] = set()
        for action, where in _questions(by_service):
            verdict.tried += len(where)
            # Most actions occur in no statement of a policy: those are refused wherever they are asked for.
            if not (statements := _of(policies[principal], action)):
                continue
            allowed = [place.name for place in where if allows(statements, place.asked(action), VARIABLES)]
            seen.update((action, place) for place in allowed)
        verdict.let_in += [f"{principal}: {action} on {place}" for action, place in sorted(seen - wanted)]
        verdict.kept_out += [f"{principal}: {action} on {place}" for action, place in sorted(wanted - seen)]
    return verdict


def _questions(by_service: Mapping[str, Sequence[AskedPlace]]) -> Iterator[tuple[str, Sequence[AskedPlace]]]:
    for service, known in actions().items():
        for action in known:
            yield action.name, [*(by_service[service] if action.has_resources else ()), everything(service)]


def _of(statements: Iterable[Statement], action: str) -> list[Statement]:
    """Return the statements that may speak of an action: a policy has dozens, and few of them do."""
    return [each for each in statements if action in each["Action"] or any("*" in name for name in each["Action"])]


def unused(policies: Policies, asked: Mapping[str, Iterable[Asked]]) -> list[UnusedAction]:
    """Return the actions by which statements allow nothing of what was asked.

    Args:
        policies: to look at.
        asked: what was asked for in some run, by role or policy.
    """
    return [
        UnusedAction(principal, action, statement)
        for principal, statements in policies.items()
        for statement in statements
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
        if not any(applies({**statement, "Action": [action]}, each, VARIABLES) for each in asked.get(principal, ()))
    ]
