"""HTTP below the routes: connections and their limits, bodies, whole responses, content coding, draining."""
