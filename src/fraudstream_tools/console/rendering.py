"""Pages from templates. Whatever is stored is text to them."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from fraudstream.clock import epoch_milliseconds
from fraudstream.counts import counted, word_for
from fraudstream.transactions.decisions.reasons import sentence
from fraudstream.transactions.values.money import format_money
from fraudstream_tools.cli.support.shown.review.case_words import NOTHING, closed_text, value_text
from fraudstream_tools.cli.support.terminal.ages import age_text, last_day_text, moment_text
from fraudstream_tools.console import request_counts
from fraudstream_tools.console.refused_forms import TypedTexts
from fraudstream_tools.operations.audit.change_note import MAX_REASON_BYTES
from fraudstream_tools.operations.audit.identity import name_in, with_names
from fraudstream_tools.operations.investigation.field_words import field_words, probability_words

if TYPE_CHECKING:
    from collections.abc import Callable

_SHORT_TOKEN: Final = 10


def _age(milliseconds: int) -> str:
    return age_text(epoch_milliseconds() - milliseconds)


def _wait(milliseconds: int) -> str:
    return age_text(milliseconds - epoch_milliseconds())


def _utc_day() -> date:
    return datetime.now(UTC).date()


def _money(amount_minor: int | None, currency: str | None) -> str:
    return NOTHING if amount_minor is None or currency is None else format_money(amount_minor, currency)


def _short(token: str) -> str:
    """Return the beginning of a token, enough to tell the entities of a page apart."""
    return token if len(token) <= _SHORT_TOKEN + 1 else f"{token[:_SHORT_TOKEN]}…"


_PAGES: Final = Environment(
    loader=PackageLoader("fraudstream_tools.console", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
cast("dict[str, Callable[..., str]]", _PAGES.filters).update(
    age=_age,
    closed_as=closed_text,
    counted=counted,
    last_day=last_day_text,
    moment=moment_text,
    money=_money,
    number="{:,}".format,
    probability=probability_words,
    sentence=sentence,
    short=_short,
    wait=_wait,
    who=name_in,
    with_names=with_names,
    word_for=word_for,
    words=field_words,
    worth=value_text,
)
cast("dict[str, object]", _PAGES.globals).update(most_bytes=MAX_REASON_BYTES, utc_day=_utc_day)


def page(
    request: Request,
    template: str,
    status_code: int = 200,
    **values: Any,  # noqa: ANN401  (whatever a template shows)
) -> HTMLResponse:
    """Return a page.

    Args:
        request: what it answers.
        template: the file's name without its ending.
        status_code: of the answer.
        values: what the template shows.
    """
    session, system = request.app.state.session, request.app.state.system
    made = _PAGES.get_template(f"{template}.html").render(
        here=request.url.path,
        system=system,
        csrf=session.csrf,
        notices=session.take_notices(),
        typed=TypedTexts(request),
        # After everything that a page reads.
        requests=request_counts.current,
        **values,
    )
    return HTMLResponse(made, status_code=status_code)
