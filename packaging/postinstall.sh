#!/bin/sh
# Runs after the package was installed or upgraded. It starts nothing: settings come first.
set -e

if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers closeloop.conf
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	# After an upgrade, go on with the new program.
	systemctl try-restart closeloop.service
fi
