"""The evaluation set and the quality gate."""
