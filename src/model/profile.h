/*
 * gs_profile: what a profile is, whatever file it came from.
 *
 * Everything is a uint32_t id into a column; id 0 is "none" for functions, mappings, label sets and strings, and the root for
 * stack nodes. The stack trie is the heart: a node is {parent, frame} with parent id < node id, so that totals of any
 * subset of samples are one pass over samples and one reverse pass over nodes.
 *
 * A location is one address with its frames: frames[first] is the innermost inlined callee, frames[first + n - 1] the physical
 * function. A location without symbols has one frame whose function is 0. In the trie a caller comes before its callee, so a
 * location contributes its frames last to first.
 *
 * Built by one thread through gs_profile_builder, then immutable: any number of readers. All memory is the arena's.
 */
#ifndef GS_MODEL_PROFILE_H
#define GS_MODEL_PROFILE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "model/trie.h"

#define GS_ROOT_NODE 0u
#define GS_NO_ID UINT32_MAX /* memory or budget is out */

typedef struct gs_function {
	uint32_t name, system_name, file; /* string ids */
	int64_t start_line;
	uint64_t file_id; /* the id it had in its input; the builder puts its own id where this is 0 */
} gs_function;

typedef struct gs_mapping {
	uint64_t start, limit, offset;
	uint32_t file, build_id; /* string ids */
	uint64_t file_id;	 /* as a function's */
	bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
} gs_mapping;

typedef struct gs_location {
	uint64_t address; /* points into the call, as pprof writes it */
	uint64_t file_id; /* as a function's: what `raw` prints and what goes out again */
	uint32_t mapping;
	uint32_t first_frame, n_frames;
	bool is_folded;
} gs_location;

enum {
	GS_FRAME_INLINED = 1, /* inlined into the next frame of its location */
	GS_FRAME_KERNEL = 2,
	GS_FRAME_LABEL = 4, /* not a call: made from a label's value */
};

typedef struct gs_frame {
	uint32_t location, function;
	int64_t line, column;
	uint32_t flags;
} gs_frame;

/* One label of a label set: a string value, or a number with a unit (string ids; unit 0 when none was given). */
typedef struct gs_label {
	uint32_t key, str;
	int64_t num;
	uint32_t unit;
	bool is_num;
} gs_label;

typedef struct gs_label_set {
	uint32_t first, n;
} gs_label_set;

typedef struct gs_value_type {
	uint32_t type, unit; /* string ids */
} gs_value_type;

enum { GS_MAX_SAMPLE_TYPES = 64 };

typedef struct gs_thread_name {
	uint32_t id, inside;
} gs_thread_name;

typedef struct gs_profile {
	gs_arena *mem;
	gs_strtab strings;

	gs_function *functions; /* [0] is none */
	gs_mapping *mappings;	/* [0] is none */
	gs_location *locations; /* [0] is none */
	gs_frame *frames;	/* [0] is none */
	gs_node *nodes;		/* [0] is the root, the empty stack */
	gs_label_set *label_sets; /* [0] is empty */
	gs_label *labels;	  /* within a set: strings by key, then numbers by key, equal keys as in the input */
	uint32_t n_functions, n_mappings, n_locations, n_frames, n_nodes, n_label_sets, n_labels;

	/* Samples, as columns. */
	uint32_t n_samples;
	uint32_t *sample_node; /* the leaf's node: the whole stack */
	uint32_t *sample_labels;
	int64_t *values[GS_MAX_SAMPLE_TYPES]; /* values[t][sample] */
	/* NULL when the source does not know: */
	int64_t *sample_time_ns;
	uint64_t *sample_goroutine;
	uint32_t *sample_thread, *sample_cpu, *sample_pid;
	/* What threads are called inside the PID namespace of their process, where that is another one; by id. */
	const gs_thread_name *thread_names;
	uint32_t n_thread_names;
	/* sample_time_ns less the offset is CLOCK_MONOTONIC, where is_monotonic. */
	int64_t monotonic_offset_ns;
	bool is_monotonic;
	int64_t sample_gap_ns; /* CPU time between samples, where the source was told to take so many a second; 0 unknown */
	int64_t time_zero_ns; /* where reports count sample_time_ns from: the first sample, or what the source says */

	uint32_t n_types;
	gs_value_type types[GS_MAX_SAMPLE_TYPES];
	uint32_t default_type; /* string id of a type's name, 0: the last type */

	gs_value_type period_type;
	int64_t period;
	int64_t time_ns;     /* Unix epoch, 0 unknown */
	int64_t duration_ns; /* 0 unknown */
	uint32_t drop_frames, keep_frames, doc_url; /* string ids */
	uint32_t *comments; /* string ids */
	uint32_t n_comments;
	/* What the reader had to tolerate, for `info` and lint. */
	uint32_t *warnings;
	uint32_t n_warnings;
	bool is_heap_sampled; /* values are scaled from a sampling rate of `period` bytes */
} gs_profile;

static inline gs_str gs_profile_str(const gs_profile *p, uint32_t id)
{
	return gs_strtab_get(&p->strings, id);
}

/* Index of the sample type that a report shows unless told otherwise. */
uint32_t gs_profile_default_type(const gs_profile *p);

/* The builder: growable columns; finish() hands them to the profile. Every function that returns an id returns GS_NO_ID
 * when memory or the arena's budget is out; `failed` then stays true, so a reader may test once at the end. */
typedef struct gs_profile_builder gs_profile_builder;

gs_profile_builder *gs_profile_builder_create(gs_arena *mem, gs_err *err);
/* Meta fields (types, period, times...) may be set at any time before finish. */
gs_profile *gs_profile_builder_profile(gs_profile_builder *b);

uint32_t gs_profile_builder_str(gs_profile_builder *b, gs_str s);
/* `hash` is the string's gs_str_hash. */
uint32_t gs_profile_builder_str_hashed(gs_profile_builder *b, gs_str s, uint64_t hash);
/* Found again when equal in all fields but file_id. */
uint32_t gs_profile_builder_function(gs_profile_builder *b, gs_function f);
/* Many at once, with misses of the cache in parallel: out[i] is the id, or 0 when there is no such function yet. */
void gs_profile_builder_find_functions(const gs_profile_builder *b, const gs_function *rows, uint32_t n, uint32_t *out);
/* Always new. */
uint32_t gs_profile_builder_mapping(gs_profile_builder *b, gs_mapping m);
/* Say that these lines were looked up by us: the mapping's has_* then tell other tools to leave it alone. */
void gs_profile_builder_mapping_resolved(gs_profile_builder *b, uint32_t mapping, const gs_frame *lines, uint32_t n);
/* Always new; `lines` innermost first, their location and flags are filled in here. n 0 makes the one frame without function. */
uint32_t gs_profile_builder_location(gs_profile_builder *b, uint64_t address, uint32_t mapping, bool is_folded,
				     const gs_frame *lines, uint32_t n);
/* A location that was made; both pointers are good until the next one is. */
const gs_location *gs_profile_builder_location_at(const gs_profile_builder *b, uint32_t id, const gs_frame **lines);
/* Say which id the location had in its input. */
void gs_profile_builder_location_file_id(gs_profile_builder *b, uint32_t location, uint64_t file_id);
/* A location found again by (address, mapping, lines): for sources without ids of their own. */
uint32_t gs_profile_builder_location_intern(gs_profile_builder *b, uint64_t address, uint32_t mapping,
					    const gs_frame *lines, uint32_t n);
/* Give the one frame of a location its function when all locations have been made: the location is no longer found by its lines. */
void gs_profile_builder_location_name(gs_profile_builder *b, uint32_t location, uint32_t function);
/* The node below `parent` for a call of `location` (all of its frames). Found again when it exists. */
uint32_t gs_profile_builder_push(gs_profile_builder *b, uint32_t parent, uint32_t location);
/*
 * Many stacks at once, much faster: stack i is locations[ends[i - 1]] to locations[ends[i] - 1] (from 0 for i 0), leaf first.
 * out[i] is its node.
 */
bool gs_profile_builder_push_stacks(gs_profile_builder *b, const uint32_t *locations, const uint32_t *ends, uint32_t n,
				    uint32_t *out);
/* Inlined frames let few bytes ask for many nodes: beyond `max` building fails. */
void gs_profile_builder_limit_nodes(gs_profile_builder *b, uint64_t max);
/* Label set found again when equal; sorted here. n 0 is set 0. */
uint32_t gs_profile_builder_labels(gs_profile_builder *b, const gs_label *labels, uint32_t n);
/* Ask the memory ahead of time for what gs_profile_builder_labels will look at. */
void gs_profile_builder_prefetch_labels(const gs_profile_builder *b, const gs_label *labels, uint32_t n);

typedef struct gs_sample {
	uint32_t node, labels;
	const int64_t *values; /* n_types of them: set the profile's types before the first sample */
	int64_t time_ns;
	uint64_t goroutine;
	uint32_t thread, cpu, pid;
} gs_sample;

/* Ask for the optional columns before the first sample. */
void gs_profile_builder_with_threads(gs_profile_builder *b);
/* Samples are kept apart, equal or not, in the order given. */
bool gs_profile_builder_sample(gs_profile_builder *b, const gs_sample *s);
/*
 * `n` samples with threads, the first of the profile, whose columns the caller fills in, each row, on any thread, before anything else
 * is asked of the builder.
 */
typedef struct gs_sample_columns {
	uint32_t *node, *labels, *thread, *cpu, *pid;
	int64_t *time_ns, *values[GS_MAX_SAMPLE_TYPES];
} gs_sample_columns;
bool gs_profile_builder_sample_columns(gs_profile_builder *b, uint32_t n, gs_sample_columns *out);
/* `n` samples without threads; values[i * n_types + t]. */
bool gs_profile_builder_samples(gs_profile_builder *b, const uint32_t *nodes, const uint32_t *labels,
				const int64_t *values, uint32_t n);
/* Room for that many samples in all, exactly: without it columns grow by doubling. */
bool gs_profile_builder_reserve_samples(gs_profile_builder *b, uint32_t n);
/* Add to the values of a sample that is there already; numbers wrap as Go's do. */
void gs_profile_builder_sample_add(gs_profile_builder *b, uint32_t sample, const int64_t *values);
uint32_t gs_profile_builder_sample_count(const gs_profile_builder *b);
void gs_profile_builder_comment(gs_profile_builder *b, gs_str s);
void gs_profile_builder_warn(gs_profile_builder *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The builder is gone afterwards. NULL with GS_ERR_LIMIT when anything failed on the way. */
gs_profile *gs_profile_builder_finish(gs_profile_builder *b, gs_err *err);

#endif
