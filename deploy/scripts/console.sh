#!/bin/sh
# The console where other machines reach it: with a certificate, and not before there is somebody to let in.
set -eu
until test -s "$XRAY_HOME/console/people.json"; do
    echo "Nobody may use the console yet. In this container: xray console add NAME --role steward"
    sleep 10
done
# Its own name on this machine is for the health check, and for a port that is forwarded to loopback.
exec xray console --host 0.0.0.0 --port 8420 --name "$CONSOLE_NAME" --name localhost:8420 \
    --certificate /run/secrets/console/tls.crt --key /run/secrets/console/tls.key
