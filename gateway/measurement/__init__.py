"""What is measured of experiments: a small record of each unit, and running sums of each arm.

Start reading at `layout.py`.
"""
