"""What a plan needs that no setting gives."""

from typing import Final

from fraudstream_tools.sizing.plan import (
    FIRST_PARTITIONS,
    MAXIMUM_CONCURRENCY,
    TABLE_QUOTA,
    UNITS_PER_PARTITION,
    WRITES_PER_TRANSACTION,
    Plan,
)

STAGE_THROTTLE: Final = 1000
"""Requests a second (`REQUESTS_PER_SECOND` in `infra/settings.py`)."""
ACCOUNT_THROTTLE: Final = 10_000
"""Requests a second of all of an account's APIs in a region (API Gateway's quotas)."""
REPORTER_CONCURRENCY: Final = 100
UNRESERVED: Final = 100
"""Executions that Lambda keeps for functions without a reservation."""


def advice(plan: Plan) -> list[str]:
    """Return what else is to be done for a peak, a sentence each."""
    units = plan.peak * WRITES_PER_TRANSACTION
    executions = plan.processor_concurrency + plan.analyzer_concurrency + REPORTER_CONCURRENCY + UNRESERVED
    found = [f"The account needs {executions:,} concurrent executions: `fraudstream preflight` compares."]
    if plan.peak > STAGE_THROTTLE:
        found.append(
            f"The stage lets {STAGE_THROTTLE:,} requests a second through, and no setting changes that:"
            " REQUESTS_PER_SECOND in infra/settings.py, and the requirement in policy/ that holds it."
        )
    if plan.peak > ACCOUNT_THROTTLE:
        found.append(f"API Gateway gives an account {ACCOUNT_THROTTLE:,} requests a second: ask AWS for more.")
    if units > FIRST_PARTITIONS * UNITS_PER_PARTITION:
        found.append(
            f"The table of transactions takes {units:,.0f} write units a second. A new table takes"
            f" {FIRST_PARTITIONS * UNITS_PER_PARTITION:,} at first: warm it up before (DynamoDB, warm throughput)."
        )
    if units > TABLE_QUOTA:
        found.append(f"DynamoDB gives a table {TABLE_QUOTA:,} write units a second: ask AWS for more.")
    if not plan.keeps_up:
        found.append(
            f"The analyzer's lanes would be busy for {plan.lane_load:.0%} of their time: raise analyzerMemory"
            " (at 1769 MB a function has a whole processor)."
        )
    if not plan.fits_settings:
        found.append(f"A setting of concurrency takes at most {MAXIMUM_CONCURRENCY:,}: spread the load over stacks.")
    return found
