from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.updates import change_of


def test_a_change_sets_attributes_whose_names_may_be_reserved_words() -> None:
    assert change_of(to_item({"status": "OPEN", "version": 2})) == {
        "UpdateExpression": "SET #status = :status, #version = :version",
        "ExpressionAttributeNames": {"#status": "status", "#version": "version"},
        "ExpressionAttributeValues": {":status": {"S": "OPEN"}, ":version": {"N": "2"}},
    }


def test_a_change_removes_attributes_and_carries_what_its_condition_compares() -> None:
    change = change_of(to_item({"version": 2}), removed=["closedAt"], compared=to_item({":before": 1}))

    assert change == {
        "UpdateExpression": "SET #version = :version REMOVE #closedAt",
        "ExpressionAttributeNames": {"#version": "version", "#closedAt": "closedAt"},
        "ExpressionAttributeValues": {":version": {"N": "2"}, ":before": {"N": "1"}},
    }
