/* A running program as an input: recorded into a capture folder, then opened like any other. */
#ifndef GS_APP_LIVE_H
#define GS_APP_LIVE_H

#include "app/open.h"

/* An address of a pprof endpoint, or the PID of a process of this machine; a file of that name is a file. */
bool gs_live_is(gs_str source);

/* Record `source` (see gs_record_start) and append its documents. progress->should_stop keeps what was taken. */
bool gs_live_open(gs_str source, const gs_open_options *options, const gs_progress *progress, gs_documents *out, gs_buf *notes,
		  gs_err *err);

#endif
