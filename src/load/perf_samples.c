#include "load/perf_samples.h"

#include "base/banned.h"

enum { MAX_EVENTS = 4096, MAX_LABELS = 5, CACHE = 1024 };

void gs_perf_samples_release(gs_perf_samples *s)
{
	gs_vec_release(&s->events);
	gs_vec_release(&s->samples);
}

uint32_t gs_perf_samples_event(gs_perf_samples *s, gs_str name)
{
	gs_perf_event *e;

	for (size_t i = 0; i < s->events.n; i++)
		if (gs_str_eq(s->events.p[i].name, name))
			return (uint32_t)i;
	e = gs_vec_push(&s->events, MAX_EVENTS);
	if (!e)
		return UINT32_MAX;
	e->name = name;
	return (uint32_t)(s->events.n - 1);
}

bool gs_perf_samples_add(gs_perf_samples *s, const gs_perf_sample *sample)
{
	gs_perf_sample *fresh = gs_vec_push(&s->samples, INT32_MAX);

	if (!fresh)
		return false;
	*fresh = *sample;
	s->events.p[sample->event].is_used = true;
	if (sample->period >= 0)
		s->events.p[sample->event].has_period = true;
	return true;
}

/* "cycles:ppp" -> "cycles"; tracepoints keep their second half. */
static gs_str without_modifiers(gs_str name)
{
	size_t colon = gs_str_rfind_char(name, ':');

	if (colon == SIZE_MAX || colon == 0)
		return name;
	for (size_t i = colon + 1; i < name.n; i++)
		if (!name.p[i] || !strchr("ukhpPHGSDIWebR", name.p[i]))
			return name;
	return gs_str_slice(name, 0, colon);
}

static bool is_clock(gs_str name)
{
	return gs_str_eq(name, GS_S("cpu-clock")) || gs_str_eq(name, GS_S("task-clock"));
}

/* samples/count first, then one type for each event that told periods. column[event] is its type, 0 for none. */
static bool set_types(gs_perf_samples *s, gs_profile_builder *b, uint32_t *column)
{
	gs_profile *p = gs_profile_builder_profile(b);
	uint32_t count = gs_profile_builder_str(b, GS_S("count"));
	bool ok = count != GS_NO_ID;

	p->n_types = 1;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, GS_S("samples")), count };
	for (uint32_t e = 0; ok && e < s->events.n; e++) {
		gs_str name = without_modifiers(s->events.p[e].name);
		gs_value_type t = { 0, count };

		column[e] = 0;
		if (!s->events.p[e].has_period || !name.n || p->n_types == GS_MAX_SAMPLE_TYPES)
			continue;
		/* Two events that differ in their modifiers only keep them. */
		for (uint32_t other = 0; other < s->events.n; other++)
			if (other != e &&
			    gs_str_eq(without_modifiers(s->events.p[other].name), name))
				name = s->events.p[e].name;
		if (is_clock(name)) {
			t.type = gs_profile_builder_str(b, GS_S("cpu"));
			t.unit = gs_profile_builder_str(b, GS_S("nanoseconds"));
		} else {
			t.type = gs_profile_builder_str(b, name);
		}
		ok = t.type != GS_NO_ID && t.unit != GS_NO_ID;
		for (uint32_t i = 0; i < p->n_types; i++)
			if (p->types[i].type ==
			    t.type) { /* cpu-clock and task-clock side by side */
				t = (gs_value_type){ gs_profile_builder_str(b, name), t.unit };
				break;
			}
		if (!p->period_type.type)
			p->period_type = t;
		column[e] = p->n_types;
		p->types[p->n_types++] = t;
	}
	p->default_type = p->types[p->n_types > 1].type;
	return ok && p->types[0].type != GS_NO_ID;
}

typedef struct label_maker {
	gs_profile_builder *b;
	uint32_t comm, pid, tid, event; /* string ids of the keys */
	uint32_t *event_names;
	bool has_events;
	struct {
		gs_perf_sample like;
		uint32_t set;
		bool is_used;
	} cache[CACHE];
} label_maker;

static uint32_t labels_of(label_maker *m, const gs_perf_sample *s)
{
	uint32_t at = ((uint32_t)s->tid * 31 + s->comm * 7 + s->event) & (CACHE - 1);
	gs_label labels[MAX_LABELS];
	uint32_t n = 0;

	if (m->cache[at].is_used) {
		const gs_perf_sample *c = &m->cache[at].like;

		if (c->tid == s->tid && c->pid == s->pid && c->comm == s->comm &&
		    c->event == s->event)
			return m->cache[at].set;
	}
	if (s->comm)
		labels[n++] = (gs_label){ .key = m->comm, .str = s->comm };
	if (m->has_events)
		labels[n++] = (gs_label){ .key = m->event, .str = m->event_names[s->event] };
	if (s->pid >= 0)
		labels[n++] = (gs_label){ .key = m->pid, .num = s->pid, .is_num = true };
	if (s->tid >= 0)
		labels[n++] = (gs_label){ .key = m->tid, .num = s->tid, .is_num = true };
	m->cache[at].like = *s;
	m->cache[at].is_used = true;
	return m->cache[at].set = gs_profile_builder_labels(m->b, labels, n);
}

static bool make_labels(label_maker *m, gs_perf_samples *s)
{
	gs_profile_builder *b = m->b;
	unsigned n_used = 0;

	m->comm = gs_profile_builder_str(b, GS_S("comm"));
	m->pid = gs_profile_builder_str(b, GS_S("pid"));
	m->tid = gs_profile_builder_str(b, GS_S("tid"));
	m->event = gs_profile_builder_str(b, GS_S("event"));
	for (size_t e = 0; e < s->events.n; e++) {
		n_used += s->events.p[e].is_used;
		m->event_names[e] = gs_profile_builder_str(b, s->events.p[e].name);
		if (m->event_names[e] == GS_NO_ID)
			return false;
	}
	m->has_events = n_used > 1;
	return m->comm != GS_NO_ID && m->pid != GS_NO_ID && m->tid != GS_NO_ID &&
	       m->event != GS_NO_ID;
}

bool gs_perf_samples_finish(gs_perf_samples *s, gs_profile_builder *b)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)16 << 20);
	uint32_t *column = gs_try_new(scratch, uint32_t, s->events.n);
	label_maker *m = gs_try_new(scratch, label_maker, 1);
	gs_profile *p = gs_profile_builder_profile(b);
	int64_t first = INT64_MAX, last = INT64_MIN, values[GS_MAX_SAMPLE_TYPES] = { 1 };
	bool is_same_period = true;

	if (!column || !m)
		return false;
	m->b = b;
	m->event_names = gs_try_new(scratch, uint32_t, s->events.n);
	if (!m->event_names || !make_labels(m, s) || !set_types(s, b, column))
		return false;
	gs_profile_builder_with_threads(b);
	if (!gs_profile_builder_reserve_samples(b, (uint32_t)s->samples.n))
		return false;
	for (size_t i = 0; i < s->samples.n; i++) {
		const gs_perf_sample *e = &s->samples.p[i];
		gs_sample row = { .node = e->node,
				  .labels = labels_of(m, e),
				  .values = values,
				  .time_ns = e->time_ns > 0 ? e->time_ns : 0,
				  .thread = e->tid > 0 ? (uint32_t)e->tid : 0,
				  .cpu = e->cpu > 0 ? (uint32_t)e->cpu : 0,
				  .pid = e->pid > 0 ? (uint32_t)e->pid : 0 };

		if (column[e->event])
			values[column[e->event]] = e->period >= 0 ? e->period : 0;
		if (!gs_profile_builder_sample(b, &row))
			return false;
		if (column[e->event])
			values[column[e->event]] = 0;
		if (e->event == s->samples.p[0].event && e->period != s->samples.p[0].period)
			is_same_period = false;
		if (e->time_ns >= 0 && e->time_ns < first)
			first = e->time_ns;
		if (e->time_ns > last)
			last = e->time_ns;
	}
	if (s->samples.n && is_same_period && s->samples.p[0].period > 0)
		p->period = s->samples.p[0].period;
	if (last > first)
		p->duration_ns = last - first;
	return true;
}
