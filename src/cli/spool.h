/*
 * Inputs that are still being written, for `gospect ui`. What comes down a pipe is kept in a file in memory by a thread of its own, so
 * that it can be looked at like any file that grows; at its end the file is sealed (app/growth.h).
 */
#ifndef GS_CLI_SPOOL_H
#define GS_CLI_SPOOL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/progress.h"

/* "-" or a path that is a pipe. */
bool gs_spool_is_for(const char *input);
/* *path: the file to read instead, which stays until the program ends. */
bool gs_spool_start(gs_arena *mem, const char *input, gs_str *path, gs_err *err);
/*
 * Waits until there is something to read: the first generation of a Go trace is whole, or nothing more comes. GS_ERR_STOPPED when
 * progress asks for it, GS_ERR_MISSING and so on when there is no such file.
 */
bool gs_spool_wait(const char *path, const gs_progress *progress, gs_err *err);

#endif
