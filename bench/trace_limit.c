/*
 * How near the trace reader is to the limit: a bare walk over every varint of the file, and decoding with ordering on one thread and
 * on all of them, of the same bytes in one process. Prints one line of JSON: the best of ROUNDS seconds each.
 *
 *   trace_limit FILE [ROUNDS]
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/pool.h"
#include "format/gotrace/gotrace.h"

static const unsigned char *varint(const unsigned char *p, const unsigned char *end, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
		unsigned char b = *p++;

		*v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			break;
	}
	return p;
}

/* Batch headers, and within batches all that is numbers; only the text of strings is passed over. */
static uint64_t walk(gs_str bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p + 16, *end = (const unsigned char *)bytes.p + bytes.n;
	uint64_t sum = 0, v;

	while (p < end) {
		unsigned char type = *p++;
		const unsigned char *stop;

		if (type == 52)
			continue;
		if (type == 49)
			p++;
		for (unsigned i = 0; i < 4; i++)
			p = varint(p, end, &v);
		if (v > (uint64_t)(end - p)) {
			fprintf(stderr, "trace_limit: not a trace of Go 1.22 or later, or it is damaged\n");
			exit(1);
		}
		stop = p + v;
		if (v && type == 1 && *p == 4) {
			for (p++; p < stop; p += v < (uint64_t)(stop - p) ? v : (uint64_t)(stop - p)) {
				p = varint(p + 1, stop, &v);
				sum += v;
				p = varint(p, stop, &v);
			}
		}
		while (p < stop) {
			p = varint(p, stop, &v);
			sum += v;
		}
	}
	return sum;
}

static bool on_sync(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_sync *s, gs_err *err)
{
	(void)ctx;
	(void)g;
	(void)s;
	(void)err;
	return true;
}

static bool on_event(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err)
{
	uint64_t *sum = ctx;

	(void)g;
	(void)err;
	*sum += e->type;
	return true;
}

typedef struct part {
	_Alignas(64) uint64_t sum;
} part;

static bool begin(void *ctx, uint32_t index, const gs_gotrace_generation *g, void **events, gs_err *err)
{
	(void)ctx;
	(void)index;
	(void)g;
	(void)err;
	*events = aligned_alloc(64, sizeof(part));
	if (!*events)
		abort();
	*(part *)*events = (part){ 0 };
	return true;
}

static void discard(void *ctx, void *events)
{
	atomic_uint *n = ctx;

	atomic_fetch_add(n, 1);
	free(events);
}

static bool stitch(void *ctx, void *events, const gs_gotrace_generation *g, const gs_gotrace_stitch *s, gs_err *err)
{
	(void)ctx;
	(void)g;
	(void)s;
	(void)err;
	free(events);
	return true;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void least(double *best, double t)
{
	if (*best == 0 || t < *best)
		*best = t;
}

int main(int argc, char **argv)
{
	GS_AUTO(file) f = { 0 };
	gs_err err = { 0 };
	gs_gotrace_report report = { 0 };
	double walked = 0, one = 0, all = 0;
	atomic_uint discarded = 0;
	uint64_t sum = 0;
	int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 5;

	if (argc < 2 || !gs_file_open(argv[1], UINT64_MAX, &f, &err)) {
		fprintf(stderr, "trace_limit: %s\n", argc < 2 ? "usage: trace_limit FILE [ROUNDS]" : err.text);
		return 2;
	}
	for (int i = 0; i < rounds; i++) {
		gs_gotrace_sink serial = { &sum, on_sync, on_event };
		gs_gotrace_parallel_sink parallel = { &discarded, begin, on_event, NULL, discard, stitch };
		double t = now();

		sum += walk(f.bytes);
		least(&walked, now() - t);
		t = now();
		if (!gs_gotrace_read(f.bytes, &serial, &report, &err)) {
			fprintf(stderr, "trace_limit: %s\n", err.text);
			return 1;
		}
		least(&one, now() - t);
		t = now();
		if (!gs_gotrace_read_parallel(f.bytes, 0, &parallel, &report, &err)) {
			fprintf(stderr, "trace_limit: %s\n", err.text);
			return 1;
		}
		least(&all, now() - t);
	}
	printf("{\"bytes\": %zu, \"events\": %" PRIu64 ", \"generations\": %u, \"threads\": %u, \"walk\": %.4f, \"one\": %.4f, "
	       "\"all\": %.4f, \"read_again\": %u, \"sum\": %" PRIu64 "}\n",
	       f.bytes.n, report.events, report.generations, gs_cpu_count(), walked, one, all,
	       atomic_load(&discarded) / (unsigned)(rounds > 0 ? rounds : 1), sum);
	return 0;
}
