"""What a sweep found: capacities, costs, the Pareto front, effects, the choice. Pure."""
