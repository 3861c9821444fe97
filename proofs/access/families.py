"""Families of items and objects: what a role may do with one must be done with one of that family in some run.

A statement is used as soon as anything is asked for under it. One that allows `list#…` beside `customer#…` is too wide
all the same where nobody writes a list entry: so what is allowed is compared family by family, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from fraudstream.contract import LOG_CHAIN_ITEM
from proofs.access.evaluator import Asked, allows
from proofs.access.matrix import Policies
from proofs.access.places import VARIABLES, AskedPlace

_KEYS: Final = "dynamodb:LeadingKeys"
_OBJECT_PARTS: Final = 2
"""Parts of an object's key that say what it is, such as `decision-log/erasures`."""
SELDOM: Final[Mapping[str, str]] = {
    "a damaged profile": "test_the_analyzer_may_write_the_items_that_it_writes_and_no_others",
    "a profile of counterparty#": "test_the_analyzer_may_write_the_items_that_it_writes_and_no_others",
    "an erasure mark": "test_a_late_record_of_an_erased_person_is_not_logged",
}
"""Places for which the experiment has no occasion, and the test in which the code asks for them."""


def unused_families(
    policies: Policies, places: Sequence[AskedPlace], asked: Mapping[str, Iterable[Asked]]
) -> list[str]:
    """Return what roles may do with items and objects of families with which they have not done it.

    Args:
        policies: of roles; those of operators are passed over, who do more than a run has time for.
        places: items and objects among them.
        asked: what was asked for in a run, by role. An action of which nobody asked for a key is not looked at.
    """
    found: list[str] = []
    for role, statements in policies.items():
        used: dict[str, set[str]] = {}
        for each in asked.get(role, ()) if role.startswith("role-") else ():
            used.setdefault(each.action, set()).update(_families(each))
        found += [
            f"{role}: {action} on {place.name}"
            for action, families in used.items()
            for place in places
            if families
            and allows(statements, place.asked(action), VARIABLES)
            and not _families(place.asked(action)) <= families
        ]
    return found


def refused(policies: Policies, asked: Mapping[str, Iterable[Asked]]) -> list[str]:
    """Return what roles have asked for that their policies do not allow: the embedded AWS looks at no keys of items."""
    return sorted(
        {
            f"{role}: {each.action} on {each.resource} {', '.join(_families(each))}"
            for role, statements in policies.items()
            for each in asked.get(role, ())
            if role.startswith("role-") and not allows(statements, each, VARIABLES)
        }
    )


def _families(asked: Asked) -> set[str]:
    """Return what items or objects are by their keys, each with its table or bucket; nothing where none is named."""
    if _KEYS in asked.context:
        return {f"{asked.resource} {_family_of_item(key)}" for key in asked.context[_KEYS]}
    bucket, slash, key = asked.resource.partition("/")
    is_object = slash and bucket.startswith("arn:aws:s3:::")
    # A day is no family of its own.
    parts = [part for part in key.split("/")[:_OBJECT_PARTS] if "=" not in part]
    return {"/".join([bucket, *parts])} if is_object else set()


def _family_of_item(key: str) -> str:
    prefix, mark, _ = key.partition("#")
    return key if key == LOG_CHAIN_ITEM else prefix + mark if mark else ""
