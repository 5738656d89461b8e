"""The page `/experiments`: what a browser shows, made on the server, without a script."""
