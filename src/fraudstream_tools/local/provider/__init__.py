"""The local provider: creates what a Pulumi program declares, in ministack and in the embedded services."""

from fraudstream_tools.local.provider.account import Account
from fraudstream_tools.local.provider.local import LocalProvider
from fraudstream_tools.local.provider.plan import GatewayPlan, Plan

__all__ = ["Account", "GatewayPlan", "LocalProvider", "Plan"]
