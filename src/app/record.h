/*
 * Recording: from what a user may name (a PID, a process or container name, an address, a command to run) to a capture folder.
 * Used by `gospect record` and by POST /api/record alike. start() finds the target and begins; a thread of its own does the rest.
 */
#ifndef GS_APP_RECORD_H
#define GS_APP_RECORD_H

#include "capture/folder.h"
#include "capture/http_profile.h"
#include "capture/perf.h"

typedef struct gs_record_options {
	gs_str target;		/* as typed; empty with `command` */
	char *const *command;	/* a program and its arguments, ends with NULL; NULL: none */
	const char *output;	/* folder to make; NULL: a name of our own in the current folder */
	bool replace;		/* an earlier capture in `output` may go */
	int64_t duration_ns;	/* 0: 30 s; until the end for a command */
	uint32_t frequency_hz;	/* 0: 99 */
	gs_str only;		/* "cpu,heap"; empty: all there is */
	int64_t trace_ns;	/* of the execution trace: 0: 5 s, negative: none */
	uint64_t trace_max_bytes; /* 0: 64 MiB */
	bool is_cumulative;	/* allocs, block and mutex since the start of the program */
	bool no_perf, no_endpoint;
	bool follows_children;	/* of a process; always of a command */
	bool user_only, hardware;
	gs_perf_scope scope;
	gs_http_auth auth;
	const gs_str *words;	/* our own command line, for the file */
	unsigned n_words;
} gs_record_options;

typedef enum gs_record_state { GS_RECORD_RUNNING, GS_RECORD_DONE, GS_RECORD_FAILED } gs_record_state;

typedef struct gs_record_status {
	gs_record_state state;
	double done;	   /* 0..1; negative: no end is known */
	char message[240]; /* "recording shop: 12 s of 30 s, 1234 samples" */
	bool was_stopped;
	gs_err err; /* GS_RECORD_FAILED */
} gs_record_status;

typedef struct gs_record gs_record;

/* Strings and lists of `options` must live as long as the recording. NULL with *err: nothing was begun. */
gs_record *gs_record_start(const gs_record_options *options, gs_err *err);
void gs_record_poll(gs_record *r, gs_record_status *out);
/* End early and keep what was taken. Any thread, any number of times. */
void gs_record_stop(gs_record *r);
/* Wait for it at most this long; true when it is over. */
bool gs_record_wait(gs_record *r, int64_t timeout_ns);
/* What was taken, once it is over. Lives as long as the recording. */
const gs_capture_info *gs_record_result(gs_record *r);
const char *gs_record_folder(const gs_record *r);
/* The command's process, 0 without one; for signals. Whoever started the recording reaps it. */
int32_t gs_record_command_pid(const gs_record *r);
/* Stops, waits, frees. A command that still runs is left alone. */
void gs_record_free(gs_record *r);

/* ---- parts of it, for the files beside this one ---- */

/* What is to be recorded. */
typedef struct gs_record_target {
	gs_str kind;		  /* "pid", "url", "command" */
	gs_str text;		  /* for capture.json, without credentials */
	gs_str title;		  /* "shop (pid 12)" */
	gs_str name;		  /* for the folder */
	gs_process *processes;	  /* of this machine; NULL: a URL of who knows what */
	uint32_t n_processes;
	gs_http_target *endpoint; /* NULL: none */
} gs_record_target;

bool gs_record_find_target(gs_arena *mem, const gs_record_options *o, gs_record_target *out, gs_err *err);

/* A command held back right before its exec. */
typedef struct gs_record_command {
	int32_t pid;
	int go_fd;   /* a byte lets it begin */
	int fail_fd; /* tells errno when exec fails */
} gs_record_command;
bool gs_record_command_prepare(char *const *argv, gs_record_command *out, gs_err *err);
bool gs_record_command_go(gs_record_command *c, const char *name, gs_err *err);
/* Never began: end it. */
void gs_record_command_drop(gs_record_command *c);

/* perf.data and the files that the target ran from, into a symbolised pprof in the folder. */
bool gs_record_convert(gs_folder *folder, const gs_perf_facts *facts, const gs_process *process, const char *file, gs_part *part,
		       gs_arena *mem, gs_err *err);

#endif
