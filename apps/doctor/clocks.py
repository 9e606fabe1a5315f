"""Clocks that must agree: decisions, ledgers and schedules are ordered by them."""

from datetime import datetime

from apps.doctor.findings import Finding

_MOST_SECONDS = 30.0


def check_clock(subject: str, theirs: datetime, ours: datetime) -> Finding:
    """Compare this machine's clock with a server's, which it says in whole seconds."""
    seconds = (ours - theirs).total_seconds()
    if abs(seconds) <= _MOST_SECONDS:
        return Finding("ok", subject, "they agree")
    words = (
        f"this machine is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}: let both follow a time server "
        "(timedatectl set-ntp true)"
    )
    return Finding("problem", subject, words)
