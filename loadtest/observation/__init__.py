"""What runs beside the load while it lasts: the processes of the stack on this machine, and Tritons by their metrics."""
