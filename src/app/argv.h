/*
 * A command line, split by what the operation's row says: --name value, --name=value, --no-name, -n value, -nvalue, and, because
 * hands know it from Go, -name for --name. Names are never abbreviated. "--" ends the options.
 */
#ifndef GS_APP_ARGV_H
#define GS_APP_ARGV_H

#include "app/op.h"

typedef enum gs_color {
	GS_COLOR_AUTO,
	GS_COLOR_ALWAYS,
	GS_COLOR_NEVER,
} gs_color;

typedef struct gs_argv {
	gs_op_pair *pairs; /* for gs_op_bind */
	unsigned n_pairs;
	gs_str *paths; /* what is no option */
	unsigned n_paths;
	unsigned dashes_at; /* as gs_op_call.dashes_at */
	/* What the front-end itself takes: */
	gs_str format; /* empty: not given */
	gs_str part;   /* which document of a capture */
	gs_str overlay; /* what to lay over a trace */
	gs_op_pair *endpoint; /* for gs_endpoint_auth_of */
	unsigned n_endpoint;
	int64_t duration_ns; /* how long to record a running program; 0: not given */
	const char *output; /* NULL: not given */
	gs_color color;
	bool is_quiet, wants_help;
} gs_argv;

/* The options of gs_argv itself, for help and completion: of rows that read documents, and of rows with formats. */
extern const gs_arg_group gs_args_input;
extern const gs_arg_group gs_args_output;

/* argv[0] is the first word after the operation's name. Strings are borrowed. GS_ERR_USAGE names the word. */
bool gs_argv_read(gs_arena *mem, const gs_op *op, int argc, char *const *argv, gs_argv *out, gs_err *err);

#endif
