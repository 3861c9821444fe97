"""Values are planted, everything that is kept is read, and whatever is found in the wrong place is told."""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from embedded_aws.cloud import FunctionFailedError
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import QUERY_RESULTS_PREFIX, TOKENS_ALIAS, ItemKind
from proofs.privacy import people
from proofs.privacy.marks import Marks
from proofs.privacy.person import MarkedPerson, erase, learn_tokens, make_person
from proofs.privacy.requests import MarkedRequest, RequestMaker
from proofs.running.deployed import RunningSystem, follow_notifications
from proofs.running.stored import Place, sent, stored

_CONNECTIONS: Final = 8
_IDLE_SECONDS: Final = 300
_PERSONS: Final = 3
_OF_POISON: Final = ("table/table-transactions-", "stream/table-transactions-")
_NOWHERE: Final = ("-",)
_WITHHELD: Final = "(a name with the value in it)"
CARDS: Final = "card numbers"
_WORD: Final = re.compile(r"[\w-]+")
_MARK_OF_ERASURE: Final = "'erasedAt'"


@dataclass
class PrivacyProof:
    """What the experiment came to."""

    planted: int = 0
    requests: int = 0
    let_in: int = 0
    """Requests with a card number that were not refused."""
    places: Counter[str] = field(default_factory=Counter[str])
    """What was looked through, by kind."""
    leaks: Counter[str] = field(default_factory=Counter[str])
    """Values that are where they must not be, by kind and name of the place."""
    erased: int = 0
    """Persons."""
    left: Counter[str] = field(default_factory=Counter[str])
    """Places that still have something of an erased person."""
    statuses: Counter[int] = field(default_factory=Counter[int])

    @property
    def holds(self) -> bool:
        """Return whether nothing leaked, no card number was let in, and nothing was left of who was erased."""
        return not self.leaks and not self.let_in and not self.left

    @property
    def leaked(self) -> int:
        """Return how many values were found in a wrong place."""
        return self.leaks.total()


_KINDS: Final = frozenset(
    {
        *("table", "stream", "object", "queue", "log", "access log", "file"),
        *("notification", "webhook", "answer", "error", "command", "page"),
    }
)
"""Of places: of each there must be some, or nothing was looked through."""


@dataclass
class PrivacyExperiment:
    """One run on one system.

    Args:
        system: where.
        seed: the same seed gives the same values in the same requests.
        folder: an empty one, for files of commands.
        say: told of the progress.
    """

    system: RunningSystem
    seed: int
    folder: Path
    say: Callable[[str], None]
    proof: PrivacyProof = field(default_factory=PrivacyProof)
    _answers: list[Place] = field(default_factory=list[Place])
    _states: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _kept: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    _marks: Marks = field(init=False)
    _maker: RequestMaker = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Begin with the seed."""
        self._marks = Marks(self.seed)
        self._maker = RequestMaker(self._marks, self.seed)

    def run(self, values: int) -> PrivacyProof:
        """Plant so many values, look for them everywhere, and erase some persons.

        Raises:
            LookupError: nothing of some kind of place was there to be looked through.
        """
        persons = self.plant(values)
        self.look(people_too=persons)
        if missing := sorted(_KINDS - self.proof.places.keys()):
            raise LookupError(f"nothing was looked through of: {', '.join(missing)}")
        self.erase(persons)
        return self.proof

    def plant(self, values: int) -> Sequence[MarkedPerson]:
        """Plant so many values, and have everything made of them that a day makes."""
        follow_notifications(self.system)
        persons = [make_person(self._maker) for _ in range(_PERSONS)]
        self._send([request for person in persons for request in person.requests])
        while len(self._marks.planted) < values:
            self._send([each for _ in range(_CONNECTIONS) for each in self._maker.round()])
        self._poison()
        self.system.cloud.wait_until_idle(_IDLE_SECONDS)
        self.system.run_task("daily-report", date=_today())
        for person in persons:
            learn_tokens(person, iter(self._states))
        return persons

    def look(self, people_too: Sequence[MarkedPerson] = ()) -> None:
        """Look for what was planted in everything that is kept.

        Args:
            people_too: persons whose transactions people look at, by commands and in the console.
        """
        seen = list(self._errors())
        if people_too:
            ids = [person.ids[0] for person in people_too]
            seen += people.commands(self.system, self._marks, ids, self.folder)
            seen += people.pages(self.system, self._marks, ids, [min(person.tokens) for person in people_too])
        self.proof.planted = len(self._marks.planted)
        self.say(f"{self.proof.planted:,} values planted by {self.proof.requests:,} requests: looking for them")
        for place in (*stored(self.system.cloud), *sent(self.system), *self._answers, *seen):
            self._look(place)

    def erase(self, persons: Sequence[MarkedPerson]) -> None:
        """Erase persons, and look for what is left of them."""
        self._ask_for(persons)
        for person in persons:
            customers = {state["customerId"] for state in self._states if state["transactionId"] == person.ids[0]}
            erase(self.system, *customers)
            self.proof.erased += 1
        self.system.run_task("daily-report", date=_today())
        tokens = {token for person in persons for token in person.tokens}
        gone = tokens | {each for person in persons for each in person.ids}
        for place in stored(self.system.cloud):
            # The marks by which late records are passed over have no data, and go by themselves.
            if _MARK_OF_ERASURE not in place.content and _holds(place, gone):
                self.proof.left[f"{place.kind}: {place.name.partition('/')[0]}"] += 1
        for place in sent(self.system):
            # docs/privacy.md: ids stay in log groups for their days, streams end after a day; the rest has left.
            if place.kind in {"log", "access log", "file"} and _holds(place, tokens):
                self.proof.left[f"{place.kind}: {place.name}"] += 1

    def _ask_for(self, persons: Sequence[MarkedPerson]) -> None:
        """Leave what a query finds that asks for ids alone, and a result that has expired."""
        s3, bucket = self.system.cloud.client("s3"), self.system.cloud.outputs["bucketName"]
        content = "\n".join(f'"{each}"' for person in persons for each in person.ids).encode()
        for name in ("found", "expired"):
            s3.put_object(Bucket=bucket, Key=f"{QUERY_RESULTS_PREFIX}{name}.csv", Body=content)
        s3.delete_object(Bucket=bucket, Key=f"{QUERY_RESULTS_PREFIX}expired.csv")

    def _send(self, requests: Sequence[MarkedRequest]) -> None:
        with (
            httpx.Client(timeout=60, limits=httpx.Limits(max_connections=_CONNECTIONS)) as client,
            ThreadPoolExecutor(_CONNECTIONS) as pool,
        ):
            list(pool.map(partial(self._send_one, client), requests))

    def _send_one(self, client: httpx.Client, request: MarkedRequest) -> None:
        answer = client.request(
            request.method,
            f"{self.system.api_url}{request.path}",
            content=request.content,
            headers=dict(request.headers),
            auth=self.system.auth() if request.is_signed else None,
        )
        with self._lock:
            self._kept |= request.kept
            self.proof.requests += 1
            self.proof.statuses[answer.status_code] += 1
            self.proof.let_in += request.has_card and answer.is_success
            name = f"{request.method} {answer.status_code}"
            self._answers.append(Place("answer", name, f"{answer.headers}\n{answer.text}"))
            if answer.is_success and request.method == "POST":
                self._states.append(answer.json())

    def _poison(self) -> None:
        """Store what is no transaction, as a fault of ours might: nothing of it may come further than the stream."""
        marks = self._marks
        item = {
            "transactionId": {"S": f"poison-{self.seed}"},
            "kind": {"S": ItemKind.TRANSACTION.value},
            "timestamp": {"N": str(epoch_milliseconds())},
            "amountMinor": {"S": (name := marks.plain())},
            "metadata": {"M": {(key := marks.plain()): {"L": [{"S": (value := marks.plain())}]}}},
        }
        self._kept |= dict.fromkeys((name, key, value), _OF_POISON)
        self.system.cloud.client("dynamodb").put_item(
            TableName=self.system.cloud.outputs["transactionsTable"], Item=item
        )

    def _errors(self) -> Iterator[Place]:
        """Yield what functions say to whoever invokes them with something else than they know."""
        outputs, marks = self.system.cloud.outputs, self._marks
        events: list[tuple[str, Mapping[str, object]]] = [
            (f"{outputs['processorFunction']}:{TOKENS_ALIAS}", {"identifiers": [{"kind": marks.email(), "value": 1}]}),
            (f"{outputs['processorFunction']}:{TOKENS_ALIAS}", {marks.name(): marks.card()}),
            (f"{outputs['processorFunction']}:{TOKENS_ALIAS}", {"tokens": [marks.name(), marks.card()]}),
            (outputs["reportFunction"], {"task": marks.name()}),
            (outputs["reportFunction"], {"task": "daily-report", "date": marks.name()}),
            (outputs["reportFunction"], {"task": "chain-hours", "hours": [marks.card()], "kind": marks.email()}),
            (outputs["analyzerFunction"], {"Records": [{"eventID": marks.name(), "dynamodb": marks.card()}]}),
        ]
        for function, event in events:
            try:
                said = json.dumps(self.system.cloud.invoke(function, event))
            except FunctionFailedError as error:
                said = str(error)
            yield Place("error", function, said)

    def _look(self, place: Place) -> None:
        marks = self._marks
        self.proof.places[place.kind] += 1
        where = f"{place.kind}/{place.name}"
        for found in marks.found_in(f"{place.name}\n{place.content}"):
            is_card = found in marks.cards
            if is_card or not where.startswith(self._kept.get(found, _NOWHERE)):
                # Names of items and objects may hold the value itself.
                name = place.name if place.kind == "log" else place.name.partition("/")[0]
                shown = _WITHHELD if marks.found_in(name) else name
                self.proof.leaks[f"{place.kind}: {shown}: {CARDS if is_card else 'personal values'}"] += 1


def _holds(place: Place, texts: set[str]) -> bool:
    return not texts.isdisjoint(_WORD.findall(f"{place.name}\n{place.content}"))


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
