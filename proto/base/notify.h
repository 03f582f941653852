// Tells systemd how the daemon is (sd_notify(3)), without its library.
#ifndef UNDERSTUDY_BASE_NOTIFY_H
#define UNDERSTUDY_BASE_NOTIFY_H

// Sends e.g. "READY=1" to $NOTIFY_SOCKET. Without it, or when nobody listens there, does nothing.
void notify_send(const char *state);

#endif
