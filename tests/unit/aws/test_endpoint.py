"""HTTP as AWS speaks it, and as nobody should: over real sockets, beside the standard library's client."""

import http.client
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.aws import endpoint as endpoints
from fraudstream.aws.endpoint import DamagedResponseError, Endpoint, HttpAnswer, Limits
from tests.unit.aws.raw_service_harness import RawService, raw_service

LIMITS = Limits(read_seconds=5)
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nx-last: 1\r\n\r\n"
)


def asked(endpoint: Endpoint, body: bytes = b"") -> HttpAnswer:
    return endpoint.exchange("POST", "/path?a=b", {"host": "h", "x-name": "value"}, body)


def test_a_request_is_what_the_standard_library_reads_from_it() -> None:
    requests: list[tuple[str, bytes]] = []

    def script(_: int, first: str, body: bytes) -> Sequence[bytes]:
        requests.append((first, body))
        return [WHOLE]

    with raw_service(script) as service:
        asked(Endpoint(service.url, LIMITS), b"\x00body\r\n\r\n")
        asked(Endpoint(service.url, LIMITS))
    assert requests == [("POST /path?a=b HTTP/1.1", b"\x00body\r\n\r\n"), ("POST /path?a=b HTTP/1.1", b"")]


@st.composite
def answers(draw: st.DrawFn) -> list[bytes]:
    """Return an answer in pieces, as the network may cut it."""
    status = draw(st.sampled_from([200, 201, 204, 304, 400, 404, 500, 503]))
    content = b"" if status in {204, 304} else draw(st.binary(max_size=300))
    fields = [("ETag", '"1"'), ("x-amz-crc32", "17"), ("Date", "Fri, 27 Nov: 2026"), ("x-empty", "")]
    name, value = draw(st.sampled_from(fields))
    lines = [f"HTTP/1.1 {status} {draw(st.sampled_from(['', 'OK', 'Not found']))}", f"{name}:{value} "]
    if status in {204, 304}:
        # One that has no content may tell the length of what it would have.
        lines += draw(st.sampled_from([[], ["Content-Length: 10"]]))
        body = b""
    elif draw(st.booleans()):
        lines.append(f"{draw(st.sampled_from(['Content-Length', 'content-length']))}: {len(content)}")
        body = content
    else:
        lines.append(f"Transfer-Encoding: {draw(st.sampled_from(['chunked', 'Chunked']))}")
        size = draw(st.integers(1, 50))
        parts = [content[at : at + size] for at in range(0, len(content), size)]
        body = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts) + b"0\r\n\r\n"
    before = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\nETag: 2\r\n\r\n"]))
    sent = before + "\r\n".join([*lines, "", ""]).encode() + body
    cuts = sorted(draw(st.sets(st.integers(1, len(sent) - 1), max_size=4)))
    return [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]


def test_an_answer_is_what_the_standard_library_reads_from_it() -> None:
    with raw_service(lambda *_: [WHOLE]) as service:
        endpoint = Endpoint(service.url, LIMITS)

        @settings(max_examples=200, deadline=None)
        @given(pieces=answers())
        def check(pieces: list[bytes]) -> None:
            service.script = lambda *_: pieces
            ours, theirs = asked(endpoint), _by_standard_library(service)
            assert (ours.status, ours.content) == (theirs.status, theirs.content)
            assert ours.headers == theirs.headers

        check()
        service.connections = 0
        asked(endpoint)
        assert service.connections == 0


def _by_standard_library(service: RawService) -> HttpAnswer:
    connection = http.client.HTTPConnection(service.url.removeprefix("http://"))
    connection.request("POST", "/path?a=b", b"", {"host": "h"})
    response = connection.getresponse()
    headers = {name.lower(): value.strip() for name, value in response.getheaders()}
    found = HttpAnswer(response.status, headers, response.read())
    connection.close()
    return found


@pytest.mark.parametrize("answer", [WHOLE, CHUNKED])
def test_an_answer_that_is_cut_at_any_place_is_none(answer: bytes) -> None:
    lengths = iter(range(len(answer)))
    with raw_service(lambda *_: [answer[: next(lengths)], b""]) as service:
        endpoint = Endpoint(service.url, LIMITS)
        for _ in range(len(answer)):
            with pytest.raises(ConnectionClosedError):
                asked(endpoint)
        service.script = lambda *_: [answer]
        assert asked(endpoint).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"\r\n\r\nSSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nwithout an end",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Another\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + b"x: y\r\n" * 40_000,
    ],
)
def test_what_is_no_answer_is_an_error_and_ends_its_connection(answer: bytes) -> None:
    with raw_service(lambda *_: [answer]) as service:
        endpoint = Endpoint(service.url, LIMITS)
        with pytest.raises(DamagedResponseError) as raised:
            asked(endpoint)
        assert isinstance(raised.value, HTTPClientError)
        service.script = lambda *_: [WHOLE]
        assert asked(endpoint).content == b"{}"
        assert service.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE + b"HTTP/1.1 500 OK\r\nContent-Length: 0\r\n\r\n",
        CHUNKED + b"H",
        WHOLE + b"no HTTP",
        b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 500 OK\r\n\r\n",
    ],
)
def test_what_follows_an_answer_is_not_taken_for_the_next_one(answer: bytes) -> None:
    with raw_service(lambda *_: [answer]) as service:
        endpoint = Endpoint(service.url, LIMITS)
        assert [asked(endpoint).status for _ in range(3)] == [200, 200, 200]
        assert service.connections == 3


def test_empty_lines_around_an_answer_say_nothing() -> None:
    numbers = iter(range(200, 203))
    with raw_service(lambda *_: [b"\r\nHTTP/1.1 %d OK\r\nContent-Length: 0\r\n\r\n\r\n" % next(numbers)]) as service:
        endpoint = Endpoint(service.url, LIMITS)
        assert [asked(endpoint).status for _ in range(3)] == [200, 201, 202]


def test_headers_after_the_content_are_none_of_the_answers() -> None:
    with raw_service(lambda *_: [CHUNKED]) as service:
        endpoint = Endpoint(service.url, LIMITS)
        assert asked(endpoint) == asked(endpoint) == (200, {"transfer-encoding": "chunked"}, b"abc0123456789")
        assert service.connections == 1


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one() -> None:
    given_up = threading.Event()

    def script(connection: int, _: str, __: bytes) -> Sequence[bytes]:
        if connection > 1:
            return [WHOLE]
        given_up.wait()
        return [b"HTTP/1.1 500 late\r\nContent-Length: 0\r\n\r\n", b""]

    with raw_service(script) as service:
        endpoint = Endpoint(service.url, Limits(read_seconds=0.05))
        with pytest.raises(ReadTimeoutError):
            asked(endpoint)
        given_up.set()
        service.ended.acquire()
        found: list[int] = []
        while not found:
            # On a busy machine, what is quick may take longer than it should too.
            with suppress(ReadTimeoutError):
                found.append(asked(endpoint).status)
        assert found == [200]


def test_a_handshake_that_is_not_answered_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = Endpoint(f"https://127.0.0.1:{silent.getsockname()[1]}", Limits(3600, connect_seconds=0.01))
        with pytest.raises(ReadTimeoutError):
            asked(endpoint)


def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    requests: list[int] = []

    def script(connection: int, _: str, __: bytes) -> Sequence[bytes]:
        requests.append(connection)
        return [WHOLE, b""]

    with raw_service(script) as service:
        endpoint = Endpoint(service.url, LIMITS)
        for _ in range(3):
            assert asked(endpoint).status == 200
            service.ended.acquire()
    assert requests == [1, 2, 3]


def test_connections_that_were_purged_without_a_sign_are_replaced_at_once() -> None:
    """As Lambda purges them while a function is idle: what is left of them ends when it is used."""
    together, is_purged, requests = threading.Barrier(4), threading.Event(), list[int]()

    def script(connection: int, _: str, __: bytes) -> Sequence[bytes]:
        requests.append(connection)
        if is_purged.is_set() and connection <= 4:
            return [b""]
        if not is_purged.is_set():
            together.wait()
        return [WHOLE]

    with raw_service(script) as service, ThreadPoolExecutor(4) as pool:
        endpoint = Endpoint(service.url, LIMITS)
        assert [each.status for each in pool.map(lambda _: asked(endpoint), range(4))] == [200] * 4
        is_purged.set()
        assert [asked(endpoint).status for _ in range(3)] == [200] * 3
    assert (len(requests), requests[5:]) == (8, [5, 5, 5])


def test_a_kept_connection_that_ends_within_an_answer_is_a_failure() -> None:
    requests: list[int] = []

    def script(connection: int, _: str, __: bytes) -> Sequence[bytes]:
        requests.append(connection)
        return [WHOLE] if len(requests) == 1 else [WHOLE[:20], b""]

    with raw_service(script) as service:
        endpoint = Endpoint(service.url, LIMITS)
        assert asked(endpoint).status == 200
        with pytest.raises(ConnectionClosedError):
            asked(endpoint)
    assert requests == [1, 1]


def test_a_slow_answer_keeps_no_other_waiting() -> None:
    others_done = threading.Event()

    def script(_: int, __: str, body: bytes) -> Sequence[bytes]:
        if body == b"slow":
            others_done.wait()
        return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)]

    with raw_service(script) as service, ThreadPoolExecutor(1) as pool:
        endpoint = Endpoint(service.url, LIMITS)
        slow = pool.submit(asked, endpoint, b"slow")
        for number in range(20):
            assert asked(endpoint, str(number).encode()).content == str(number).encode()
        others_done.set()
        assert slow.result().content == b"slow"


def test_each_of_many_threads_gets_its_own_answer() -> None:
    def script(_: int, __: str, body: bytes) -> Sequence[bytes]:
        return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)]

    with raw_service(script) as service, ThreadPoolExecutor(8) as pool:
        endpoint = Endpoint(service.url, Limits(read_seconds=5, connections=2))
        bodies = [str(number).encode() * 50 for number in range(400)]
        found = pool.map(lambda body: asked(endpoint, body).content, bodies)
        assert list(found) == bodies


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return what a server shows, and have clients trust it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl here to make a certificate with")
    key, shown = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(shown), *subject]
    subprocess.run(made, check=True, capture_output=True)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(shown))
    monkeypatch.setattr(endpoints, "_trusted", endpoints._trusted.__wrapped__)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, key)
    return context


def test_over_tls_connections_stay_open_too_and_large_answers_come_whole(certificate: ssl.SSLContext) -> None:
    def script(_: int, __: str, body: bytes) -> Sequence[bytes]:
        return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)]

    with raw_service(script, certificate) as service:
        endpoint = Endpoint(service.url, LIMITS)
        for size in (0, 10, 16_384, 1_000_000, 3):
            body = b"\xff" * size
            assert asked(endpoint, body).content == body
        assert service.connections == 1


def test_a_cut_over_tls_is_a_cut(certificate: ssl.SSLContext) -> None:
    with raw_service(lambda *_: [WHOLE[:-1], b""], certificate) as service, pytest.raises(ConnectionClosedError):
        asked(Endpoint(service.url, LIMITS))
