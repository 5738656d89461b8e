"""The messages of `grpc.health.v1`, as its `health.proto` has them.

The protocol is fixed and has two messages of one field each, so that its library is not needed.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "grpc.health.v1.Health"
UNKNOWN, SERVING, NOT_SERVING, SERVICE_UNKNOWN = range(4)
_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="grpc/health/v1/health.proto", package="grpc.health.v1", syntax="proto3")
    text, enum, optional = (getattr(descriptor_pb2.FieldDescriptorProto, name) for name in ("TYPE_STRING", "TYPE_ENUM", "LABEL_OPTIONAL"))
    file.message_type.add(name="HealthCheckRequest").field.add(name="service", number=1, type=text, label=optional)
    response = file.message_type.add(name="HealthCheckResponse")
    statuses = response.enum_type.add(name="ServingStatus")
    for number, name in enumerate(_STATUSES):
        statuses.value.add(name=name, number=number)
    of_type = ".grpc.health.v1.HealthCheckResponse.ServingStatus"
    response.field.add(name="status", number=1, type=enum, type_name=of_type, label=optional)
    return file


# a pool of its own: a process that also has the library would define the messages twice
_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())
HealthCheckRequest = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("grpc.health.v1.HealthCheckRequest"))
HealthCheckResponse = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("grpc.health.v1.HealthCheckResponse"))
