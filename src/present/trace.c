#include "present/trace.h"

#include <inttypes.h>

#include "analysis/names.h"
#include "analysis/trace_frames.h"
#include "analysis/units.h"
#include "present/printable.h"

void gs_trace_put_phase(gs_buf *out, const gs_trace_source *src, gs_phase phase, uint8_t reason)
{
	gs_buf_z(out, gs_phase_name(phase));
	if (phase == GS_PHASE_WAITING && reason) {
		gs_buf_z(out, ": ");
		gs_printable(out, gs_profile_str(src->profile, src->timeline->reasons[reason]));
	}
}

void gs_trace_put_place(gs_buf *out, const gs_trace_source *src, uint32_t node)
{
	gs_str file = gs_trace_node_file(src->profile, node);
	gs_str name = gs_trace_node_name(src->profile, node);

	gs_printable(out, name.n ? name : GS_S("?"));
	if (file.n) {
		gs_buf_c(out, ' ');
		gs_printable(out, gs_path_base(file));
		gs_buf_f(out, ":%" PRId64, gs_trace_node_line(src->profile, node));
	}
}

void gs_trace_put_at(gs_buf *out, const gs_trace_source *src, uint32_t node, bool is_older)
{
	if (node) {
		gs_buf_z(out, " at ");
		gs_trace_put_place(out, src, node);
	} else if (is_older) {
		gs_buf_z(out, src->timeline->n_gaps ? " since before the trace or its gap" : " since before the trace began");
	} else {
		gs_buf_z(out, " at a place that the trace does not tell");
	}
}

void gs_trace_place_json(gs_json *j, const gs_trace_source *src, uint32_t node)
{
	if (!node) {
		gs_json_null(j);
		return;
	}
	gs_json_object(j);
	gs_json_kstr(j, "name", gs_trace_node_name(src->profile, node));
	gs_json_kstr(j, "file", gs_trace_node_file(src->profile, node));
	gs_json_ki64(j, "line", gs_trace_node_line(src->profile, node));
	gs_json_object_end(j);
}

void gs_trace_put_ns(gs_buf *out, int64_t ns, unsigned width)
{
	size_t from = out->n, len;

	gs_unit_label(out, ns, GS_S("ns"), GS_S("auto"));
	len = out->n - from;
	if (len < width && gs_buf_reserve(out, width - len)) {
		memmove(out->p + from + width - len, out->p + from, len);
		memset(out->p + from, ' ', width - len);
		out->n += width - len;
	}
}

void gs_trace_put_name(gs_buf *out, const gs_trace_source *src, uint32_t name)
{
	if (name)
		gs_printable(out, gs_profile_str(src->profile, name));
	else
		gs_buf_c(out, '?');
}

void gs_trace_latency_json(gs_json *j, const gs_latency *l)
{
	gs_json_object(j);
	gs_json_ku64(j, "count", l->count);
	gs_json_ki64(j, "total_ns", l->sum_ns);
	gs_json_ki64(j, "p50_ns", gs_latency_percentile(l, 0.5));
	gs_json_ki64(j, "p90_ns", gs_latency_percentile(l, 0.9));
	gs_json_ki64(j, "p99_ns", gs_latency_percentile(l, 0.99));
	gs_json_ki64(j, "max_ns", l->max_ns);
	gs_json_object_end(j);
}

void gs_trace_put_latency(gs_buf *out, const gs_latency *l)
{
	gs_buf_f(out, "%8" PRIu64, l->count);
	gs_trace_put_ns(out, l->sum_ns, 11);
	gs_trace_put_ns(out, gs_latency_percentile(l, 0.5), 11);
	gs_trace_put_ns(out, gs_latency_percentile(l, 0.9), 11);
	gs_trace_put_ns(out, gs_latency_percentile(l, 0.99), 11);
	gs_trace_put_ns(out, l->max_ns, 11);
}

void gs_trace_put_time(gs_buf *out, int64_t ns)
{
	gs_buf_f(out, "%.9fs", (double)ns / 1e9);
}
