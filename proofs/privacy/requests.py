"""Requests with marked values in every place that a client can reach."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from fraudstream.clock import epoch_milliseconds
from fraudstream.transactions.transaction import FIELDS
from proofs.privacy.marks import Marks

ANYWHERE: Final = ("",)
"""Beginnings of the places that keep a client's own id, as docs/privacy.md says."""
FOR_THE_CLIENT: Final = (
    "table/table-transactions-",
    "stream/table-transactions-",
    "answer/",
    "command/get ",
    "page/case",
)
"""What keeps the client's own codes (`metadata`) and gives them back."""
IN_THE_ANSWER: Final = ("answer/",)
"""What repeats the name of a field that does not exist, if it can be the name of one."""
_POSTED: Final = tuple(each.public_name for each in FIELDS if each.spec.request is not None)
_IDENTIFIERS: Final = tuple(
    each.public_name for each in FIELDS if each.spec.identifies is not None and each.public_name != "ipAddress"
)
_UNUSUAL: Final = {"amountMinor": 900_000, "cardCountry": "DE", "ipCountry": "VN"}
"""Enough for an alert."""


@dataclass(frozen=True, kw_only=True)
class MarkedRequest:
    """A request to the API."""

    method: str = "POST"
    path: str = "/transactions"
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    is_signed: bool = True
    has_card: bool = False
    """Whether it must be refused, since there is a card number in it."""
    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Marks that docs/privacy.md allows to be kept, with beginnings of the places that may."""


class RequestMaker:
    """Makes requests in rounds: each has all kinds of them."""

    def __init__(self, marks: Marks, seed: int) -> None:
        """Use these marks; the seed decides what goes where."""
        self.marks = marks
        self._chance = random.Random(seed)
        self._number = 0
        self._name = f"proof-{seed}"
        self._kinds: tuple[Callable[[], MarkedRequest], ...] = (
            self._sound,
            self._own_id,
            self._wrong_everywhere,
            self._unknown_fields,
            self._no_json,
            self._path,
            self._unsigned,
            *[self._card] * 4,
        )

    def round(self) -> Iterator[MarkedRequest]:
        """Yield one request of each kind, and cards in four places."""
        for kind in self._kinds:
            yield kind()

    def payment(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  (JSON values)
        """Return a sound payment of a new person with an id of its own."""
        self._number += 1
        return {
            "transactionId": f"{self._name}-{self._number}",
            "timestamp": epoch_milliseconds(),
            "amountMinor": 1250,
            "currency": "EUR",
            "type": "PAYMENT",
            "customerId": self.marks.value(),
            **changes,
        }

    def posted(self, payment: Mapping[str, Any], **more: Any) -> MarkedRequest:  # noqa: ANN401  (of any field)
        """Return the request that posts a payment."""
        headers = {"content-type": "application/json", **more.pop("headers", {})}
        return MarkedRequest(content=json.dumps(payment).encode(), headers=headers, **more)

    def _sound(self) -> MarkedRequest:
        code, name = self.marks.plain(), self.marks.plain()
        payment = self.payment(
            **{each: self.marks.value() for each in _IDENTIFIERS},
            **self._chance.choice((_UNUSUAL, {})),
            ipAddress=self.marks.address(),
            metadata={"shelf": code, name: "A7"},
        )
        kept = dict.fromkeys((code, name), FOR_THE_CLIENT)
        headers = {**self._headers(), "prefer": self._chance.choice(("wait=1", self.marks.email()))}
        return self.posted(payment, path=f"/transactions?{self._query()}", headers=headers, kept=kept)

    def _own_id(self) -> MarkedRequest:
        mark, other = self.marks.plain(), self.marks.plain()
        payment = self.payment(transactionId=mark, type="REFUND", originalTransactionId=other)
        return self.posted(payment, kept={mark: ANYWHERE, other: FOR_THE_CLIENT})

    def _wrong_everywhere(self) -> MarkedRequest:
        return self.posted({name: self._shaped(self.marks.value()) for name in _POSTED}, headers=self._headers())

    def _unknown_fields(self) -> MarkedRequest:
        name = self.marks.plain()
        more = {name: self.marks.value(), self.marks.name(): self.marks.value(), "cvv": {self.marks.email(): 1}}
        return self.posted({**self.payment(), **more}, kept={name: IN_THE_ANSWER})

    def _no_json(self) -> MarkedRequest:
        text = self._chance.choice((self.marks.value, self.marks.card))()
        whole = json.dumps(self.payment(note=text))
        content, kind = self._chance.choice(
            (
                (whole[: whole.rindex(text[-4:])].encode(), "application/json"),
                (f"customerId={quote(text)}".encode(), "application/x-www-form-urlencoded"),
                (f"<customer>{text}</customer>".encode(), "application/xml"),
                (whole.encode() + b"\xff", "application/json"),
                (whole.encode("utf-16"), "application/json; charset=utf-16"),
                (json.dumps([text]).encode(), "application/json"),
                (whole.encode(), f"text/{self.marks.plain()}"),
                (json.dumps({**json.loads(whole), "padding": text * 1_500}).encode(), "application/json"),
            )
        )
        return MarkedRequest(content=content, headers={"content-type": kind})

    def _path(self) -> MarkedRequest:
        text = quote(self._chance.choice((self.marks.value, self.marks.card, self.marks.plain))(), safe="")
        path = self._chance.choice((f"/transactions/{text}", f"/transactions/{text}/{text}", f"/{text}"))
        method = self._chance.choice(("GET", "GET", "DELETE", "PUT"))
        return MarkedRequest(method=method, path=f"{path}?{self._query()}", headers=self._headers())

    def _unsigned(self) -> MarkedRequest:
        mark = self.marks.plain()
        forged = (
            f"AWS4-HMAC-SHA256 Credential={mark}/20261126/us-east-2/execute-api/aws4_request, "
            f"SignedHeaders=host, Signature={self.marks.plain()}"
        )
        headers = {**self._headers(), "authorization": forged, "x-amz-security-token": self.marks.plain()}
        return self.posted(self.payment(), headers=headers, is_signed=False)

    def _card(self) -> MarkedRequest:
        """Return what would be sound without a card number in one place."""
        card = self.marks.card()
        name = self._chance.choice((*_POSTED, "note", "metadata"))
        digits = int("".join(letter for letter in card if letter.isdigit()))
        value: object = self._chance.choice((card, card, self._shaped(card), digits))
        if name == "metadata":
            value = self._chance.choice(({"ref": card}, {card: "A7"}, {"ref": {"deep": [card]}}, {"ref": f"x{card}y"}))
        return self.posted({**self.payment(), name: value}, has_card=True)

    def _shaped(self, value: str) -> object:
        return self._chance.choice((value, [value], {"a": {"b": [value]}}, {value: value}, [[1, {"x": value}]]))

    def _headers(self) -> dict[str, str]:
        return {
            "user-agent": self.marks.name(),
            "referer": f"https://example.com/{self.marks.plain()}",
            "cookie": f"session={self.marks.plain()}",
            "x-forwarded-for": self.marks.address(),
            "x-customer": self.marks.email(),
            "x-amzn-trace-id": f"Root=1-67891233-abcdef012345678912345678;Who={self.marks.plain()}",
            "idempotency-key": self.marks.telephone(),
        }

    def _query(self) -> str:
        return urlencode({"name": self.marks.name(), self.marks.plain(): self.marks.card()})
