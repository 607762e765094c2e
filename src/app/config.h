/*
 * The configuration file: options of one's own as defaults, in lines of
 *	OPERATION.OPTION = value
 * such as `record.duration = 10s` or `top.n = 20`; '#' begins a comment. Shorter names for the limits of recordings: trace.duration,
 * trace.max_bytes, trace.max_events, profile.cpu.duration. What stands on the command line wins.
 */
#ifndef GS_APP_CONFIG_H
#define GS_APP_CONFIG_H

#include "app/op.h"

/* $GOSPECT_CONFIG, else gospect/config below $XDG_CONFIG_HOME or ~/.config; NULL: nowhere to look. */
const char *gs_config_path(gs_arena *mem);
/* By $GOSPECT_CONFIG: that it may not be read is an error then. */
bool gs_config_is_named(void);
/*
 * The lines of `text` that are for `op`, as pairs for gs_op_bind. GS_ERR_USAGE names the line of `path` that makes no sense, whatever
 * operation it is for. `extra` is a row that is in no table (a command of the command line), or NULL.
 */
bool gs_config_pairs(gs_arena *mem, gs_str text, const char *path, const gs_op *op, const gs_op *const *extra, gs_op_pair **pairs,
		     unsigned *n, gs_err *err);

#endif
