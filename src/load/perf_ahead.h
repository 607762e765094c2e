/*
 * Records of a perf.data file, read, put in order and digested on a thread of their own, while the caller works on those before.
 */
#ifndef GS_LOAD_PERF_AHEAD_H
#define GS_LOAD_PERF_AHEAD_H

#include "base/digest.h"
#include "format/perfdata/perfdata.h"

enum { GS_PERF_BATCH = 1024 };

typedef struct gs_perf_arrival {
	const gs_perfdata_record *record; /* NULL: a sample whose stack is its call chain and nothing else */
	gs_digest digest;		  /* of such a chain */
	/* Of samples: */
	gs_str chain;
	uint64_t time_ns, period, ip;
	int32_t pid, tid, cpu;
	uint32_t attr;
	uint16_t misc;
} gs_perf_arrival;

typedef struct gs_perf_batch {
	gs_perf_arrival list[GS_PERF_BATCH];
	gs_perfdata_record records[GS_PERF_BATCH];
	uint32_t n, n_records;
	uint64_t at; /* byte offset of the last one */
} gs_perf_batch;

/*
 * take(ctx, batch) is called on this thread, in the order of the records; when it returns false there is no more. What `d` has
 * of attributes, names and features does not change during a call. The same batches whatever the number of threads.
 * False with `err` set when reading failed. Nobody else may use the arena that `d` was opened in meanwhile.
 */
bool gs_perf_ahead_run(gs_perfdata *d, const gs_digest_key *key, unsigned threads, bool (*take)(void *ctx, const gs_perf_batch *batch),
		       void *ctx, gs_err *err);

#endif
