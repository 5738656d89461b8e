"""Compare and replace: fields of a hash change together, or none does where one is not as expected.

The audit of the change goes with it. It is a script on the server, since nothing else compares and
writes in one step.
"""

from gateway.state.state import Changes, NewEntry

# KEYS: a hash and, where a line goes with the change, its stream
# ARGV: the number of fields to change; (field, expected, new) of each;
#       the stream's bound; (name, value) of each field of the line
# A value is "+" and its bytes; "-" stands for none. The line is written first: only this can fail,
# and a script that fails is not rolled back.
REPLACE = """
local last = 1 + 3 * tonumber(ARGV[1])
for i = 2, last, 3 do
    local found = redis.call('HGET', KEYS[1], ARGV[i])
    if (found and '+' .. found or '-') ~= ARGV[i + 1] then return false end
end
local id = ''
if KEYS[2] then id = redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[last + 1], '*', unpack(ARGV, last + 2)) end
for i = 2, last, 3 do
    if ARGV[i + 2] == '-' then
        redis.call('HDEL', KEYS[1], ARGV[i])
    else
        redis.call('HSET', KEYS[1], ARGV[i], string.sub(ARGV[i + 2], 2))
    end
end
return id
"""


def arguments(changes: Changes, audit: NewEntry | None = None) -> list[str | bytes | float]:
    """ARGV of `REPLACE`."""
    given: list[str | bytes | float] = [len(changes)]
    for field, (expected, new) in changes.items():
        given += (field, _marked(expected), _marked(new))
    if audit is not None:
        given += (audit.max_entries, *(part for pair in audit.fields.items() for part in pair))
    return given


def _marked(value: bytes | None) -> bytes:
    return b"-" if value is None else b"+" + value
