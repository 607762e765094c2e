/* One generation of a trace: its batches by thread and its tables. Inside format/gotrace only. */
#ifndef GS_FORMAT_GOTRACE_GENERATION_H
#define GS_FORMAT_GOTRACE_GENERATION_H

#include "base/buf.h"
#include "base/map.h"
#include "base/rd.h"
#include "format/gotrace/gotrace.h"

typedef struct gs_gotrace_batch {
	uint64_t m, time;
	gs_str data;
	uint64_t at;   /* offset of data in the file */
	uint32_t next; /* batch of the same thread, UINT32_MAX: none */
} gs_gotrace_batch;

typedef struct gs_gotrace_thread {
	uint64_t m;
	uint32_t first, last; /* batches, in file order: the runtime's order, whatever their times say */
} gs_gotrace_thread;

/* Values by id: an array where ids are dense (as the runtime's are), a map where they are not. */
typedef struct gs_gotrace_ids {
	uint32_t *dense; /* index + 1, 0: absent */
	uint64_t n_dense;
	gs_map sparse;
} gs_gotrace_ids;

typedef struct gs_gotrace_stack_entry {
	uint64_t id;
	uint32_t first, n; /* frames */
} gs_gotrace_stack_entry;

typedef struct gs_gotrace_string_entry {
	uint64_t id;
	gs_str text;
} gs_gotrace_string_entry;

typedef struct gs_gotrace_raw_frame {
	uint64_t pc, function, file, line; /* string ids */
} gs_gotrace_raw_frame;

typedef struct gs_gotrace_sample {
	uint64_t time; /* raw clock */
	int64_t time_ns;
	uint64_t m, p, g, stack;
	uint32_t order; /* in the file: breaks ties */
} gs_gotrace_sample;

struct gs_gotrace_generation {
	uint64_t number;
	uint64_t start_at, end_at; /* offsets in the file */
	uint64_t min_time;
	double ns_per_unit; /* 0: unknown yet */
	bool has_clock;
	uint64_t clock_time, clock_mono, clock_wall_s, clock_wall_ns;
	bool is_partial; /* the file ends inside it, or batches of it are damaged: tables may lack what events refer to */
	bool may_be_cut; /* the file ends behind its last batch, and it has no strings: when it does not work out, it is cut */
	bool is_cut;	 /* nothing is wrong but that the file ends */
	uint64_t lost_bytes; /* between start_at and end_at: what could not be read */
	uint64_t lost_at;    /* where events are missing first; 0: only tables were damaged, if anything */
	bool ends_lost;	     /* what was in front of end_at could not be read */
	bool begins_with_clock; /* its first batch is the one that begins a generation (Go 1.25 and later) */
	const gs_gotrace_gap *gap; /* before it, or NULL */
	uint64_t last_time;  /* the latest that a batch of it begins, read or not */
	GS_VEC(gs_gotrace_batch) batches;
	GS_VEC(gs_gotrace_thread) threads; /* in order of first appearance */
	gs_map thread_index;
	GS_VEC(gs_gotrace_string_entry) strings;
	GS_VEC(gs_gotrace_stack_entry) stacks;
	GS_VEC(gs_gotrace_raw_frame) raw_frames;
	GS_VEC(gs_gotrace_sample) samples; /* sorted by time once complete */
	gs_gotrace_frame *frames;	   /* as many as raw_frames */
	gs_gotrace_ids string_ids, stack_ids;
	GS_VEC(gs_gotrace_go_type) types; /* of the AllocFree experiment */
	gs_map type_index;
	gs_gotrace_memory_info memory_info;
	bool has_memory_info;
};

/* No time is later, so that there is room for the times that have to be made up behind it, and to add two: 73 years. */
#define GS_GOTRACE_MAX_NS (INT64_C(1) << 61)

/* ns of a raw clock value or difference: truncated one by one, so that sums are Go's to the bit. */
static inline int64_t gs_gotrace_ns(const gs_gotrace_generation *g, uint64_t units)
{
	double ns = (double)units * g->ns_per_unit;

	return ns < 0x1p61 ? (int64_t)ns : GS_GOTRACE_MAX_NS;
}

/* What the decoder must know of each type, all in one place. */
typedef struct gs_gotrace_shape {
	uint8_t n_args; /* GS_GOTRACE_NO_EVENT: no event of the timed stream */
	/* Its stack and its first string: args[at] & mask, so that an event without one has id 0. */
	uint8_t stack_at, string_at;
	uint8_t new_stack; /* index + 1 */
	uint8_t strings;   /* bits, without the first */
	uint64_t stack_mask, string_mask;
} gs_gotrace_shape;
enum { GS_GOTRACE_NO_EVENT = 0xff };
extern const gs_gotrace_shape gs_gotrace_shapes[256];

/* There is such an id, or it is 0. */
static inline bool gs_gotrace_id_exists(const gs_gotrace_ids *ids, uint64_t id)
{
	return ids->dense ? id < ids->n_dense && (ids->dense[id] || !id) : !id || gs_map_get(&ids->sparse, id);
}

/* Index + 1, or 0. */
static inline uint32_t gs_gotrace_id_find(const gs_gotrace_ids *ids, uint64_t id)
{
	const uint32_t *slot;

	if (ids->dense)
		return id < ids->n_dense ? ids->dense[id] : 0;
	slot = gs_map_get(&ids->sparse, id);
	return slot ? *slot : 0;
}

typedef struct gs_gotrace_batch_header {
	gs_gotrace_batch batch;
	uint64_t generation;
	bool is_end, is_experimental;
	uint8_t experiment;
} gs_gotrace_batch_header;

/* The payload of an experimental batch. */
void gs_gotrace_memory_read(gs_gotrace_generation *g, unsigned experiment, gs_str payload);

/* The next batch at *r with its data. False: err says what is wrong, r->bad that the bytes end in it. */
bool gs_gotrace_batch_read(gs_rd *r, gs_gotrace_batch_header *h, gs_err *err);
/* Move *r to the next thing that looks like a batch of generation `number` (0: any) or a later one, with others behind it.
 * What tells a time long before min_time is none. False: there is none. */
bool gs_gotrace_resync(gs_rd *r, uint64_t number, uint64_t min_time);
/* With this batch, which `after` is behind, a generation later than `number` begins; else it is a damaged header. */
bool gs_gotrace_begins_later(const gs_gotrace_batch_header *h, gs_rd after, uint64_t number);
/*
 * Whose batch it is that is missing from g nobody can tell, but the runtime ends a batch within a generation only when it is full. So what
 * is missing may be the one behind b, if b is full and in front of it;
 */
bool gs_gotrace_may_lack_next(const gs_gotrace_generation *g, const gs_gotrace_batch *b);
/* and it may be the first one of a thread, if that much is missing and the others of the thread are behind it. */
bool gs_gotrace_may_lack_first(const gs_gotrace_generation *g);
/* What follows damage in the bytes at `r`: how many generations after `number` begin, and the latest that a batch begins. */
void gs_gotrace_look_ahead(gs_rd r, uint64_t number, uint64_t min_time, unsigned *generations, uint64_t *last_time);

/*
 * Read the next generation at *r. *g must be zero; release it in any case. *done: no bytes are left. A generation cut short by the
 * end of the file or damaged comes back with is_partial and all batches that can be read, and *damage says what is wrong first; it may lack its clock's frequency and then takes
 * ns_per_unit_before (0: unknown). False: damage before anything of a generation.
 */
bool gs_gotrace_generation_read(gs_rd *r, unsigned version, double ns_per_unit_before, gs_gotrace_generation *g, bool *done,
				gs_err *damage);
/* Pass over the next generation without looking into its batches. False: there is none, or it does not end as it should; *r is
 * where it was. */
bool gs_gotrace_generation_skip(gs_rd *r, unsigned version);
/* Make strings, stacks and frames be found: all of them are in the lists. */
bool gs_gotrace_generation_index(gs_gotrace_generation *g, gs_err *err);
void gs_gotrace_generation_release(gs_gotrace_generation *g);

#endif
