"""What schemathesis cannot know of our media types."""

import schemathesis

# lines are sent as the text that the document's schema says they are
schemathesis.serializer.alias("application/x-ndjson", "text/plain")
