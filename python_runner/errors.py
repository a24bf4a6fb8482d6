"""The exceptions of the runner. A message is one line: what is wrong, which value, what to do."""


class RunnerError(Exception):
    """The operation failed; the CLI prints the message and exits with code 1."""


class UsageError(RunnerError):
    """The call or the configuration is wrong; the CLI prints the message and exits with code 2."""
