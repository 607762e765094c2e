/* Reading generation by generation, which gs_gotrace_read does to the end and gs_gotrace_read_parallel where it cannot do better. */
#ifndef GS_FORMAT_GOTRACE_READER_H
#define GS_FORMAT_GOTRACE_READER_H

#include "format/gotrace/order.h"

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
	uint64_t number, min_time; /* of the last generation that was begun; 0: none yet */
	gs_gotrace_gap gap; /* before the next generation */
	bool has_gap, is_adjacent; /* is_adjacent: nothing is missing right in front of the next one */
	int64_t lost_until_ns; /* of all that is missing since the last event */
	uint64_t seen;	  /* the number of the last generation that was found, shown or not */
	unsigned refused; /* generations that could not be what they said */
	bool is_over; /* nothing follows that can be read */
	bool sink_failed; /* the error is the sink's: that is the end */
} gs_gotrace_reader;

/* False: not a trace that can be read; err is filled. */
bool gs_gotrace_reader_init(gs_gotrace_reader *r, gs_str bytes, gs_gotrace_report *report, gs_err *err);
void gs_gotrace_reader_release(gs_gotrace_reader *r);
/* The sync that comes before generation g, which it advances last_ns to. */
gs_gotrace_sync gs_gotrace_reader_sync(gs_gotrace_reader *r, const gs_gotrace_generation *g);
/* From `in` to the end of the bytes or damage, and the report; the answer is that of the whole. */
bool gs_gotrace_reader_finish(gs_gotrace_reader *r, gs_err *err);
/* One generation, and over damage in it or in front of the next one. False: that was the last one, with err when the sink failed. */
bool gs_gotrace_reader_step(gs_gotrace_reader *r, gs_err *err);

#endif
