"""What routes ask for beside the visitor."""

from typing import Annotated

from fastapi import Depends, Request

from apps.serving.errors import NotReady
from apps.serving.service import PredictionService
from storage.desk import Desk


def open_desk(request: Request) -> Desk:
    """The one desk of this console."""
    desk: Desk = request.app.state.desk
    return desk


def open_service(request: Request) -> PredictionService:
    """The service that predicts.

    Raises:
        NotReady: the console was started without it.
    """
    service: PredictionService | None = request.app.state.service
    if service is None:
        raise NotReady("this console was started with --no-predict, and answers to no image")
    return service


OpenedDesk = Annotated[Desk, Depends(open_desk)]
OpenedService = Annotated[PredictionService, Depends(open_service)]
