"""A `ModelConfig` as JSON, as Triton writes it.

Names are those of the `.proto`; whole numbers are numbers, not strings.
"""

from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

_INT64 = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)


def as_json(config: Any) -> Any:
    """The configuration, ready for JSON."""
    written = json_format.MessageToDict(config, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return _with_numbers(config.DESCRIPTOR, written)


def _with_numbers(descriptor: Any, written: dict[str, Any]) -> dict[str, Any]:
    """Undo that protobuf's JSON writes numbers of 64 bits as strings."""
    return {name: _value(descriptor.fields_by_name[name], value) for name, value in written.items()}


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        held = field.message_type.fields_by_name["value"]
        return {key: _value(held, one) for key, one in value.items()}
    if isinstance(value, list):
        return [_value(field, one) for one in value]
    if field.message_type is not None:
        return _with_numbers(field.message_type, value)
    return int(value) if field.cpp_type in _INT64 else value
