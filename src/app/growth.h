/* What became of a file since it was read: it may still be written to, or be a stream that is being kept. */
#ifndef GS_APP_GROWTH_H
#define GS_APP_GROWTH_H

#include "base/err.h"

/* A file at one moment. */
typedef struct gs_file_look {
	uint64_t bytes, inode, device;
	int64_t modified_ns; /* by the wall clock */
	int64_t quiet_ns;    /* since then */
	bool is_stream, is_ended; /* what comes down a pipe, in memory; and all of it is there */
} gs_file_look;

/* GS_ERR_MISSING and so on: it is not there; GS_ERR_USAGE: it is nothing that can be read twice. */
bool gs_file_look_at(const char *path, gs_file_look *out, gs_err *err);
/* There is something to read for a first time: a whole generation of a Go trace, or all of whatever it is. */
bool gs_growth_can_begin(const char *path, const gs_file_look *now);
/* It is another, or has other bytes. */
bool gs_file_has_changed(const gs_file_look *before, const gs_file_look *now);
/*
 * Whether reading it anew gives more than what was read `before`: of a Go trace a further whole generation; of anything else, and at
 * the end of a trace, that nobody has written to it for a moment. *whole_until is remembered from one call to the next, 0 at first.
 */
bool gs_growth_is_worth_reading(const char *path, const gs_file_look *before, const gs_file_look *now, uint64_t *whole_until);
/* Nobody seems to write to it any more; `is_cut`: what was read ends inside something, and more should come. */
bool gs_growth_is_over(const gs_file_look *now, bool is_cut);

#endif
