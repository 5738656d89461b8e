"""From a PyTorch model to the graph that is packaged: made, checked, judged, measured."""
