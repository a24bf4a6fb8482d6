"""The queue in Postgres, its schedule, and the worker that runs its jobs one at a time."""
