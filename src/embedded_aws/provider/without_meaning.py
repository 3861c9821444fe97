"""Resource types that mean nothing on one machine, each with the reason, and what programs read of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from embedded_aws.provider.account import Account
from embedded_aws.pulumi_program import Created

_NETWORK = "functions are processes of this machine and reach the services over the loopback interface"
_WATCH = "nothing gathers metrics here; functions print them into their logs"
_FIREWALL = "the gateway listens on the loopback interface alone"
_WHO = "there is one person at this machine, and nothing that could tell people apart"
_QUERIES = "there is no Athena here; DuckDB reads the same files, in the bucket or out of it"


@dataclass(frozen=True, kw_only=True)
class Absent:
    """Why nothing is created for a type, and what its id and outputs look like."""

    reason: str
    prefix: str = ""
    """Of the id, as AWS forms it: `vpc` for `vpc-0a1b2c…`. Without one the id is the resource's name."""
    arn: str = ""
    """Service and path of the ARN, such as `ec2:vpc/`."""
    outputs: Mapping[str, str] = field(default_factory=dict[str, str])


ABSENT: Mapping[str, Absent] = {
    "aws:ec2/vpc:Vpc": Absent(reason=_NETWORK, prefix="vpc", arn="ec2:vpc/"),
    "aws:ec2/subnet:Subnet": Absent(reason=_NETWORK, prefix="subnet", arn="ec2:subnet/"),
    "aws:ec2/routeTable:RouteTable": Absent(reason=_NETWORK, prefix="rtb", arn="ec2:route-table/"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Absent(reason=_NETWORK, prefix="rtbassoc"),
    "aws:ec2/securityGroup:SecurityGroup": Absent(reason=_NETWORK, prefix="sg", arn="ec2:security-group/"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Absent(reason=_NETWORK, prefix="sg"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Absent(reason=_NETWORK, prefix="sgr"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Absent(reason=_NETWORK, prefix="sgr"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Absent(
        reason=_NETWORK, prefix="vpce", arn="ec2:vpc-endpoint/", outputs={"prefixListId": "pl-00000000"}
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Absent(reason=_WATCH, arn="cloudwatch:alarm:"),
    "aws:cloudwatch/dashboard:Dashboard": Absent(reason=_WATCH),
    "aws:xray/samplingRule:SamplingRule": Absent(reason=_WATCH, arn="xray:sampling-rule/"),
    "aws:cloudwatch/logGroup:LogGroup": Absent(
        reason="each function's log is a file, and so is the gateway's", arn="logs:log-group:"
    ),
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": Absent(
        reason="environments start here when they are needed, and stay"
    ),
    "aws:apigateway/account:Account": Absent(reason="the gateway writes its access log itself and needs no role"),
    "aws:cloudtrail/trail:Trail": Absent(reason=_WHO, arn="cloudtrail:trail/"),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": Absent(reason=_WHO),
    "aws:athena/workgroup:Workgroup": Absent(reason=_QUERIES, arn="athena:workgroup/"),
    "aws:athena/namedQuery:NamedQuery": Absent(reason=_QUERIES),
    "aws:glue/catalogDatabase:CatalogDatabase": Absent(reason=_QUERIES, arn="glue:database/"),
    "aws:glue/catalogTable:CatalogTable": Absent(reason=_QUERIES),
    "aws:wafv2/webAcl:WebAcl": Absent(reason=_FIREWALL, prefix="acl", arn="wafv2:regional/webacl/"),
    "aws:wafv2/webAclAssociation:WebAclAssociation": Absent(reason=_FIREWALL),
}


def stand_in(account: Account, resource_type: str, name: str, physical_name: str) -> Created:
    """Return what a program may read of a resource that is not created.

    Args:
        account: where it would be.
        resource_type: a key of `ABSENT`.
        name: the resource's logical name.
        physical_name: what it would be called in AWS.
    """
    absent = ABSENT[resource_type]
    # A name has the same digits in every run, so that two runs of a program declare the same resources.
    digits = hashlib.sha256(f"{resource_type}:{name}".encode()).hexdigest()[:17]
    identity = f"{absent.prefix}-{digits}" if absent.prefix else physical_name
    outputs = dict(absent.outputs)
    if absent.arn:
        service, path = absent.arn.split(":", 1)
        outputs["arn"] = account.arn(service, path + identity)
    return Created(id=identity, outputs=outputs)
