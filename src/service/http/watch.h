/*
 * gs_watch: cuts off connections that take too long to say what they want. The HTTP library times out silence only, so one byte
 * now and then would hold a connection, and with it a thread, for ever.
 */
#ifndef GS_SERVICE_HTTP_WATCH_H
#define GS_SERVICE_HTTP_WATCH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct gs_watch gs_watch;
typedef struct gs_watched gs_watched;

gs_watch *gs_watch_start(void); /* NULL when no thread can be had */
/* No connection may be watched any more. */
void gs_watch_stop(gs_watch *w);

/* A connection on `fd`, to be cut off in `limit_ns`. NULL when memory is out. */
gs_watched *gs_watch_add(gs_watch *w, int fd, int64_t limit_ns);
/* A new limit from now; 0: none. */
void gs_watch_limit(gs_watch *w, gs_watched *c, int64_t limit_ns);
/* Before the descriptor is closed. */
void gs_watch_remove(gs_watch *w, gs_watched *c);

#endif
