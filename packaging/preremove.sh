#!/bin/sh
# Runs before the package is removed or upgraded. Data and settings stay.
set -e

# dpkg says "remove"; rpm says 0 where no version remains. An upgrade does not stop the service here.
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now closeloop.service
	fi
	;;
esac
