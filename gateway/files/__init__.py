"""Files that people edit: read as YAML, and read again when they change."""
