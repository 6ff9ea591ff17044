"""A process that already has MLflow imported, does what it is told, and can be stopped.

Importing MLflow costs more than a second of processor, so workers are forked from a
server that has imported it once (``forkserver``); a fork of it costs milliseconds and
inherits no connection.  What passes its cap is killed: a thread could not be.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from mlflow_study import nursery
from mlflow_study.errors import StudyError


class Late(Exception):
    """The worker did not answer within its cap, and was killed."""


class Failed(StudyError):
    """The call raised; ``kind`` is the class of the exception."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind} : {message}")
        self.kind = kind


def _serve(orders: Connection) -> None:
    """Run orders until the pipe closes; nothing is printed on the user's screen."""
    logging.getLogger("mlflow").handlers = [logging.NullHandler()]
    logging.getLogger("mlflow").propagate = False
    logging.getLogger("alembic").setLevel(logging.ERROR)
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    reply: tuple[tuple[str, str] | None, Any]
    while True:
        try:
            function, arguments = orders.recv()
        except (EOFError, ConnectionResetError):
            return
        try:
            reply = (None, function(*arguments))
        except Exception as error:
            reply = ((type(error).__name__, str(error)[:500]), None)
        try:
            orders.send(reply)
        except (BrokenPipeError, ConnectionResetError):  # no one waits for it any more
            return


class Worker:
    """One such process; use it as a context manager."""

    def __init__(self) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = nursery.warm_up().Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def order(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Ask for ``function(*arguments)``; both must pickle."""
        self.pipe.send((function, arguments))

    def answer(self, cap: float) -> Any:
        """What the last order returned.  Raises Late after ``cap`` seconds, or Failed."""
        if not self.pipe.poll(cap):
            self.stop(kill=True)
            raise Late
        try:
            error, value = self.pipe.recv()
        except (EOFError, ConnectionResetError) as gone:
            raise Failed(type(gone).__name__, "le processus s’est arrêté") from gone
        if error is not None:
            raise Failed(*error)
        return value

    def stop(self, *, kill: bool = False) -> None:
        if kill:
            self.process.kill()
        self.pipe.close()
        self.process.join(2)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
