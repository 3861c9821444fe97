"""What the functions and the API log of a transaction, as CloudWatch Logs bills it."""

import io
from typing import Final

from infra.api.spec import ACCESS_LOG_FORMAT

LOG_EVENT_OVERHEAD: Final = 26
"""Bytes that CloudWatch Logs adds to each event (PutLogEvents in its API reference)."""
_ACCESS_VALUES: Final = {
    "$context.requestId": "0f3b8f6c-6a52-4f0e-9c3e-0d1f2a3b4c5d",
    "$context.httpMethod": "POST",
    "$context.resourcePath": "/transactions",
    "$context.status": "201",
    "$context.responseLatency": "20",
    "$context.integration.status": "200",
    "$context.integration.latency": "18",
    "$context.error.responseType": "-",
    "$context.xrayTraceId": "1-5759e988-bd862e3fe1be46a994272793",
}


class PrintedLines(io.StringIO):
    """What the functions print, as events of CloudWatch Logs."""

    def taken(self) -> tuple[int, list[str]]:
        """Return the bytes since the last call as they are billed, and the lines."""
        lines = self.getvalue().splitlines()
        self.seek(0)
        self.truncate()
        return sum(len(line.encode()) + LOG_EVENT_OVERHEAD for line in lines), lines


def access_log_bytes() -> int:
    """Return the bytes that the API logs of a request."""
    line = ACCESS_LOG_FORMAT
    for name in sorted(_ACCESS_VALUES, key=len, reverse=True):
        line = line.replace(name, _ACCESS_VALUES[name])
    if "$context" in line:
        raise SystemExit("the access log has a field that this benchmark does not know")
    return len(line) + LOG_EVENT_OVERHEAD
