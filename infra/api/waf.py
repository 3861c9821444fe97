"""The web application firewall in front of the API, for those who want it: it costs by the month and by the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

if TYPE_CHECKING:
    from infra.naming import StackContext

COMMON_RULES = "AWSManagedRulesCommonRuleSet"
RATE_RULE = "rate"
COUNTED_RULES = ("SizeRestrictions_BODY", "NoUserAgent_HEADER")
"""Rules of the common ones that only count.

They block what the API allows: bodies of more than 8,192 bytes, where the API takes 16,384, and clients that say no
`User-Agent`, as programs may.
"""


class Firewall(pulumi.ComponentResource):
    """A rate limit by address, and AWS's common rules."""

    def __init__(
        self,
        place: StackContext,
        *,
        stage_arn: pulumi.Input[str],
        rate_limit: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the firewall and put it before the stage; the limit is in requests in five minutes."""
        super().__init__("fraudstream:infra:Firewall", place.name("component", "firewall"), None, opts)
        child = pulumi.ResourceOptions(parent=self)
        name = place.name("waf", "api")
        acl = aws.wafv2.WebAcl(
            name,
            name=name,
            scope="REGIONAL",
            default_action=aws.wafv2.WebAclDefaultActionArgs(allow=aws.wafv2.WebAclDefaultActionAllowArgs()),
            rules=[_rate_rule(rate_limit), _common_rules()],
            visibility_config=aws.wafv2.WebAclVisibilityConfigArgs(
                cloudwatch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
            ),
            opts=child,
        )
        aws.wafv2.WebAclAssociation(
            place.name("waf", "api-stage"), resource_arn=stage_arn, web_acl_arn=acl.arn, opts=child
        )
        self.register_outputs({"arn": acl.arn})


def _visibility(metric: str) -> aws.wafv2.WebAclRuleVisibilityConfigArgs:
    # Samples would keep whole requests, addresses and bodies among them.
    return aws.wafv2.WebAclRuleVisibilityConfigArgs(
        cloudwatch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=False
    )


def _rate_rule(limit: int) -> aws.wafv2.WebAclRuleArgs:
    return aws.wafv2.WebAclRuleArgs(
        name=RATE_RULE,
        priority=0,
        action=aws.wafv2.WebAclRuleActionArgs(block=aws.wafv2.WebAclRuleActionBlockArgs()),
        statement=aws.wafv2.WebAclRuleStatementArgs(
            rate_based_statement=aws.wafv2.WebAclRuleStatementRateBasedStatementArgs(
                limit=limit, aggregate_key_type="IP", evaluation_window_sec=300
            )
        ),
        visibility_config=_visibility(RATE_RULE),
    )


def _common_rules() -> aws.wafv2.WebAclRuleArgs:
    return aws.wafv2.WebAclRuleArgs(
        name=COMMON_RULES,
        priority=1,
        override_action=aws.wafv2.WebAclRuleOverrideActionArgs(none=aws.wafv2.WebAclRuleOverrideActionNoneArgs()),
        statement=aws.wafv2.WebAclRuleStatementArgs(
            managed_rule_group_statement=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementArgs(
                vendor_name="AWS",
                name=COMMON_RULES,
                rule_action_overrides=[_counted(each) for each in COUNTED_RULES],
            )
        ),
        visibility_config=_visibility(COMMON_RULES),
    )


def _counted(rule: str) -> aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideArgs:
    return aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideArgs(
        name=rule,
        action_to_use=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseArgs(
            count=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseCountArgs()
        ),
    )
