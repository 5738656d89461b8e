"""The stack of a configuration: a private copy of the model, its processes, what they do."""
