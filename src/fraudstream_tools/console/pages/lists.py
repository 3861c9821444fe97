"""Lists: which entities are on them, since when, by whom, why and until when."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import EntityKind, FourEyes
from fraudstream_tools.console.changes import changed
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.lists.entries import ListChange

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

SHOWN = 200
"""Entries on the page; own choice."""


def show(request: Request) -> Response:
    """Answer with the page."""
    system: ConsoleSystem = request.app.state.system
    contents = system.lists.show(with_ended=True)
    now = epoch_milliseconds()
    ruleset = system.ruleset
    return page(
        request,
        "lists",
        two_people=FourEyes.LISTS in system.four_eyes,
        active=[each for each in contents.entries if each.is_active(now)][:SHOWN],
        ended=[each for each in contents.entries if not each.is_active(now)][:SHOWN],
        total=len(contents.entries),
        damaged=contents.damaged,
        of_ruleset={name: len(entries) for name, entries in ruleset.lists.entries().items()} if ruleset else {},
    )


def remove(request: Request) -> Response:
    """Remove an entity from a list."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form
    kind, token = _entity(form)

    def change() -> str:
        came_of_it = system.listing.remove_from_list(form.get("list", ""), kind, token, reason=form.get("reason", ""))
        if came_of_it is ListChange.ABSENT:
            return "It was not on the list any more."
        if came_of_it is ListChange.WITHDRAWN:
            return f"The {kind} is not on the list, and what waited for a second person is taken back."
        if FourEyes.LISTS in system.four_eyes:
            return f"The {kind} is on the list until somebody else has approved that it goes."
        return f"The {kind} is off the list now."

    return changed(request, "/lists", change)


def approve(request: Request) -> Response:
    """Write the person's mark for an entry, or its end, that waits for another person."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form
    kind, token = _entity(form)

    def change() -> str:
        system.listing.approve(form.get("list", ""), kind, token, form.get("digest", ""), reason=form.get("reason", ""))
        return "You have approved it. It counts within ten seconds."

    return changed(request, "/lists", change)


def _entity(form: Mapping[str, str]) -> tuple[EntityKind, str]:
    kind, _, token = form.get("entity", "").partition("#")
    if kind not in set(EntityKind):
        raise HTTPException(400, "say which entity is meant")
    return EntityKind(kind), token
