"""Requests made of the OpenAPI document, sound and unsound ones, against the running gateway."""
