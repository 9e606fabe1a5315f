"""`python -m apps` is `xray`: how one of its commands is started where no script is on the path."""

from apps.cli import main

main()
