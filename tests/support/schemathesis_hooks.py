"""What schemathesis must be told about our media types."""

import schemathesis

# NDJSON is sent as the text that its schema in the document describes
schemathesis.serializer.alias("application/x-ndjson", "text/plain")
