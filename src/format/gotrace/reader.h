/* Reading generation by generation, which gs_gotrace_read does to the end and gs_gotrace_read_parallel where it cannot do better. */
#ifndef GS_FORMAT_GOTRACE_READER_H
#define GS_FORMAT_GOTRACE_READER_H

#include "format/gotrace/order.h"

enum { GS_GOTRACE_HEADER_BYTES = 16 };

typedef struct gs_gotrace_reader {
	gs_rd in; /* the next generation */
	unsigned version; /* to read it as */
	gs_gotrace_order *order; /* has been through everything before `in` */
	const gs_gotrace_sink *serial; /* one of the two */
	const gs_gotrace_parallel_sink *parallel;
	gs_gotrace_report *report;
	uint32_t n; /* generations begun */
	int64_t last_ns;
	double ns_per_unit;
	gs_gotrace_run left; /* of the last generation */
	bool sink_failed; /* the error is the sink's: that is the end */
} gs_gotrace_reader;

/* False: not a trace that can be read; err is filled. */
bool gs_gotrace_reader_init(gs_gotrace_reader *r, gs_str bytes, gs_gotrace_report *report, gs_err *err);
void gs_gotrace_reader_release(gs_gotrace_reader *r);
/* The sync that comes before generation g, which it advances last_ns to. */
gs_gotrace_sync gs_gotrace_reader_sync(gs_gotrace_reader *r, const gs_gotrace_generation *g);
/* From `in` to the end of the bytes or damage, and the report; the answer is that of the whole. */
bool gs_gotrace_reader_finish(gs_gotrace_reader *r, gs_err *err);
/* One generation. False: that was the last one, with report->is_damaged and err when it should not have been. */
bool gs_gotrace_reader_step(gs_gotrace_reader *r, gs_err *err);

#endif
