"""The one session of a console: it begins with a link that works once, and ends with the process."""

import hmac
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fraudstream_tools.console.refused_forms import RefusedForm

ENTER_PATH: Final = "/enter"
_BYTES: Final = 32


def _secret() -> str:
    return secrets.token_urlsafe(_BYTES)


@dataclass(kw_only=True)
class ConsoleSession:
    """What proves that a request comes from the browser of the person who started the console."""

    port: int
    """Part of the cookie's name: browsers send cookies to every port of a host."""
    csrf: str = field(default_factory=_secret)
    """What every form carries."""
    notices: list[str] = field(default_factory=list[str])
    """What the next page says of what was just done."""
    refused: RefusedForm | None = field(default=None, repr=False)
    """The last form that was refused, until a page has its fields again."""
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """Has whoever changes a case: of a button that is pressed twice, the second press sees what came of the first."""
    _link: str | None = field(default_factory=_secret)
    _cookie: str = field(default_factory=_secret)

    @property
    def cookie_name(self) -> str:
        """The name of the cookie."""
        return f"fraudstream-console-{self.port}"

    @property
    def hosts(self) -> frozenset[str]:
        """What a request may name as its host: any other name was made to lead here by somebody else's DNS."""
        return frozenset({f"127.0.0.1:{self.port}", f"localhost:{self.port}"})

    @property
    def url(self) -> str:
        """The link that begins the session."""
        return f"http://127.0.0.1:{self.port}{ENTER_PATH}?token={self._link or ''}"

    def enter(self, token: str) -> str | None:
        """Exchange the link's token for a Set-Cookie header, once; return None for any other token."""
        if self._link is None or not _same(token, self._link):
            return None
        self._link = None
        return f"{self.cookie_name}={self._cookie}; HttpOnly; SameSite=Strict; Path=/"

    def knows(self, cookies: Mapping[str, str]) -> bool:
        """Return whether the cookies of a request have the session's among them."""
        return _same(cookies.get(self.cookie_name, ""), self._cookie)

    def accepts(self, form: Mapping[str, str]) -> bool:
        """Return whether a form is one of ours."""
        return _same(form.get("csrf", ""), self.csrf)

    def take_notices(self) -> list[str]:
        """Return what is to be said, and forget it."""
        taken, self.notices = self.notices, []
        return taken


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
