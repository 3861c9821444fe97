"""A form that was refused: what a person has typed into it comes back into its fields; nobody types it twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.requests import Request

if TYPE_CHECKING:
    from fraudstream_tools.console.sessions import ConsoleSession

_TEXTS: Final = ("note", "text", "reason")
"""Names of fields in which people write sentences. Identifiers are looked up by forms without one, and kept nowhere."""
_DRAFT: Final = "draft"
"""Name of the field with a draft of rules. Pages give it back by themselves."""
_SUBJECTS: Final = ("id", "list", "entity", "version")
"""Names of fields that say what a form is about."""


@dataclass(frozen=True, kw_only=True)
class RefusedForm:
    """What was sent, and not done."""

    action: str
    """The form's own address."""
    page: str
    """The address to which the refusal led; empty where it led to none."""
    fields: Mapping[str, str] = field(repr=False)
    """Shown to nobody but the person: a text may be refused for the card number in it."""


def keep(request: Request, page: str = "") -> None:
    """Keep a refused form until a page has its fields, if somebody has written a text into it.

    Args:
        request: which sent it.
        page: the address to which the refusal leads.
    """
    form: Mapping[str, str] = request.state.form
    if any(form.get(name) for name in _TEXTS):
        session: ConsoleSession = request.app.state.session
        session.refused = RefusedForm(action=request.url.path, page=page, fields=form)


def forget(request: Request) -> None:
    """Forget the refused form if it was about the same as one that is done by now: its text is not wanted any more.

    Args:
        request: which sent the form that is done.
    """
    form: Mapping[str, str] = request.state.form
    session: ConsoleSession = request.app.state.session
    refused = session.refused
    if refused is None or refused.action != request.url.path:
        return
    if all(refused.fields.get(name) == form.get(name) for name in _SUBJECTS):
        session.refused = None


def written_in(form: Mapping[str, str]) -> list[str]:
    """Return what somebody has written into a form: its sentences, and a draft of rules."""
    return [text for name in (*_TEXTS, _DRAFT) if (text := form.get(name))]


class TypedTexts:
    """What the page that is being made gives back of a form that was refused."""

    def __init__(self, request: Request) -> None:
        """Build the page's view of the form that the session keeps; it is forgotten once a field has its text."""
        self._request = request
        self._session: ConsoleSession = request.app.state.session
        self._form = self._session.refused

    def holds(self, action: str, known: Mapping[str, object]) -> bool:
        """Return whether it was this form that was refused.

        Args:
            action: the form's address.
            known: hidden fields that tell it from others with that address.
        """
        form = self._form
        return (
            form is not None
            and form.action == action
            and all(form.fields.get(name) == str(value) for name, value in known.items())
        )

    def of(self, action: str, known: Mapping[str, object], name: str, otherwise: object = "") -> object:
        """Return what a form's field had when it was refused; `otherwise` for a form that was not."""
        if self._form is None or not self.holds(action, known):
            return otherwise
        self._session.refused = None
        return self._form.fields.get(name, otherwise)

    @property
    def left(self) -> list[str]:
        """What the page has no field for (any more), and a person may want to copy."""
        form, url = self._form, self._request.url
        here = f"{url.path}?{url.query}" if url.query else url.path
        if form is None or self._session.refused is not form:
            return []
        is_here = form.action == here if self._request.method == "POST" else form.page == here
        if not is_here:
            return []
        return [form.fields[name] for name in _TEXTS if form.fields.get(name)]
