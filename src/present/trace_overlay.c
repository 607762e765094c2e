#include "present/trace.h"

#include <inttypes.h>

#include "base/banned.h"

void gs_overlay_text(gs_buf *out, const gs_profile *p, const gs_timeline_overlay *o)
{
	gs_buf_str(out, gs_profile_str(p, o->name));
	gs_buf_f(out, ", %.6fs to %.6fs", (double)o->start_ns / 1e9, (double)o->end_ns / 1e9);
	if (!o->has_times) {
		gs_buf_z(out, ", its samples have no times");
		return;
	}
	gs_buf_f(out, ": %" PRIu64 " sample%s", o->n_samples, o->n_samples == 1 ? "" : "s");
	if (o->n_outside)
		gs_buf_f(out, ", %" PRIu64 " before or after the trace", o->n_outside);
	if (o->n_unplaced)
		gs_buf_f(out, ", %" PRIu64 " on no goroutine", o->n_unplaced);
}

void gs_overlays_json(gs_json *j, const gs_profile *p, const gs_timeline *t)
{
	gs_json_key(j, "overlays");
	gs_json_array(j);
	for (uint32_t i = 0; i < t->n_overlays; i++) {
		const gs_timeline_overlay *o = &t->overlays[i];

		gs_json_object(j);
		gs_json_kstr(j, "name", gs_profile_str(p, o->name));
		gs_json_kbool(j, "has_times", o->has_times);
		gs_json_ki64(j, "start_ns", o->start_ns);
		gs_json_ki64(j, "end_ns", o->end_ns);
		gs_json_ku64(j, "samples", o->n_samples);
		gs_json_ku64(j, "outside", o->n_outside);
		gs_json_ku64(j, "unplaced", o->n_unplaced);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}
