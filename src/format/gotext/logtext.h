/*
 * A traceback that went through a logger: every line got a prefix (docker, journald, kubectl, compose), or the text was
 * put into JSON strings. gs_log_plain takes the JSON off; gs_log_prefix tells the prefix of a line from the prefix of another.
 */
#ifndef GS_FORMAT_GOTEXT_LOGTEXT_H
#define GS_FORMAT_GOTEXT_LOGTEXT_H

#include "base/arena.h"
#include "base/err.h"

/*
 * Text with JSON log lines replaced by what they say: `{"log":"..."}` lines (docker's json-file) by the value, other lines
 * that carry an escaped traceback by that traceback. Returns `text` itself when there is nothing to do.
 * False with GS_ERR_LIMIT when the copy is over the budget.
 */
bool gs_log_plain(gs_arena *mem, gs_str text, gs_str *out, gs_err *err);

/*
 * How many bytes of `line` are logger prefix, given that `model` was the prefix of an earlier line of the same record: the same
 * bytes, or the same shape (digits differ), or as many words. SIZE_MAX when the line looks different.
 */
size_t gs_log_prefix(gs_str model, gs_str line);

#endif
