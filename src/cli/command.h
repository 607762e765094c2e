/*
 * A command of the command line. Most are operations (app/op.h) and need nothing here. One that is more than a question (record,
 * ui, pprof) has a gs_command: the row describes it for help, completion and manual, and parses its words.
 */
#ifndef GS_CLI_COMMAND_H
#define GS_CLI_COMMAND_H

#include "app/argv.h"
#include "app/help.h"
#include "base/file.h"
#include "base/json.h"

typedef struct gs_command {
	const gs_op *op; /* .run is NULL; .input GS_INPUT_PATHS: what is no option is in call->paths */
	bool records_inputs; /* Ctrl-C meanwhile ends the recording, not the command */
	/* One of the two. Returns the exit status; *err is printed when it is set. */
	int (*run)(gs_op_call *call, gs_err *err);
	int (*run_words)(int argc, char **argv, gs_err *err); /* has its own syntax; argv[0] is the first word behind its name */
} gs_command;

/* Ends with NULL. To add one: write src/cli/<name>.c, list it in commands.c. */
extern const gs_command *const gs_commands[];

/* Rows of the commands and of the operations, for help. */
gs_manual gs_cli_manual(void);

/* Progress on standard error while it is a terminal; one line, redrawn, gone at the end. Interrupting asks for a stop. */
typedef struct gs_cli_progress {
	gs_progress progress;
	bool is_shown, is_on;
	int64_t started_ns, drawn_ns;
} gs_cli_progress;
void gs_cli_progress_init(gs_cli_progress *p, bool is_quiet);
void gs_cli_progress_end(gs_cli_progress *p);

/* "gospect: text" on standard error, control characters made visible. */
void gs_cli_complain(const gs_err *err);
/* A line on standard error for the person at the terminal. */
void gs_cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
