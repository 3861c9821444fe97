"""Requests that the document describes, and requests that it forbids: the gateway does what the document says."""

from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeAlias, cast

import schemathesis
from botocore.credentials import Credentials
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode, Response
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

from fraudstream.clock import epoch_milliseconds
from fraudstream.transactions.api.openapi import openapi_document
from proofs.requests.signing import Signature
from proofs.running.deployed import RunningSystem

Case: TypeAlias = Any
"""schemathesis's request: a class with type arguments that it leaves open."""
_OF_OPENAPI: Final[Any] = checks
_CHECKS: Final = (
    _OF_OPENAPI.status_code_conformance,
    _OF_OPENAPI.content_type_conformance,
    _OF_OPENAPI.response_headers_conformance,
    _OF_OPENAPI.response_schema_conformance,
)
_STEPS: Final = 6
"""Of a conversation."""
_SERVER_ERROR: Final = 500
FAILED: Final = "an error of the server"
REFUSED: Final = "refused without a word of it in the document"
LET_IN: Final = "taken although the document forbids it"
UNREADABLE: Final = "stored and not to be read"
_SUPPRESSED: Final = (
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
    HealthCheck.filter_too_much,
)


@dataclass
class RequestsProof:
    """What the experiment came to."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter[int])
    conversations: int = 0
    """Transactions that were posted and then read."""
    findings: Counter[str] = field(default_factory=Counter[str])

    @property
    def let_in(self) -> int:
        """Return how many bodies were taken that the document forbids."""
        return self.findings[LET_IN]


class RequestsExperiment:
    """One run on one system."""

    def __init__(self, system: RunningSystem, seed_number: int, say: Callable[[str], None]) -> None:
        """Read the document.

        Args:
            system: where.
            seed_number: the same number gives the same requests, but for times.
            say: told of the progress.
        """
        document = openapi_document()
        keys = Credentials(system.cloud.credentials.access_key, system.cloud.credentials.secret_key)
        self._auth = Signature(keys, system.cloud.outputs["region"])
        self._url = system.api_url
        self._seed = seed_number
        self._say = say
        self._schema: Any = schemathesis.openapi.from_dict(document)
        self._schema.config.update(base_url=self._url)
        post = document["paths"]["/transactions"]["post"]
        self._described = post["responses"]["400"]["description"]
        example = post["requestBody"]["content"]["application/json"]["example"]
        self._good = {name: example[name] for name in ("amountMinor", "currency", "customerId")}
        self._fields: Mapping[str, Any] = document["components"]["schemas"]["TransactionRequest"]["properties"]
        self._id: Any = Draft202012Validator(self._fields["transactionId"])
        self._body: Any = Draft202012Validator(document["components"]["schemas"]["TransactionRequest"])
        self.proof = RequestsProof()

    def run(self, examples: int) -> RequestsProof:
        """Send so many requests of each kind to each route, and have a tenth as many conversations."""
        for result in self._schema.get_all_operations():
            operation = result.ok()
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                self._try(operation.as_strategy(generation_mode=mode), examples)
            if operation.method.upper() == "POST":
                self._try_spoiled(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), examples)
            self._say(f"{operation.label}: {self.proof.requests:,} requests so far")
        self._converse(max(examples // 10, 5))
        self._say(f"{self.proof.conversations:,} transactions posted and read")
        return self.proof

    def _try(self, cases: st.SearchStrategy[Case], examples: int) -> None:
        def one(case: Case, is_helped: bool) -> None:  # noqa: FBT001  (Hypothesis names it)
            if is_helped:
                _help(case)
            self._check(case, case.call(base_url=self._url, auth=self._auth))

        seed(self._seed)(_settings(examples)(given(cases, st.booleans())(one)))()

    def _try_spoiled(self, cases: st.SearchStrategy[Case], examples: int) -> None:
        """Send what would be taken but for one thing, which no chance makes often enough."""

        def one(case: Case, spoil: Callable[[dict[str, Any]], None]) -> None:
            _help(case)
            # A copy: examples share their bodies, and what spoils one must not spoil those behind it.
            case.body = deepcopy(case.body) | self._good
            spoil(case.body)
            self._check(case, case.call(base_url=self._url, auth=self._auth))

        for spoil in _SPOILT:
            seed(self._seed)(_settings(examples // len(_SPOILT))(given(cases, st.just(spoil))(one)))()

    def _converse(self, conversations: int) -> None:
        experiment = self
        machine: Any = self._schema.as_state_machine()

        class Conversation(machine):
            def before_call(self, case: Case) -> None:
                _help(case)
                experiment._name_anew(case)

            def get_call_kwargs(self, case: Case) -> dict[str, Any]:  # noqa: ARG002  (schemathesis names it)
                return {"auth": experiment._auth}

            def validate_response(self, response: Response, case: Case, **_: object) -> None:
                experiment._check(case, response)

        seed(self._seed)(Conversation).run(settings=settings(_settings(conversations), stateful_step_count=_STEPS))

    def _name_anew(self, case: Case) -> None:
        """Write an id into a transaction that no other has: Hypothesis repeats steps, which are answered as before."""
        body = _object(case)
        if body is not None and self._id.is_valid(body.get("transactionId")):
            case.body = body | {"transactionId": f"conversation-{self.proof.requests}"}

    def _check(self, case: Case, response: Response) -> None:
        proof = self.proof
        proof.requests += 1
        proof.statuses[response.status_code] += 1
        if response.status_code >= _SERVER_ERROR:
            proof.findings[FAILED] += 1
        try:
            case.validate_response(response, checks=list(_CHECKS))
        except FailureGroup as failures:
            proof.findings.update(type(each).__name__ for each in failures.exceptions)
        except Failure as failure:
            proof.findings[type(failure).__name__] += 1
        if case.method == "POST":
            self._check_body(case.body, response)
            if _is_taken(response):
                self._read(response.json()["transactionId"])

    def _check_body(self, body: object, response: Response) -> None:
        is_described = self._body.is_valid(body)
        if _is_taken(response) and not is_described:
            self.proof.findings[LET_IN] += 1
        if response.status_code == HTTPStatus.BAD_REQUEST and is_described:
            messages = [str(each["message"]) for each in response.json()["errors"]]
            if not messages or not all(map(self._is_described, messages)):
                self.proof.findings[REFUSED] += 1

    def _is_described(self, message: str) -> bool:
        # A message may go on behind what the document says, such as with the unit that a time looks like.
        return any(message.startswith(said) for said in self._described.split("`")[1::2] if said not in self._fields)

    def _read(self, transaction_id: str) -> None:
        operation = self._schema["/transactions/{id}"]["GET"]
        case = operation.Case(path_parameters={"id": transaction_id})
        response = case.call(base_url=self._url, auth=self._auth)
        self.proof.conversations += 1
        if response.status_code != HTTPStatus.OK or response.json()["transactionId"] != transaction_id:
            self.proof.findings[UNREADABLE] += 1


def _is_taken(response: Response) -> bool:
    # Whatever success it is called: which one is another check's question.
    return HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES


def _object(case: Case) -> dict[str, Any] | None:
    """Return a request's body; None where it is no JSON object, as unsound ones may be."""
    body: object = case.body
    return cast("dict[str, Any]", body) if isinstance(body, dict) else None


def _help(case: Case) -> None:
    """Correct what a generator hardly ever hits, so that many requests are taken."""
    body = _object(case)
    if body is None:
        return
    for name in ("timestamp", "accountOpenedAt"):
        if isinstance(body.get(name), int):
            body[name] = epoch_milliseconds() - 1000
    if isinstance(body.get("ipAddress"), str):
        body["ipAddress"] = "198.51.100.7"
    if body.get("type") in {"REFUND", "REVERSAL"}:
        body.setdefault("originalTransactionId", "an-earlier-one")
    for name, other in (("latitude", "longitude"), ("longitude", "latitude")):
        if name in body:
            body.setdefault(other, 1.5)


_SPOILT: Final[tuple[Callable[[dict[str, Any]], None], ...]] = (
    lambda body: body.update(note="A7"),
    lambda body: body.update(cardToken=None),
    lambda body: body.update(amountMinor=-1),
    lambda body: body.update(amountMinor="1"),
    lambda body: body.update(currency="EURO"),
    lambda body: body.update(metadata={"Shelf": "A7"}),
    lambda body: body.update(customerId="x" * 129),
    lambda body: body.update(merchantCountry="XQ"),
    lambda body: _leave_out(body, "customerId"),
    lambda body: _leave_out(body, "type"),
)


def _leave_out(body: dict[str, Any], name: str) -> None:
    body.pop(name, None)


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        print_blob=False,
        phases=(Phase.generate,),
        suppress_health_check=_SUPPRESSED,
    )
