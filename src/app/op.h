/*
 * The operation table: one row is a whole feature. The command line (parsing, --help, completion, manual page), GET /api/<op>,
 * the MCP tool and the docs page are all printed from it, so a row cannot be half there.
 *
 * To add an operation: 1. write src/app/op_<name>.c with one `const gs_op gs_op_<name>`; 2. list it in src/app/ops.c;
 * 3. add tests/golden/<name>/<case>/. The test `ops` tells you what you forgot.
 */
#ifndef GS_APP_OP_H
#define GS_APP_OP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/progress.h"
#include "base/re.h"
#include "model/document.h"

typedef enum gs_arg_kind {
	GS_ARG_BOOL,	 /* --name, --no-name; name=1 */
	GS_ARG_INT, /* 0 or more */
	GS_ARG_FLOAT,
	GS_ARG_STRING,
	GS_ARG_REGEX,	 /* a string that must compile */
	GS_ARG_ENUM,	 /* one of .values */
	GS_ARG_DURATION, /* 30s, 1m30s, 500ms; a bare number is seconds. Read as nanoseconds */
	GS_ARG_LIST,	 /* a string that may be given several times */
} gs_arg_kind;

typedef struct gs_arg {
	const char *name;   /* with '-'; '_' is accepted for it everywhere */
	gs_arg_kind kind;
	const char *def;    /* default as text; NULL: none */
	const char *values; /* GS_ARG_ENUM: "flat cum name" */
	const char *unit;   /* for the help: "rows", "bytes", ... */
	const char *help;   /* one line */
	char short_name;    /* -n; 0: none */
} gs_arg;

/* A run of arguments shared by several operations; ends with a row without a name. */
typedef struct gs_arg_group {
	const char *title; /* "Filters", ... */
	const gs_arg *args;
} gs_arg_group;

typedef enum gs_op_input {
	GS_INPUT_NONE,	/* ps, doctor */
	GS_INPUT_DOCUMENTS, /* opened documents; several profiles are merged */
	GS_INPUT_HEAPS, /* heap documents of a session; on the command line cores, which the handler opens: app/heap_call.h */
	GS_INPUT_PATHS, /* file names the handler reads itself (merge of thousands): command line only */
} gs_op_input;

typedef struct gs_op_call gs_op_call;
typedef struct gs_op_value gs_op_value;

typedef struct gs_op {
	const char *name;
	const char *summary; /* one line, no full stop */
	const char *help;    /* paragraphs, an empty line between them; lines that begin with two blanks stay as they are */
	const char *operands; /* for the usage line; NULL: as `input` says */
	gs_op_input input;
	const char *pattern_arg; /* command line: "list FILE PATTERN" fills this argument when no option did; NULL: all are inputs */
	bool takes_before_after; /* command line: of two inputs without --base, the first is the base */
	unsigned needs_kinds; /* bits 1 << gs_document_kind that it can work on; 0: any */
	const gs_arg_group *const *groups; /* ends with NULL; the operation's own group first */
	const char *formats; /* result kinds, the first is the default: "text json csv" */
	const char *part;    /* of a running program or a capture, what the question is about unless the user says: "goroutines"; NULL: by needs_kinds */
	const char *mime;    /* of results whose format names no type of its own; NULL: by format */
	bool (*run)(gs_op_call *call, gs_err *err);
	bool is_slow; /* worth a progress line */
	bool takes_parts; /* of a capture folder every part, not one of them */
	bool (*wants_profile)(const gs_op_call *call); /* a call that looks at nothing but documents' profiles: NULL is none */
} gs_op;

struct gs_op_call {
	const gs_op *op;
	gs_arena *mem; /* dropped after the answer went out */
	const gs_document *const *docs; /* GS_INPUT_DOCUMENTS and _HEAPS: at least one, but heaps of the command line are `paths` */
	unsigned n_docs;
	const gs_document *const *bases; /* --base / --diff-base */
	unsigned n_bases;
	bool is_diff_base; /* percentages are of the base */
	const gs_str *paths; /* GS_INPUT_PATHS and _HEAPS */
	unsigned n_paths;
	const char *format; /* one word of op->formats */
	struct gs_view_cache *views; /* shared by the calls of a session; NULL: each builds its own */
	gs_buf *out;
	/* Straight to the reader in front of what `out` holds in the end, for large answers in pieces; NULL: there is only `out`. */
	bool (*write)(const gs_str *pieces, size_t n, gs_err *err);
	const gs_progress *progress;
	int exit_status; /* set to 1 when the answer is "no" */
	bool is_terminal; /* text goes to a terminal */
	bool use_color;	  /* text may carry SGR colours */
	unsigned width;	  /* columns of that terminal, else 0 */
	unsigned dashes_at; /* command line: how many of `paths` stood before "--"; UINT_MAX when there was none */
	gs_op_value *values; /* in the order of gs_op_arg_at */
};

/* All operations, in the order of the help. Ends with NULL. */
extern const gs_op *const gs_ops[];
/* Headings over them, each with the operation that it stands in front of. Ends with a row without a title. */
typedef struct gs_op_chapter {
	const char *title;
	const gs_op *first;
} gs_op_chapter;
extern const gs_op_chapter gs_op_chapters[];
const gs_op *gs_op_find(gs_str name);
/* The argument of that name ('_' reads as '-'), or NULL. */
const gs_arg *gs_op_find_arg(const gs_op *op, gs_str name);
/* The i-th argument over all groups, NULL after the last. */
const gs_arg *gs_op_arg_at(const gs_op *op, unsigned i);
bool gs_op_has_format(const gs_op *op, gs_str format);
/* Take the next word off a list separated by blanks ("text json csv"). False at the end. */
bool gs_word_next(gs_str *list, gs_str *word);
/* The entry of `list` (ends with an empty string) nearest to a mistyped `word`; empty when none is near. */
gs_str gs_word_nearest(gs_str word, const gs_str *list);
/* Go's duration syntax (1m30s, 1.5h, 250ms, 10us), "d" for days; a bare number is seconds. False when it is neither or negative. */
bool gs_duration_read(gs_str s, int64_t *ns);

/* Values of a call by argument name; asking for a name that the row does not have is our bug. */
bool gs_call_is_set(const gs_op_call *call, const char *name); /* given, not defaulted */
bool gs_call_bool(const gs_op_call *call, const char *name);
int64_t gs_call_int(const gs_op_call *call, const char *name); /* GS_ARG_DURATION: nanoseconds */
double gs_call_float(const gs_op_call *call, const char *name);
gs_str gs_call_str(const gs_op_call *call, const char *name); /* empty when unset */
const gs_re *gs_call_regex(const gs_op_call *call, const char *name); /* NULL when unset or empty; lives in call->mem */
/* GS_ARG_LIST: *n strings. */
const gs_str *gs_call_list(const gs_op_call *call, const char *name, unsigned *n);

/*
 * Fill call->values from (name, value) pairs: a command line or a query string, already split. call->op and call->mem must be
 * set; strings are borrowed from the pairs. Later pairs win, GS_ARG_LIST collects. GS_ERR_USAGE names the argument.
 */
typedef struct gs_op_pair {
	gs_str name, value;
} gs_op_pair;
bool gs_op_bind(gs_op_call *call, const gs_op_pair *pairs, unsigned n, gs_err *err);

#endif
