/*
 * Any bytes: events come with rising times and ids that resolve, a refusal says why, and generations read side by side give the
 * same events. The footprint accounts for every byte.
 */
#include <stdlib.h>

#include "../tests/unit/gotrace_rows.h"
#include "format/gotrace/footprint.h"
#include "fuzz.h"

static bool on_sync(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_sync *s, gs_err *err)
{
	int64_t *last = ctx;

	(void)g;
	(void)err;
	if (s->time_ns <= *last)
		abort();
	*last = s->time_ns;
	return true;
}

static bool on_event(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err)
{
	const gs_gotrace_spec *spec = gs_gotrace_spec_of(e->type);
	const gs_gotrace_frame *frames;
	int64_t *last = ctx;
	uint32_t n;
	volatile char read = 0;

	(void)err;
	if (e->time_ns <= *last || (!spec->name && e->type != GS_GOTRACE_CPU_SAMPLE))
		abort();
	*last = e->time_ns;
	if (spec->stack) {
		if (!gs_gotrace_stack(g, e->args[spec->stack - 1], &frames, &n))
			abort();
		for (uint32_t i = 0; i < n; i++)
			if (frames[i].function.n)
				read = frames[i].function.p[frames[i].function.n - 1];
	}
	(void)read;
	return true;
}

static void compare(gs_str bytes, bool ok, const gs_gotrace_report *report)
{
	gotrace_rows serial = { 0 }, parallel = { 0 };
	gs_gotrace_report again;
	gs_err err = { 0 };

	if (gotrace_read_serial(bytes, &serial, &again, &err) != ok)
		abort();
	if (gotrace_read_parts(bytes, 2, &parallel, &again, &err) != ok)
		abort();
	if (ok && (gotrace_rows_differ(&serial, &parallel) != SIZE_MAX || again.is_damaged != report->is_damaged ||
		   again.events != report->events || again.generations != report->generations ||
		   again.lost_bytes != report->lost_bytes || again.end_ns != report->end_ns))
		abort();
	gotrace_rows_release(&serial);
	gotrace_rows_release(&parallel);
}

static void add_up(gs_str bytes)
{
	gs_gotrace_footprint f;
	gs_err err = { 0 };
	uint64_t sum, records = 0;

	if (!gs_gotrace_footprint_count(bytes, &f, &err))
		return;
	sum = f.header_bytes + f.lost_bytes;
	for (unsigned i = 0; i < 256; i++) {
		sum += f.kinds[i].bytes;
		records += f.kinds[i].count;
		if (!f.kinds[i].name != !f.kinds[i].count)
			abort();
	}
	if (sum != bytes.n || records != f.records || !f.lost_bytes != !f.damage.code)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gs_str bytes = { (const char *)data, size };
	gs_gotrace_report report;
	gs_err err = { 0 };
	int64_t last = INT64_MIN;
	gs_gotrace_sink sink = { &last, on_sync, on_event };
	bool ok = gs_gotrace_read(bytes, &sink, &report, &err);

	if (!ok && err.code == GS_ERR_NONE)
		abort();
	if (ok && report.is_damaged && report.damage.code == GS_ERR_NONE)
		abort();
	compare(bytes, ok, &report);
	add_up(bytes);
	return 0;
}
