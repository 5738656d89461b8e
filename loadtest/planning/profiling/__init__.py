"""A capacity profile measured on a running stack, over HTTP."""
