/* The socket that we listen on. */
#ifndef GS_SERVICE_HTTP_LISTEN_H
#define GS_SERVICE_HTTP_LISTEN_H

#include "base/err.h"

typedef struct gs_listening {
	int fd;
	unsigned port;
	bool is_loopback; /* only this machine can reach it */
	bool is_any;	  /* 0.0.0.0 or [::] */
	char address[64]; /* "127.0.0.1", "[::1]" */
} gs_listening;

/* `where`: "host:port", "[v6]:port", "port", ":port"; host is a number or "localhost"; NULL: 127.0.0.1:0. GS_ERR_USAGE, GS_ERR_IO. */
bool gs_listening_open(const char *where, gs_listening *out, gs_err *err);

#endif
