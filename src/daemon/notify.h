/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling the service manager how we are: sd_notify(3), by hand, as it is one datagram. */
#pragma once

/* state: "READY=1", "RELOADING=1", "STOPPING=1"... Nothing happens without $NOTIFY_SOCKET. */
void notify(const char *state);
