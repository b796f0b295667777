#!/bin/sh
# Run any command of Commonplace on the service's data (docs/operating.md). Start it as root; it runs as
# the service's user, in /etc/commonplace, so name files and folders in full.
unit="commonplace-command-$$.service"
exec systemd-run --quiet --collect --pty --pipe --unit="$unit" --uid=commonplace \
    -p DynamicUser=yes -p StateDirectory=commonplace -p StateDirectoryMode=0700 -p UMask=0077 \
    -p MemoryMax=2G -p TasksMax=256 -p LimitNOFILE=4096 \
    -p WorkingDirectory=/etc/commonplace -p LoadCredential=token:/etc/commonplace/token \
    -E DISCORD_TOKEN_FILE="/run/credentials/$unit/token" \
    -E COMMONPLACE_DATA=/var/lib/commonplace -E HOME=/var/lib/commonplace -E HF_HUB_OFFLINE=1 \
    -E PYTHONDONTWRITEBYTECODE=1 \
    /opt/commonplace/.venv/bin/commonplace "$@"
