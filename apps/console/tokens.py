"""What makes a form this form and no other: sent twice, it is decided once."""

import secrets


def new_token() -> str:
    """A number for one form, 128 random bits in hex."""
    return secrets.token_hex(16)
