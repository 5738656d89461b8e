"""What is seen of the stack during a load: processes of this machine, and Tritons' metrics."""
