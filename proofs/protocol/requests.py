"""The first half: clients post, processors claim and put; answers are lost, writes come late, processors stop."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from proofs.protocol.explorer import ProtocolModel, Step

_CLAIM, _PUT, _DONE, _REFUSED, _FAILED = "claim", "put", "done", "refused", "failed"


class _Call(NamedTuple):
    """A client's call: what it posts, and how far a processor is with it."""

    payload: str
    at: str = _CLAIM
    attempt: int = 0
    """Of the client; its number is the token of the put."""
    answer: str = ""
    is_new: bool = False


class RequestState(NamedTuple):
    """One id in the table, the calls that are about it, and the writes that are still under way."""

    calls: tuple[_Call, ...]
    claim: str = ""
    """The payload's hash; empty for no claim."""
    item: tuple[str, str] | None = None
    """Payload and token of the put."""
    was: tuple[str, str] | None = None
    """What the item was first: it must never change."""
    late: tuple[tuple[str, str, str], ...] = ()
    faults: int = 0


_ATTEMPTS: Final = 2


def requests(faults: int, variants: frozenset[str] = frozenset()) -> ProtocolModel[RequestState]:
    """Build the model: two calls with one payload and one with another, all with the same id.

    Args:
        faults: how many happen at most.
        variants: faults of the protocol that are put back.
    """
    calls = (_Call("one"), _Call("one"), _Call("other"))
    return ProtocolModel(
        initial=RequestState(calls, faults=faults),
        steps=lambda state: _steps(state, variants),
        wrong=_wrong,
        wrong_at_rest=_wrong_at_rest,
        is_at_rest=lambda state: not state.late and all(call.at in {_DONE, _REFUSED, _FAILED} for call in state.calls),
    )


def _write(state: RequestState, kind: str, payload: str, token: str, variants: frozenset[str]) -> RequestState:
    if kind == _CLAIM:
        is_free = not state.claim or "a claim overwrites" in variants
        return state._replace(claim=payload) if is_free else state
    if state.item is not None and "a put overwrites" not in variants:
        return state
    item = (payload, token)
    return state._replace(item=item, was=state.was or item)


def _steps(state: RequestState, variants: frozenset[str]) -> Iterator[Step[RequestState]]:
    for place, write in enumerate(state.late):
        others = state.late[:place] + state.late[place + 1 :]
        yield Step(f"a late {write[0]} is applied", _write(state._replace(late=others), *write, variants))
    for place, call in enumerate(state.calls):
        if call.at in {_CLAIM, _PUT}:
            yield from _attempts(state, place, call, variants)


def _attempts(state: RequestState, place: int, call: _Call, variants: frozenset[str]) -> Iterator[Step[RequestState]]:
    token = f"{place}.{call.attempt}"
    kind = call.at
    write = (kind, call.payload, token)
    applied = _write(state, *write, variants)
    name = f"call {place}: {kind}"
    yield Step(name, _with(applied, place, _next(call, state, applied, token, variants)))
    if not state.faults:
        return
    fewer = state.faults - 1
    again = (
        call._replace(at=_CLAIM, attempt=call.attempt + 1)
        if call.attempt + 1 < _ATTEMPTS
        else call._replace(at=_FAILED)
    )
    yield Step(f"{name} does not arrive", _with(state._replace(faults=fewer), place, again))
    yield Step(f"{name} is applied, and the processor stops", _with(applied._replace(faults=fewer), place, again))
    # The SDK sends it again, with the same token.
    yield Step(f"{name} is applied, and its answer is lost", applied._replace(faults=fewer))
    yield Step(f"{name} comes late", _with(state._replace(faults=fewer, late=(*state.late, write)), place, again))


def _next(call: _Call, before: RequestState, after: RequestState, token: str, variants: frozenset[str]) -> _Call:
    """Return how a call goes on after a write of which it has the answer."""
    if call.at == _CLAIM:
        is_other = after.claim != call.payload and "payloads are not compared" not in variants
        return call._replace(at=_REFUSED if is_other else _PUT)
    held = before.item if "a put overwrites" not in variants else None
    is_own = held is not None and held[1] == token and "no token" not in variants
    assert after.item is not None  # noqa: S101  (it was put just now, or before)
    return call._replace(at=_DONE, answer=after.item[0], is_new=held is None or is_own)


def _with(state: RequestState, place: int, call: _Call) -> RequestState:
    return state._replace(calls=(*state.calls[:place], call, *state.calls[place + 1 :]))


def _wrong(state: RequestState) -> str | None:
    if state.item != state.was:
        return "a stored transaction was replaced"
    for call in state.calls:
        if call.at == _DONE and call.answer != call.payload:
            return "a client was told that another's transaction is its own"
    if sum(call.is_new for call in state.calls) > 1:
        return "two calls were told that they stored the transaction"
    return None


def _wrong_at_rest(state: RequestState) -> str | None:
    answered = [call for call in state.calls if call.at == _DONE]
    if answered and state.item is None:
        return "a transaction was answered and is not stored"
    # A call that was told that it was the first: unless the one that stored it stopped before it could answer.
    if answered and len(answered) == len([call for call in state.calls if call.at != _REFUSED]):
        first = [call for call in answered if call.is_new]
        if not first and all(call.attempt == 0 for call in state.calls):
            return "a transaction was stored, and nobody was told 201"
    return None
