"""How long a client may take to send a request, and to read what is answered."""

import asyncio
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from apps.console.uploads import LIMITS, UPLOAD_PATHS


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, but a connection that dribbles is closed, and one of which nothing is read.

    uvicorn itself has a time limit between two requests alone: heads that never end, and answers that nobody reads,
    would hold their connections for ever, and a few hundred of them the whole console.
    """

    seconds: ClassVar[float] = 30.0
    """From a connection or the first byte of a request to its last one; for an answer, until most of it is read."""
    upload_seconds: ClassVar[float] = LIMITS.seconds + seconds
    """For a body of image files, of which the route itself says in time that it takes too long."""

    _deadline: asyncio.TimerHandle | None = None
    _uploading: bool = False
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """A client is there, and has not said anything."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """The client went on."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        super().connection_lost(exc)
        self._stop_watching()
        self._stop_waiting()

    def pause_writing(self) -> None:
        """More is to be sent than the client reads."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._stop_waiting()

    def _watch(self) -> None:
        # Where uvicorn's own limit runs, between two requests, none of ours is needed.
        waiting = self.conn.their_state in {h11.IDLE, h11.SEND_BODY} and self.timeout_keep_alive_task is None
        uploading = waiting and self.conn.their_state is h11.SEND_BODY and self.scope["path"] in UPLOAD_PATHS
        if not waiting or uploading is not self._uploading:
            self._stop_watching()
        if waiting and self._deadline is None:
            self._uploading = uploading
            seconds = self.upload_seconds if uploading else self.seconds
            self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _stop_watching(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._uploading = False

    def _stop_waiting(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
