"""What a request has to prove before a page sees it, and what every answer carries.

The console listens on the machine that people browse the web with. Any page that they open can make their browser send
requests to it; this is what keeps those out.
"""

from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from fraudstream_tools.console.refused_forms import written_in
from fraudstream_tools.console.sessions import ENTER_PATH, ConsoleSession

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_FORM_BYTES: Final = 512 * 1024
"""Own choice: a ruleset of some hundred rules."""
_FORM: Final = "application/x-www-form-urlencoded"
_NO_FORM: Final[Mapping[str, str]] = {}
_OPEN_THE_LINK: Final = (
    "Open the link that `fraudstream console` printed. It works once; start the console again for another."
)
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Without any referrer, browsers say `Origin: null` with a form.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer that does not say otherwise (OWASP, HTTP Headers Cheat Sheet)."""
# A link in a message is followed on behalf of another site: browsers keep a strict cookie back for the redirect that
# would follow, and not for what our own page asks for next.
_ENTERED: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/">'
    '<link rel="icon" href="/static/icon.svg"><title>fraudstream</title><p><a href="/">Go to the console</a></p></html>'
)


class Guard:
    """Lets through what comes from the console's own pages in the browser that opened the link."""

    def __init__(self, app: "ASGIApp", session: ConsoleSession) -> None:
        """Wrap the application.

        Args:
            app: answers the requests that are let through.
            session: of the browser that opened the link.
        """
        self._app = app
        self._session = session

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: "Message") -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None and scope["method"] == "POST":
            refusal = await self._read_form(scope, receive)
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: MutableMapping[str, Any]) -> Response | None:
        """Return the answer to a request that is not let through, or to one that enters."""
        headers = Headers(scope=scope)
        if headers.get("host", "") not in self._session.hosts:
            return _refused(421, "This console answers only to the address that it printed.")
        if scope["method"] not in {"GET", "HEAD", "POST"}:
            return _refused(405, "There is nothing here for such a request.")
        if scope["path"] == ENTER_PATH and scope["method"] == "GET":
            return self._enter(scope)
        is_own = headers.get("sec-fetch-site", "same-origin") == "same-origin"
        is_form = scope["method"] == "POST"
        is_own_form = is_form and is_own and headers.get("origin", "").removeprefix("http://") == headers["host"]
        # A form of an earlier console at this address is read all the same, for what somebody has written into it.
        if not is_own_form and not self._session.knows(Request(scope).cookies):
            return _refused(401, _OPEN_THE_LINK)
        if is_form and not is_own_form:
            return _refused(403, "This form was not sent from a page of the console.")
        # Ports are no part of a site: what pages of other programs on this machine ask for comes with the cookie. They
        # cannot read it, but it costs requests to AWS, and takes what the next page has to say.
        if not is_own and headers.get("sec-fetch-dest", "document") != "document":
            return _refused(403, "This was not asked for by a page of the console.")
        return None

    def _enter(self, scope: MutableMapping[str, Any]) -> Response:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        cookie = self._session.enter("".join(query.get("token", ())))
        if cookie is None:
            return _refused(401, "This link was used before, or is another console's. Start the console again.")
        return HTMLResponse(_ENTERED, headers={"Set-Cookie": cookie})

    async def _read_form(self, scope: MutableMapping[str, Any], receive: "Receive") -> Response | None:
        """Leave a form's fields in the request's state; return a refusal for what is no form of ours."""
        if Headers(scope=scope).get("content-type", "").partition(";")[0].strip() != _FORM:
            return _refused(415, "Only forms are taken.")
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > MAX_FORM_BYTES:
                return _refused(413, "The form is too long.")
            if not message.get("more_body"):
                break
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if not self._session.knows(Request(scope).cookies):
            return _refused(401, _OPEN_THE_LINK, form)
        if not self._session.accepts(form):
            return _refused(403, "This form is not of this console, or of an earlier one: load the page again.", form)
        scope.setdefault("state", {})["form"] = form
        return None


def _refused(status: int, why: str, form: Mapping[str, str] = _NO_FORM) -> Response:
    """Return a refusal, with what somebody has written into the form: no page that is left has it."""
    texts = written_in(form)
    told = [why, *(["Nothing was done. You had written:"] if texts else []), *texts]
    return PlainTextResponse("\n\n".join(told) + "\n", status_code=status)
