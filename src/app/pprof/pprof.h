/*
 * gospect pprof: the command line of `go tool pprof`. Flags and messages follow its driver package; see docs/pprof-compat.md
 * for what is different on purpose.
 */
#ifndef GS_APP_PPROF_H
#define GS_APP_PPROF_H

#include "base/file.h"
#include "capture/http.h"
#include "load/symbolize.h"
#include "model/document.h"
#include "present/report.h"

/* What a report or an output format needs besides its kind. */
typedef struct gs_pprofcmd_report {
	const char *name;
	gs_report_kind kind;
	bool has_param;	     /* a regular expression */
	const char *dot;     /* run `dot -T` with this over the text */
	const char *suffix;  /* not for the terminal: file name ends so */
	const char *viewers; /* programs to show the result with, ',' between them; "browser" stands for several */
	const char *summary;
	const char *usage; /* lines for `help` */
} gs_pprofcmd_report;

extern const gs_pprofcmd_report gs_pprofcmd_reports[]; /* ends with a NULL name, sorted by name */
const gs_pprofcmd_report *gs_pprofcmd_report_find(gs_str name);

/* Options that a flag or name=value sets. */
typedef struct gs_pprofcmd_config {
	gs_query query;
	gs_str output;
	gs_str granularity; /* as given */
} gs_pprofcmd_config;

typedef struct gs_pprofcmd_option {
	const char *name;
	enum { GS_PPROFCMD_BOOL, GS_PPROFCMD_INT, GS_PPROFCMD_FLOAT, GS_PPROFCMD_STRING, GS_PPROFCMD_CHOICE } kind;
	size_t offset;	     /* in gs_pprofcmd_config */
	const char *choices; /* ',' between them */
	const char *help;    /* first line is the summary */
} gs_pprofcmd_option;

extern const gs_pprofcmd_option gs_pprofcmd_options[]; /* ends with a NULL name */
void gs_pprofcmd_config_init(gs_pprofcmd_config *c);
const gs_pprofcmd_option *gs_pprofcmd_option_find(gs_str name, gs_str *choice); /* by name or by one of its choices */
bool gs_pprofcmd_config_set(gs_pprofcmd_config *c, const gs_pprofcmd_option *o, gs_str value, gs_err *err);
void gs_pprofcmd_config_get(const gs_pprofcmd_config *c, const gs_pprofcmd_option *o, gs_buf *out);
/* Help texts. */
void gs_pprofcmd_usage(gs_buf *out, bool is_command_line);
const char *gs_pprofcmd_choice_help(gs_str choice);

/* The front-end's side: this layer prints nothing itself. */
typedef struct gs_pprofcmd_ui {
	void (*note)(void *ctx, gs_str text);		    /* for the person; a line end is added */
	bool (*write)(void *ctx, gs_str bytes, gs_err *err); /* a report, to standard output */
	bool (*read_line)(void *ctx, gs_str *line);	    /* with the prompt; false at the end. The line may live until the next */
	bool is_output_terminal;
	void *ctx;
} gs_pprofcmd_ui;

typedef struct gs_pprofcmd {
	gs_arena *mem; /* of the whole run: strings of flags, settings */
	const gs_pprofcmd_ui *ui;
	gs_pprofcmd_config config;
	const gs_pprofcmd_report *report; /* NULL: the shell */
	gs_str param;
	gs_str sources[4096];
	unsigned n_sources;
	gs_str exec_name, build_id, comment, symbolize, http, base;
	bool is_diff_base, no_browser, is_shell;
	int64_t seconds, timeout;
	gs_http_auth tls; /* files only */
	gs_document *doc; /* merged, symbolized */
	gs_symbolizer *symbolizer;
} gs_pprofcmd;

bool gs_pprofcmd_parse(gs_pprofcmd *p, int argc, char **argv, bool *wants_help, gs_err *err);
void gs_pprofcmd_note(gs_pprofcmd *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The only command or option that begins with `word`, or (function) the only function that holds it; else empty. */
gs_str gs_pprofcmd_complete(const gs_pprofcmd *p, gs_str word, bool is_function);
/* Fetch, merge, symbolize: p->doc. */
bool gs_pprofcmd_fetch(gs_pprofcmd *p, gs_err *err);
/* One report to where the configuration says. */
bool gs_pprofcmd_generate(gs_pprofcmd *p, const gs_pprofcmd_report *report, gs_str param, const gs_pprofcmd_config *c, gs_err *err);
bool gs_pprofcmd_shell(gs_pprofcmd *p, gs_err *err);
void gs_pprofcmd_release(gs_pprofcmd *p);
/* Instructions and sources for listings. */
void gs_pprofcmd_code_init(gs_pprofcmd *p, gs_arena *mem, const gs_query *q, gs_report_code *code, gs_report_sources *sources);

/* "<prefix>001<suffix>", the first number that is free. -1 with *err. The name is the arena's. */
int gs_pprofcmd_temp_file(gs_arena *mem, const char *dir, const char *prefix, const char *suffix, const char **name,
		       gs_err *err);

#endif
