"""The recipe, which says what to export and how."""
