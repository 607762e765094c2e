#include <inttypes.h>

#include "analysis/trace_frames.h"
#include "analysis/trace_lanes.h"
#include "present/printable.h"
#include "present/trace.h"
#include "present/trace_json.h"

static void goroutine(gs_arena *mem, gs_buf *out, const gs_trace_source *src, uint32_t index)
{
	if (index == GS_NO_INDEX) {
		gs_buf_z(out, "a goroutine that the trace does not name");
		return;
	}
	gs_buf_f(out, "%" PRIu64 " ", src->timeline->goroutines[index].id);
	gs_printable(out, gs_trace_goroutine_name(mem, src->profile, src->timeline, index));
}

static void step_text(gs_arena *mem, const gs_path_step *s, const gs_trace_source *src, gs_buf *out)
{
	gs_trace_put_time(out, s->start_ns);
	gs_trace_put_ns(out, s->end_ns - s->start_ns, 11);
	gs_buf_z(out, "  ");
	gs_buf_fill(out, ' ', 2 * (s->depth < 20 ? s->depth : 20));
	gs_trace_put_phase(out, src, s->phase, s->reason);
	if (s->phase == GS_PHASE_RUNNABLE)
		gs_buf_z(out, ", no processor free");
	else if (s->phase == GS_PHASE_RUNNING && s->stack)
		gs_buf_z(out, " up to ");
	else if (s->stack || (s->phase == GS_PHASE_WAITING && s->is_older))
		gs_trace_put_at(out, src, gs_trace_own_node(src->profile, s->stack), s->is_older);
	if (s->phase == GS_PHASE_RUNNING && s->stack)
		gs_trace_put_place(out, src, gs_trace_own_node(src->profile, s->stack));
	gs_buf_z(out, "  [");
	goroutine(mem, out, src, s->goroutine);
	gs_buf_c(out, ']');
	if (s->waker != GS_NO_INDEX) {
		gs_buf_z(out, "  until ");
		goroutine(mem, out, src, s->waker);
		if (s->waker_stack) {
			gs_buf_z(out, " at ");
			gs_trace_put_place(out, src, gs_trace_own_node(src->profile, s->waker_stack));
		}
	}
	gs_buf_z(out, s->is_followed ? ", which meanwhile:\n" : "\n");
}

void gs_path_text(gs_arena *mem, const gs_path *p, const gs_trace_instance *what, const gs_trace_source *src, int64_t min_ns,
		  gs_buf *out)
{
	int64_t small_ns = 0, sums[GS_N_PHASES] = { 0 }, others_ns = 0;
	uint32_t n_small = 0, hidden_depth = UINT32_MAX;

	gs_printable(out, what->name);
	gs_buf_z(out, ": ");
	gs_trace_put_ns(out, p->end_ns - p->start_ns, 0);
	gs_buf_f(out, " of goroutine %" PRIu64 "%s\n", src->timeline->goroutines[what->goroutine].id,
		 what->is_cut ? ", cut by the trace's ends" : "");
	for (uint32_t i = 0; i < p->n; i++) {
		const gs_path_step *s = &p->steps[i];

		if (s->is_followed)
			continue;
		sums[s->phase] += s->end_ns - s->start_ns;
		others_ns += s->goroutine != what->goroutine ? s->end_ns - s->start_ns : 0;
	}
	gs_buf_z(out, "in the end:");
	for (unsigned i = 0, n = 0; i < GS_N_PHASES; i++)
		if (sums[i]) {
			gs_buf_z(out, n++ ? ", " : " ");
			gs_trace_put_ns(out, sums[i], 0);
			gs_buf_f(out, " %s", gs_phase_name((gs_phase)i));
		}
	if (others_ns) {
		gs_buf_z(out, "; ");
		gs_trace_put_ns(out, others_ns, 0);
		gs_buf_z(out, " of it in other goroutines");
	}
	gs_buf_z(out, "\n\n");
	for (uint32_t i = 0; i < p->n; i++) {
		const gs_path_step *s = &p->steps[i];

		/* What a hidden wait was for is hidden with it. */
		if (s->depth > hidden_depth)
			continue;
		hidden_depth = UINT32_MAX;
		if (s->end_ns - s->start_ns < min_ns) {
			small_ns += s->end_ns - s->start_ns;
			n_small++;
			hidden_depth = s->depth;
			continue;
		}
		step_text(mem, s, src, out);
	}
	if (n_small) {
		gs_buf_f(out, "%" PRIu32 " steps shorter than ", n_small);
		gs_trace_put_ns(out, min_ns, 0);
		gs_buf_z(out, ", ");
		gs_trace_put_ns(out, small_ns, 0);
		gs_buf_z(out, " together, are left out (--min 0 shows them)\n");
	}
	if (p->is_cut)
		gs_buf_z(out, "The path is longer than this; ask for a shorter --time.\n");
}

static void put_lane(gs_json *j, const char *key, uint32_t goroutine)
{
	char name[16];

	gs_lane_name((gs_lane){ GS_LANE_OF_GOROUTINE, goroutine }, name);
	gs_json_kstr(j, key, gs_str_of(name));
}

/* As its lane shows it. */
static gs_lane_state state_of(const gs_path_step *s, const gs_trace_source *src)
{
	switch (s->phase) {
	case GS_PHASE_RUNNING:
		return GS_LANE_RUNNING;
	case GS_PHASE_RUNNABLE:
		return GS_LANE_RUNNABLE;
	case GS_PHASE_SYSCALL:
		return GS_LANE_SYSCALL;
	default:
		return gs_lane_state_of_wait(gs_profile_str(src->profile, src->timeline->reasons[s->reason]));
	}
}

/* What the whole was spent on, whatever the depth; and how much of it in other goroutines. */
static void put_sums(gs_json *j, const gs_path *p, const gs_trace_instance *what, const gs_trace_source *src)
{
	int64_t sums[GS_N_LANE_STATES] = { 0 }, others_ns = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		const gs_path_step *s = &p->steps[i];

		if (s->is_followed)
			continue;
		sums[state_of(s, src)] += s->end_ns - s->start_ns;
		others_ns += s->goroutine != what->goroutine ? s->end_ns - s->start_ns : 0;
	}
	gs_json_key(j, "total_ns");
	gs_json_object(j);
	for (unsigned k = GS_LANE_NONE + 1; k < GS_N_LANE_STATES; k++)
		if (sums[k])
			gs_json_ki64(j, gs_lane_state_name((gs_lane_state)k), sums[k]);
	gs_json_object_end(j);
	gs_json_ki64(j, "others_ns", others_ns);
}

void gs_path_json(gs_arena *mem, const gs_path *p, const gs_trace_instance *what, const gs_trace_source *src, int64_t min_ns, gs_buf *out)
{
	const gs_timeline *t = src->timeline;
	gs_json json = gs_json_to(out), *j = &json;
	uint32_t n_short = 0;

	for (uint32_t i = 0; i < p->n; i++)
		n_short += p->steps[i].end_ns - p->steps[i].start_ns < min_ns;
	gs_json_object(j);
	gs_json_kstr(j, "name", what->name);
	gs_json_ku64(j, "goroutine", t->goroutines[what->goroutine].id);
	gs_json_ku64(j, "left_out", n_short);
	gs_json_ki64(j, "start_ns", p->start_ns);
	gs_json_ki64(j, "end_ns", p->end_ns);
	gs_json_kbool(j, "is_cut", p->is_cut);
	put_sums(j, p, what, src);
	gs_json_key(j, "steps");
	gs_json_array(j);
	for (uint32_t i = 0; i < p->n; i++) {
		const gs_path_step *s = &p->steps[i];

		if (s->end_ns - s->start_ns < min_ns)
			continue;
		gs_json_object(j);
		gs_json_ki64(j, "start_ns", s->start_ns);
		gs_json_ki64(j, "end_ns", s->end_ns);
		gs_json_ku64(j, "depth", s->depth);
		gs_json_kstr(j, "state", gs_str_of(gs_phase_name(s->phase)));
		gs_json_kstr(j, "reason", gs_profile_str(src->profile, t->reasons[s->reason]));
		if (s->phase == GS_PHASE_WAITING)
			gs_json_kstr(j, "wait", gs_str_of(gs_lane_state_name(state_of(s, src))));
		if (s->goroutine != GS_NO_INDEX) {
			put_lane(j, "lane", s->goroutine);
			gs_json_ku64(j, "goroutine", t->goroutines[s->goroutine].id);
			gs_json_kstr(j, "goroutine_name", gs_trace_goroutine_name(mem, src->profile, t, s->goroutine));
		}
		gs_json_key(j, "at");
		gs_trace_place_json(j, src, gs_trace_own_node(src->profile, s->phase == GS_PHASE_RUNNABLE ? 0 : s->stack));
		if (s->waker != GS_NO_INDEX) {
			put_lane(j, "waker_lane", s->waker);
			gs_json_ku64(j, "waker", t->goroutines[s->waker].id);
			gs_json_kstr(j, "waker_name", gs_trace_goroutine_name(mem, src->profile, t, s->waker));
			gs_json_key(j, "waker_at");
			gs_trace_place_json(j, src, gs_trace_own_node(src->profile, s->waker_stack));
		}
		gs_json_kbool(j, "is_older", s->is_older);
		gs_json_kbool(j, "is_followed", s->is_followed);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
	gs_buf_c(out, '\n');
}
