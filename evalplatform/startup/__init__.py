"""Starts and stops the parts of an install (database, worker, sweep, web); for `./run`."""
