"""What the runner raises: one line that says what is wrong and what to do."""


class RunnerError(Exception):
    """The work failed; the CLI prints the message and exits with 1."""


class UsageError(RunnerError):
    """The call or the configuration is wrong; the CLI prints the message and exits with 2."""
