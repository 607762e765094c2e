/*
 * Profiles from before profile.proto that Go still writes or people still keep: the debug=1 text of heap, allocs, block,
 * mutex, goroutine, threadcreate and custom profiles, and gperftools' binary CPU profiles with their memory map.
 * Authority: runtime/pprof/pprof.go (writer) and google/pprof profile/legacy_profile.go (reader). See docs/formats/legacy.md.
 */
#ifndef GS_FORMAT_LEGACY_LEGACY_H
#define GS_FORMAT_LEGACY_LEGACY_H

#include "base/arena.h"
#include "base/err.h"
#include "format/gotext/quoted.h"

typedef enum gs_legacy_kind {
	GS_LEGACY_NONE,
	GS_LEGACY_COUNT, /* goroutine, threadcreate, custom */
	GS_LEGACY_HEAP,
	GS_LEGACY_CONTENTION, /* block, mutex */
	GS_LEGACY_CPU,
} gs_legacy_kind;

/* A `#\t0xpc\tname+0xoffset\tfile:line` comment: Go's own symbols, which need no binary. */
typedef struct gs_legacy_symbol {
	uint64_t pc;
	gs_str function, file; /* empty: unknown */
	uint64_t line, offset;
} gs_legacy_symbol;

typedef struct gs_legacy_sample {
	int64_t values[4];
	int64_t block_bytes;		     /* heap: average size of one allocation, 0 unknown */
	uint32_t first_address, n_addresses; /* leaf first, already pointing into the call */
	uint32_t first_symbol, n_symbols;
	uint32_t first_label, n_labels;
} gs_legacy_sample;

typedef struct gs_legacy_mapping {
	uint64_t start, limit, offset;
	gs_str file, build_id;
} gs_legacy_mapping;

typedef struct gs_legacy_type {
	gs_str type, unit;
} gs_legacy_type;

typedef struct gs_legacy {
	gs_legacy_kind kind;
	gs_legacy_type types[4], period_type;
	unsigned n_types;
	int64_t period, duration_ns;
	gs_str drop_frames, keep_frames; /* pprof's patterns for legacy profiles, static */
	gs_legacy_sample *samples;
	uint64_t *addresses;
	gs_legacy_symbol *symbols;
	gs_text_label *labels;
	gs_legacy_mapping *mappings;
	uint32_t n_samples, n_addresses, n_symbols, n_labels, n_mappings;
	gs_str memstats; /* the `# runtime.MemStats` lines after a heap profile, or empty */
	/* A mutex profile whose numbers were already multiplied by its sampling period (Go 1.22 and newer do): they are left alone,
	 * where `go tool pprof` multiplies them a second time. */
	bool is_scaled_twice_by_pprof;
	bool has_fake_mapping; /* the last mapping stands for "no mapping known" */
} gs_legacy;

gs_legacy_kind gs_legacy_is(gs_str head);

/* Slices point into `bytes` or `mem`. GS_ERR_FORMAT with the place, GS_ERR_LIMIT beyond the budget. */
bool gs_legacy_parse(gs_arena *mem, gs_str bytes, gs_legacy *out, gs_err *err);

/*
 * Index + 1 of the mapping that an address belongs to, 0 for address 0. As pprof does it: a mapping may be extended down to
 * offset 0 for the sake of an address below it, and one that covers everything is made when nothing else fits.
 */
uint32_t gs_legacy_mapping_of(gs_legacy *l, uint64_t address);

#endif
