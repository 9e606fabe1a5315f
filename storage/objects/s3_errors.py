"""botocore's errors as errors of the store: what was tried, on which bucket, and what to check.

Its own messages are not passed on: they hold whole URLs, and a file name can carry a patient's id.
"""

from collections.abc import Container, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    InvalidConfigError,
    NoAuthTokenError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)
from urllib3.exceptions import HTTPError

from storage.objects.keys import shown
from xray_model.errors import ConfigurationError, ObjectNotFound, StoreUnavailable, XrayError

_SETTINGS = (
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    InvalidConfigError,
    NoAuthTokenError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)
_ADVICE: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "Check region and endpoint in boto3's settings",
    HTTPStatus.UNAUTHORIZED: "Check the credentials in boto3's settings",
    HTTPStatus.FORBIDDEN: "Check the credentials in boto3's settings, the machine's clock, and that they may do this",
    HTTPStatus.NOT_FOUND: "Check the bucket's name in XRAY_STORE, or make the bucket",
}
_CHECK_SERVER = "Check that the server runs and has room, and AWS_ENDPOINT_URL_S3, then run again"


@contextmanager
def told(bucket: str, doing: str, key: str = "", let_pass: Container[int] = ()) -> Iterator[None]:
    """Turn an error of boto3 in the block into one of ours, except answers whose HTTP status is in `let_pass`.

    Args:
        bucket: name of the bucket, for the message.
        doing: what was tried ("reading").
        key: on which object; empty where it is not about one.
        let_pass: HTTP statuses that the caller handles, as ClientError.
    """
    about = f"bucket {bucket!r}: {doing} {shown(key)}".rstrip()
    try:
        yield
    except ClientError as error:
        if _status(error) in let_pass:
            raise
        raise _answered(about, error) from None
    except _SETTINGS as error:
        raise ConfigurationError(
            f"{about}: the settings do not serve ({type(error).__name__}). Check the bucket's name in XRAY_STORE, and "
            "boto3's own: AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or the shared files they come from."
        ) from None
    except (BotoCoreError, Boto3Error, HTTPError) as error:
        raise StoreUnavailable(
            f"{about}: no answer after all attempts ({type(error).__name__}). {_CHECK_SERVER}."
        ) from None


def _answered(about: str, error: ClientError) -> XrayError:
    """Our error for an answer that is one of failure."""
    status, code = _status(error), str(error.response.get("Error", {}).get("Code", ""))
    if status == HTTPStatus.NOT_FOUND and code != "NoSuchBucket":
        return ObjectNotFound(f"{about}: there is no such object.")
    if status == HTTPStatus.NOT_IMPLEMENTED:
        return ConfigurationError(f"{about}: the server does not know how ({code}). Use another, or a newer release.")
    return StoreUnavailable(f"{about}: refused with {status} {code}. {_ADVICE.get(status, _CHECK_SERVER)}.")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
