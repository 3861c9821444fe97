"""Filter criteria as Lambda and EventBridge Pipes document them for DynamoDB streams."""

from typing import Any

import pytest

from embedded_aws.streams.filters import compile_filters


def record(name: str = "INSERT", **image: Any) -> dict[str, Any]:
    return {"eventName": name, "dynamodb": {"NewImage": image}}


def image_filter(**image: Any) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": image}}


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    return compile_filters([pattern])(event)


def test_without_filters_every_record_passes() -> None:
    assert compile_filters([])(record())


def test_a_record_passes_if_all_fields_of_any_filter_match() -> None:
    passes = compile_filters(
        [
            {"eventName": ["INSERT"], **image_filter(kind={"S": ["TXN"]})},
            {"eventName": ["MODIFY"], **image_filter(kind={"S": ["TXN"]}, label={"S": [{"exists": True}]})},
        ]
    )
    assert passes(record(kind={"S": "TXN"}))
    assert not passes(record(kind={"S": "CLAIM"}))
    assert not passes(record("MODIFY", kind={"S": "TXN"}))
    assert passes(record("MODIFY", kind={"S": "TXN"}, label={"S": "FRAUD"}))
    assert not passes(record("REMOVE", kind={"S": "TXN"}, label={"S": "FRAUD"}))


@pytest.mark.parametrize(
    ("rule", "matching", "other"),
    [
        ("a", "a", "ab"),
        ("", "", "a"),
        (None, None, ""),
        ({"prefix": "tok_"}, "tok_1", "x_tok_"),
        ({"suffix": ".eu"}, "a.eu", "a.eu.x"),
        ({"equals-ignore-case": "Ab"}, "aB", "abc"),
        ({"anything-but": "a"}, "b", "a"),
        ({"anything-but": ["a", "b"]}, "c", "b"),
    ],
)
def test_a_rule_matches_what_it_says(rule: Any, matching: Any, other: Any) -> None:
    pattern = image_filter(field={"S": [rule]})
    assert matches(pattern, record(field={"S": matching}))
    assert not matches(pattern, record(field={"S": other}))


def test_rules_of_one_field_are_alternatives() -> None:
    pattern = image_filter(field={"S": ["a", {"prefix": "b"}]})
    assert [matches(pattern, record(field={"S": value})) for value in ("a", "bb", "c")] == [True, True, False]


def test_exists_looks_at_leaves_only() -> None:
    assert matches(image_filter(field={"S": [{"exists": True}]}), record(field={"S": "x"}))
    assert not matches(image_filter(field={"S": [{"exists": True}]}), record())
    assert matches(image_filter(field={"S": [{"exists": False}]}), record())
    assert not matches(image_filter(field=[{"exists": True}]), record(field={"S": "x"}))


def test_anything_but_wants_the_field_to_be_there() -> None:
    assert not matches(image_filter(field={"S": [{"anything-but": ["a"]}]}), record())


def test_numbers_of_dynamodb_are_strings_so_no_number_matches_them() -> None:
    """Lambda's guide: DynamoDB represents numbers as strings in a stream record, numeric operators don't apply."""
    item = record(amount={"N": "100"})
    assert not matches(image_filter(amount={"N": [{"numeric": [">", 1]}]}), item)
    assert not matches(image_filter(amount={"N": [100]}), item)
    assert matches(image_filter(amount={"N": ["100"]}), item)
    assert matches({"dynamodb": {"SizeBytes": [{"numeric": [">=", 1, "<", 9]}]}}, {"dynamodb": {"SizeBytes": 8}})


def test_a_set_matches_if_one_of_its_elements_does() -> None:
    assert matches(image_filter(tags={"SS": ["b"]}), record(tags={"SS": ["a", "b"]}))
    assert not matches(image_filter(tags={"SS": ["c"]}), record(tags={"SS": ["a", "b"]}))


def test_a_list_of_values_matches_if_one_of_its_elements_does() -> None:
    assert matches(image_filter(codes={"L": {"S": ["b"]}}), record(codes={"L": [{"S": "a"}, {"S": "b"}]}))


def test_binary_values_are_compared_in_base64() -> None:
    assert matches(image_filter(data={"B": ["AQI="]}), record(data={"B": "AQI="}))


def test_true_is_not_one() -> None:
    assert matches(image_filter(flag={"BOOL": [True]}), record(flag={"BOOL": True}))
    assert not matches(image_filter(flag={"BOOL": [1]}), record(flag={"BOOL": True}))


def test_or_joins_patterns_of_different_fields() -> None:
    pattern = {"$or": [{"eventName": ["REMOVE"]}, image_filter(a={"S": ["x"]})]}
    assert matches(pattern, record("REMOVE"))
    assert matches(pattern, record(a={"S": "x"}))
    assert not matches(pattern, record(a={"S": "y"}))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ({"eventName": [{"wildcard": "I*"}]}, "pattern.eventName: filters have no operator wildcard"),
        ({"eventName": [{"cidr": "10.0.0.0/8"}]}, "no operator cidr"),
        ({"eventName": "INSERT"}, "pattern.eventName must be an object or an array"),
        ({"eventName": []}, "must be an object or an array that is not empty"),
        ({}, "pattern is empty"),
        ({"a": [{"prefix": 1}]}, "operator prefix doesn't take such an operand"),
        ({"a": [{"numeric": [">"]}]}, "numeric takes pairs"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "a rule has one operator"),
        ({"a": [["x"]]}, "can't be an array"),
        ({"$or": {"a": ["x"]}}, "must be an array of patterns"),
    ],
)
def test_a_pattern_that_aws_does_not_know_is_an_error_at_creation(pattern: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("$", r"\$")):
        compile_filters([pattern])
