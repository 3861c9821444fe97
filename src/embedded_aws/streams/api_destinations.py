"""API destinations: posts what pipes deliver to an address of this machine, as EventBridge does to the internet."""

import threading
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from embedded_aws.specs import ApiDestinationSpec


class DeliveryRefusedError(RuntimeError):
    """The receiver's answer was no success; the message is its status."""


def is_loopback(url: str) -> bool:
    """Return whether an address is one of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class ApiDestination:
    """Sends messages to one receiver."""

    def __init__(self, spec: ApiDestinationSpec) -> None:
        """Prepare to send. Proxies and redirects are not followed: the receiver is the very one that is named."""
        self._spec = spec
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
        self._next = 0.0
        self._lock = threading.Lock()

    def post(self, _target_arn: str, message: str) -> None:
        """Send one message, as soon as the destination's rate allows.

        Raises:
            DeliveryRefusedError: the answer was no success.
            OSError: the receiver was not reached, or did not answer in time.
        """
        self._wait_for_turn()
        request = urllib.request.Request(  # noqa: S310  (the provider takes http and https only)
            self._spec.url,
            data=message.encode(),
            method=self._spec.method,
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "Amazon/EventBridge/ApiDestinations",
                **self._spec.headers,
            },
        )
        try:
            with self._opener.open(request, timeout=self._spec.timeout_seconds) as answer:
                status: int = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
            error.close()
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise DeliveryRefusedError(f"status {status}")

    def _wait_for_turn(self) -> None:
        with self._lock:
            now = time.monotonic()
            begins = max(now, self._next)
            self._next = begins + 1 / self._spec.requests_per_second
        time.sleep(begins - now)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  (needs none)
        """Follow no redirect: its status counts as the answer."""
