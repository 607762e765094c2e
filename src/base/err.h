/*
 * gs_err: what went wrong in the world (input, kernel, network). Lives on the caller's stack, is filled
 * once where most is known; callers may put context in front. Our own bugs are asserts, not errors.
 */
#ifndef GS_BASE_ERR_H
#define GS_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

/* code, name on the wire, meaning */
#define GS_ERR_LIST(X)                                                 \
	X(GS_ERR_NONE, "none", "no error")                             \
	X(GS_ERR_USAGE, "usage", "the request makes no sense")         \
	X(GS_ERR_FORMAT, "format", "bytes break the format")           \
	X(GS_ERR_LIMIT, "limit", "input asks for more than the budget") \
	X(GS_ERR_MISSING, "missing", "no such file, process or thing") \
	X(GS_ERR_DENIED, "denied", "not permitted")                    \
	X(GS_ERR_IO, "io", "reading or writing failed")                \
	X(GS_ERR_UNSUPPORTED, "unsupported", "this machine or build cannot do it") \
	X(GS_ERR_STOPPED, "stopped", "stopped on request")

typedef enum gs_errc {
#define X(code, name, text) code,
	GS_ERR_LIST(X)
#undef X
} gs_errc;

#define GS_ERR_NOWHERE UINT64_MAX

typedef struct gs_err {
	gs_errc code;
	uint64_t at; /* byte offset in the input, GS_ERR_NOWHERE when that means nothing */
	char text[488];
} gs_err;

/* Fill *err (which may be NULL). Always returns false, so `return gs_fail(...)` reads well. */
bool gs_fail(gs_err *err, gs_errc code, uint64_t at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5), cold));

/* "context: text". Always returns false. */
bool gs_err_context(gs_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *gs_errc_name(gs_errc code);

/* The program's exit status for an error: 2 usage, 3 bad input, 4 environment. */
int gs_err_exit_status(const gs_err *err);

#endif
