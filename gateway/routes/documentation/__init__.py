"""The gateway's OpenAPI document and its page."""
