"""What routes ask for beside the visitor."""

from typing import Annotated

from fastapi import Depends, Request

from storage.desk import Desk


def open_desk(request: Request) -> Desk:
    """The one desk of this console."""
    desk: Desk = request.app.state.desk
    return desk


OpenedDesk = Annotated[Desk, Depends(open_desk)]
