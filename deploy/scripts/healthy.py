"""The images' health check: `python healthy.py ADDRESS` ends with 0 where a server answers as it should."""

import ssl
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

_SECONDS = 5.0


def is_healthy(address: str) -> bool:
    """Whether a GET is answered by a status below 400; no proxy of the environment is asked."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    connection = HTTPConnection(host, parts.port, timeout=_SECONDS)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False  # the certificate is for the name that people use, not for loopback
        context.verify_mode = ssl.CERT_NONE
        connection = HTTPSConnection(host, parts.port, timeout=_SECONDS, context=context)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status < HTTPStatus.BAD_REQUEST
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_healthy(sys.argv[1]) else 1)
