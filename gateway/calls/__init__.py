"""The one call that all doors share: who asks, until when, for which unit, and what of."""
