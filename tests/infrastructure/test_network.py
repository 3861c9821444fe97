"""The private network of the functions."""

import json
import re
from typing import Any

import pytest

from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, Graph

FUNCTIONS = 3
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/table-"


def test_the_subnets_are_private_and_in_two_zones(graph: Graph) -> None:
    subnets = graph.of("aws:ec2/subnet:Subnet")
    assert {subnet["availabilityZone"] for subnet in subnets} == {"us-east-2a", "us-east-2b"}
    assert all(subnet["mapPublicIpOnLaunch"] is False for subnet in subnets)
    associations = graph.of("aws:ec2/routeTableAssociation:RouteTableAssociation")
    assert {each["subnetId"] for each in associations} == {f"{subnet.name}-id" for subnet in subnets}


@pytest.mark.parametrize("kind", ["aws:ec2/subnet:Subnet", "aws:ec2/securityGroup:SecurityGroup"])
def test_the_network_is_destroyed_before_the_rights_to_its_interfaces(any_graph: Graph, kind: str) -> None:
    rights = {
        each.urn
        for each in any_graph.of("aws:iam/rolePolicy:RolePolicy")
        if "ec2:DeleteNetworkInterface" in each["policy"]
    }
    assert len(rights) == FUNCTIONS
    for part in any_graph.of(kind):
        assert rights <= any_graph.ancestors(part), part.name


def test_there_is_no_way_out_of_the_network(any_graph: Graph) -> None:
    gateways = re.compile(
        r"Gateway$|:Eip$|:Route$|Peering|NetworkInterface|SecurityGroupIngressRule|SecurityGroupRule$"
    )
    assert not [
        each.type for each in any_graph.resources if each.type.startswith("aws:ec2/") and gateways.search(each.type)
    ]
    assert not any_graph.one("aws:ec2/routeTable:RouteTable").inputs.get("routes")


def test_functions_reach_the_two_gateway_endpoints_over_https_and_nothing_else(graph: Graph) -> None:
    group = graph.one("aws:ec2/securityGroup:SecurityGroup")
    assert "ingress" not in group.inputs
    assert "egress" not in group.inputs
    rules = graph.of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
    assert {rule["prefixListId"] for rule in rules} == {
        "endpoint-dynamodb-test-prefixListId",
        "endpoint-s3-test-prefixListId",
    }
    for rule in rules:
        assert (rule["ipProtocol"], rule["fromPort"], rule["toPort"]) == ("tcp", 443, 443)
        assert not {"cidrIpv4", "cidrIpv6", "referencedSecurityGroupId"} & rule.inputs.keys()


def test_the_networks_own_security_group_lets_nothing_through(graph: Graph) -> None:
    group = graph.one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert not {"ingress", "egress"} & group.inputs.keys()


def endpoint_policy(graph: Graph, service: str) -> list[dict[str, Any]]:
    return json.loads(graph.one("aws:ec2/vpcEndpoint:VpcEndpoint", f"endpoint-{service}-test")["policy"])["Statement"]


def test_the_endpoints_lead_to_this_stacks_tables_and_bucket_only(graph: Graph) -> None:
    (tables,) = endpoint_policy(graph, "dynamodb")
    names = ("transactions", "profiles", "alerts", "outbox")
    assert set(tables["Resource"]) == {f"{TABLE}{name}-test" for name in names} | {
        f"{TABLE}{name}-test/index/*" for name in names
    }
    objects, listing = endpoint_policy(graph, "s3")
    assert objects["Resource"] == [f"arn:aws:s3:::bucket-reports-{ACCOUNT}-test/*"]
    assert listing["Resource"] == [f"arn:aws:s3:::bucket-reports-{ACCOUNT}-test"]
    for statement in (tables, objects, listing):
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}


def test_the_endpoints_let_through_what_the_roles_allow_and_nothing_else(graph: Graph) -> None:
    open_actions = {
        action
        for service in ("dynamodb", "s3")
        for statement in endpoint_policy(graph, service)
        for action in statement["Action"]
    }
    # Lambda itself reads the streams, from outside the network.
    streams = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
    needed = {
        action
        for policy in graph.of("aws:iam/rolePolicy:RolePolicy")
        for statement in json.loads(policy["policy"])["Statement"]
        for action in statement["Action"]
        if action.startswith(("dynamodb:", "s3:")) and action.removeprefix("dynamodb:") not in streams
    }
    assert open_actions == needed


def test_endpoints_are_of_the_free_kind(graph: Graph) -> None:
    endpoints = graph.of("aws:ec2/vpcEndpoint:VpcEndpoint")
    assert {each["serviceName"] for each in endpoints} == {
        "com.amazonaws.us-east-2.dynamodb",
        "com.amazonaws.us-east-2.s3",
    }
    for each in endpoints:
        assert each["vpcEndpointType"] == "Gateway"
        assert each["routeTableIds"] == ["route-table-private-test-id"]
