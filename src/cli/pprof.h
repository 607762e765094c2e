/*
 * gospect pprof: the command line of `go tool pprof`. Flags and messages follow its driver package; see docs/pprof-compat.md
 * for what is different on purpose.
 */
#ifndef GS_CLI_PPROF_H
#define GS_CLI_PPROF_H

#include "cli/command.h"
#include "load/symbolize.h"
#include "present/report.h"

/* What a report or an output format needs besides its kind. */
typedef struct gs_pprof_report {
	const char *name;
	gs_report_kind kind;
	bool has_param;	     /* a regular expression */
	const char *dot;     /* run `dot -T` with this over the text */
	const char *suffix;  /* not for the terminal: file name ends so */
	const char *viewers; /* programs to show the result with, ',' between them; "browser" stands for several */
	const char *summary;
	const char *usage; /* lines for `help` */
} gs_pprof_report;

extern const gs_pprof_report gs_pprof_reports[]; /* ends with a NULL name, sorted by name */
const gs_pprof_report *gs_pprof_report_find(gs_str name);

/* Options that a flag or name=value sets. */
typedef struct gs_pprof_config {
	gs_query query;
	gs_str output;
	gs_str granularity; /* as given */
} gs_pprof_config;

typedef struct gs_pprof_option {
	const char *name;
	enum { GS_PPROF_BOOL, GS_PPROF_INT, GS_PPROF_FLOAT, GS_PPROF_STRING, GS_PPROF_CHOICE } kind;
	size_t offset;	     /* in gs_pprof_config */
	const char *choices; /* ',' between them */
	const char *help;    /* first line is the summary */
} gs_pprof_option;

extern const gs_pprof_option gs_pprof_options[]; /* ends with a NULL name */
void gs_pprof_config_init(gs_pprof_config *c);
const gs_pprof_option *gs_pprof_option_find(gs_str name, gs_str *choice); /* by name or by one of its choices */
bool gs_pprof_config_set(gs_pprof_config *c, const gs_pprof_option *o, gs_str value, gs_err *err);
void gs_pprof_config_get(const gs_pprof_config *c, const gs_pprof_option *o, gs_buf *out);
/* Help texts. */
void gs_pprof_usage(gs_buf *out, bool is_command_line);
const char *gs_pprof_choice_help(gs_str choice);

typedef struct gs_pprof {
	gs_arena *mem; /* of the whole run: strings of flags, settings */
	gs_pprof_config config;
	const gs_pprof_report *report; /* NULL: the shell */
	gs_str param;
	gs_str sources[4096];
	unsigned n_sources;
	gs_str exec_name, build_id, comment, symbolize, http, base;
	bool is_diff_base, no_browser, is_shell;
	int64_t seconds, timeout;
	gs_document *doc; /* merged, symbolized */
	gs_symbolizer *symbolizer;
} gs_pprof;

bool gs_pprof_parse(gs_pprof *p, int argc, char **argv, bool *wants_help, gs_err *err);
/* Fetch, merge, symbolize: p->doc. */
bool gs_pprof_fetch(gs_pprof *p, gs_err *err);
/* One report to where the configuration says. */
bool gs_pprof_generate(gs_pprof *p, const gs_pprof_report *report, gs_str param, const gs_pprof_config *c, gs_err *err);
bool gs_pprof_shell(gs_pprof *p, gs_err *err);
/* Instructions and sources for listings. */
void gs_pprof_code_init(gs_pprof *p, gs_arena *mem, const gs_query *q, gs_report_code *code, gs_report_sources *sources);

/* "<prefix>001<suffix>", the first number that is free. -1 with *err. The name is the arena's. */
int gs_pprof_temp_file(gs_arena *mem, const char *dir, const char *prefix, const char *suffix, const char **name,
		       gs_err *err);

#endif
