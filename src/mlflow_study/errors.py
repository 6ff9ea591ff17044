"""The errors that a user may see: one French sentence, no traceback."""


class StudyError(Exception):
    """A failure that is explained to the user in French.

    ``str(error)`` is the sentence shown on screen; ``next_step`` is the command
    or the action that helps, when there is one.
    """

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.next_step = next_step


class ParameterError(StudyError):
    """A parameter is unknown, of the wrong type or out of range."""


class Unavailable(StudyError):
    """A system under test cannot run on this machine; the message says why.

    What raises this is reported «non éprouvé», never skipped in silence.
    """


class EvidenceError(StudyError):
    """A file of evidence is missing, stale or does not follow its schema."""
