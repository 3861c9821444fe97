"""The private network of the functions: nothing can connect to it, and it reaches only DynamoDB and S3."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.compute.roles import Statement, document
from infra.naming import StackContext

# Lambda gives its network interfaces back within three quarters of an hour after the last function is gone.
LEAVE = pulumi.CustomTimeouts(delete="60m")
CIDR = "10.0.0.0/16"
SUBNETS = {"a": "10.0.0.0/24", "b": "10.0.1.0/24"}
"""Address range by subnet: Lambda needs one network interface a subnet, whatever the concurrency."""


@dataclass(frozen=True, kw_only=True)
class Reachable:
    """What the functions may reach through the network, whatever their roles say."""

    tables: Sequence[pulumi.Input[str]]
    """ARNs, of indexes too."""
    bucket: pulumi.Input[str]
    """ARN."""


class Network(pulumi.ComponentResource):
    """Private subnets in two zones, gateway endpoints, and one security group for all functions."""

    def __init__(
        self,
        place: StackContext,
        reachable: Reachable,
        *,
        interface_rights: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the network.

        Args:
            place: the stack's region, account and names.
            reachable: what may be reached through it.
            interface_rights: the policies of the functions' roles by which Lambda deletes network interfaces.
            opts: Pulumi's options.
        """
        super().__init__("fraudstream:infra:Network", place.name("component", "network"), None, opts)
        self._place = place
        self._child = pulumi.ResourceOptions(parent=self)
        # What is made after the rights is destroyed before them: the network waits for its interfaces to go, and Lambda
        # can delete them as long as the rights are there.
        self._used_by_interfaces = pulumi.ResourceOptions(
            parent=self, custom_timeouts=LEAVE, depends_on=[*interface_rights]
        )
        name = place.name("vpc", "main")
        # Gateway endpoints need the VPC's resolver.
        self._vpc = aws.ec2.Vpc(
            name,
            cidr_block=CIDR,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": name},
            opts=self._child,
        )
        # AWS makes a group that lets everything out with each VPC; without rules it lets nothing.
        name = place.name("security-group", "default")
        aws.ec2.DefaultSecurityGroup(name, vpc_id=self._vpc.id, tags={"Name": name}, opts=self._child)
        name = place.name("route-table", "private")
        self._routes = aws.ec2.RouteTable(name, vpc_id=self._vpc.id, tags={"Name": name}, opts=self._child)
        zones = _zones(opts)
        subnets = {
            letter: self._subnet(letter, cidr, zones.apply(lambda names, nth=nth: names[nth]))
            for nth, (letter, cidr) in enumerate(SUBNETS.items())
        }
        routed = [self._associate(letter, subnet) for letter, subnet in subnets.items()]
        endpoints = {
            "dynamodb": self._endpoint("dynamodb", self._dynamodb_policy(reachable)),
            "s3": self._endpoint("s3", self._s3_policy(reachable)),
        }
        group = self._security_group()
        rules = [self._egress(group, service, endpoint) for service, endpoint in endpoints.items()]
        self.subnet_ids = [subnet.id for subnet in subnets.values()]
        self.security_group_id = group.id
        self.ready: list[pulumi.Resource] = [*endpoints.values(), *rules, *routed]
        """Resources that must exist before a function can reach its tables."""
        self.register_outputs({"securityGroupId": group.id})

    def _subnet(self, letter: str, cidr: str, zone: pulumi.Output[str]) -> aws.ec2.Subnet:
        name = self._place.name("subnet", f"private-{letter}")
        return aws.ec2.Subnet(
            name,
            vpc_id=self._vpc.id,
            cidr_block=cidr,
            availability_zone=zone,
            map_public_ip_on_launch=False,
            tags={"Name": name},
            opts=self._used_by_interfaces,
        )

    def _associate(self, letter: str, subnet: aws.ec2.Subnet) -> aws.ec2.RouteTableAssociation:
        return aws.ec2.RouteTableAssociation(
            self._place.name("route-association", f"private-{letter}"),
            subnet_id=subnet.id,
            route_table_id=self._routes.id,
            opts=self._child,
        )

    def _endpoint(self, service: str, policy: pulumi.Output[str]) -> aws.ec2.VpcEndpoint:
        name = self._place.name("endpoint", service)
        return aws.ec2.VpcEndpoint(
            name,
            vpc_id=self._vpc.id,
            service_name=f"com.amazonaws.{self._place.region}.{service}",
            vpc_endpoint_type="Gateway",
            route_table_ids=[self._routes.id],
            policy=policy,
            tags={"Name": name},
            opts=self._child,
        )

    def _dynamodb_policy(self, reachable: Reachable) -> pulumi.Output[str]:
        names = ("BatchGetItem", "DescribeTable", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")
        actions = [f"dynamodb:{name}" for name in names]
        return document(
            Statement(principal="*", actions=actions, resources=reachable.tables, conditions=self._own_account_only())
        )

    def _s3_policy(self, reachable: Reachable) -> pulumi.Output[str]:
        objects = pulumi.Output.concat(reachable.bucket, "/*")
        actions = ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject")
        condition = self._own_account_only()
        return document(
            Statement(principal="*", actions=actions, resources=(objects,), conditions=condition),
            Statement(
                principal="*",
                actions=("s3:ListBucket", "s3:ListBucketVersions"),
                resources=(reachable.bucket,),
                conditions=condition,
            ),
        )

    def _own_account_only(self) -> dict[str, dict[str, pulumi.Input[str]]]:
        return {"StringEquals": {"aws:PrincipalAccount": self._place.account_id}}

    def _security_group(self) -> aws.ec2.SecurityGroup:
        name = self._place.name("security-group", "functions")
        return aws.ec2.SecurityGroup(
            name,
            name=name,
            description="The functions: nothing in, DynamoDB and S3 out",
            vpc_id=self._vpc.id,
            revoke_rules_on_delete=True,
            tags={"Name": name},
            opts=self._used_by_interfaces,
        )

    def _egress(
        self, group: aws.ec2.SecurityGroup, service: str, endpoint: aws.ec2.VpcEndpoint
    ) -> aws.vpc.SecurityGroupEgressRule:
        name = self._place.name("egress", service)
        return aws.vpc.SecurityGroupEgressRule(
            name,
            security_group_id=group.id,
            description=f"HTTPS to {service}",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            prefix_list_id=endpoint.prefix_list_id,
            tags={"Name": name},
            opts=self._child,
        )


def _zones(opts: pulumi.ResourceOptions | None) -> pulumi.Output[list[str]]:
    """Look up the region's zones, in the order of their names: which letters there are differs by region and account.

    A zone that is out of order for a while stays in the list: an `up` on that day must not move a subnet.
    """
    providers = opts.providers if opts else None
    provider = providers["aws"] if isinstance(providers, dict) else None
    found = aws.get_availability_zones_output(
        all_availability_zones=True,
        filters=[
            aws.GetAvailabilityZonesFilterArgs(name="zone-type", values=["availability-zone"]),
            aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"]),
        ],
        opts=pulumi.InvokeOutputOptions(provider=provider),
    )
    return found.names.apply(sorted)
