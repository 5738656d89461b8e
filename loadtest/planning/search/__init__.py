"""The highest rate within an SLO: steps, then bisection with repetitions, and an interval."""
