#include "load/perf_samples.h"

#include "base/pool.h"

#include "base/banned.h"

enum { MAX_EVENTS = 4096, MAX_LABELS = 5, PART_MIN = 20000, MAX_PARTS = 64 };

void gs_perf_samples_release(gs_perf_samples *s)
{
	gs_vec_release(&s->events);
	gs_vec_release(&s->sources);
	gs_vec_release(&s->rows);
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

bool gs_perf_samples_new_source(gs_perf_samples *s, const gs_perf_source *source, uint32_t *late)
{
	gs_perf_source *fresh = gs_vec_push(&s->sources, INT32_MAX);

	if (!fresh)
		return false;
	*fresh = *source;
	*late = (uint32_t)s->sources.n;
	s->events.p[source->event].is_used = true;
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
} label_maker;

static uint32_t labels_of(const label_maker *m, const gs_perf_source *s)
{
	gs_label labels[MAX_LABELS];
	uint32_t n = 0;

	if (s->comm)
		labels[n++] = (gs_label){ .key = m->comm, .str = s->comm };
	if (m->has_events)
		labels[n++] = (gs_label){ .key = m->event, .str = m->event_names[s->event] };
	if (s->pid >= 0)
		labels[n++] = (gs_label){ .key = m->pid, .num = s->pid, .is_num = true };
	if (s->tid >= 0)
		labels[n++] = (gs_label){ .key = m->tid, .num = s->tid, .is_num = true };
	return gs_profile_builder_labels(m->b, labels, n);
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

/* What a part of the samples says of the whole. */
typedef struct part {
	int64_t first, last; /* times */
	bool has_other_period;
} part;

typedef struct filling {
	const gs_perf_samples *samples;
	const uint32_t *nodes;	/* NULL: as they are */
	const uint32_t *labels; /* by source */
	const uint32_t *types;	/* by event; 0: its periods are of no type */
	gs_sample_columns to;
	uint32_t n_types, n_parts;
	part parts[MAX_PARTS];
} filling;

static void fill_part(void *ctx, size_t index)
{
	filling *f = ctx;
	const gs_perf_row *rows = f->samples->rows.p;
	uint64_t n = f->samples->rows.n;
	uint32_t from = (uint32_t)(n * index / f->n_parts), to = (uint32_t)(n * (index + 1) / f->n_parts);
	const gs_perf_source *sources = f->samples->sources.p;
	gs_sample_columns out = f->to;
	part p = { INT64_MAX, INT64_MIN, false };

	for (uint32_t i = from; i < to; i++) {
		const gs_perf_row *r = &rows[i];
		const gs_perf_source *s = &sources[r->source];
		uint32_t type = f->types[s->event];

		out.node[i] = f->nodes ? f->nodes[r->node] : r->node;
		out.labels[i] = f->labels[r->source];
		out.time_ns[i] = r->time_ns > 0 ? r->time_ns : 0;
		out.thread[i] = s->tid > 0 ? (uint32_t)s->tid : 0;
		out.cpu[i] = s->cpu > 0 ? (uint32_t)s->cpu : 0;
		out.pid[i] = s->pid > 0 ? (uint32_t)s->pid : 0;
		out.values[0][i] = 1;
		for (uint32_t t = 1; t < f->n_types; t++)
			out.values[t][i] = t == type && r->period >= 0 ? r->period : 0;
		p.has_other_period |= r->period != rows[0].period && s->event == sources[rows[0].source].event;
		if (r->time_ns >= 0 && r->time_ns < p.first)
			p.first = r->time_ns;
		if (r->time_ns > p.last)
			p.last = r->time_ns;
	}
	f->parts[index] = p;
}

bool gs_perf_samples_finish(gs_perf_samples *s, gs_profile_builder *b, const uint32_t *nodes, unsigned threads)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	uint32_t *types = gs_try_new(scratch, uint32_t, s->events.n), *labels = gs_try_new(scratch, uint32_t, s->sources.n);
	label_maker m = { .b = b, .event_names = gs_try_new(scratch, uint32_t, s->events.n) };
	gs_profile *p = gs_profile_builder_profile(b);
	uint32_t parts = (uint32_t)gs_pool_workers(threads, s->rows.n / PART_MIN);
	filling f = { .samples = s, .nodes = nodes, .labels = labels, .types = types, .n_parts = parts < MAX_PARTS ? parts : MAX_PARTS };
	part all = { INT64_MAX, INT64_MIN, false };

	if (!types || !labels || !m.event_names || !make_labels(&m, s) || !set_types(s, b, types))
		return false;
	for (size_t i = 0; i < s->sources.n; i++) {
		labels[i] = labels_of(&m, &s->sources.p[i]);
		if (labels[i] == GS_NO_ID)
			return false;
	}
	f.n_types = p->n_types;
	if (!gs_profile_builder_sample_columns(b, (uint32_t)s->rows.n, &f.to))
		return false;
	gs_pool_run(f.n_parts, f.n_parts, fill_part, &f);
	for (uint32_t i = 0; i < f.n_parts; i++) {
		const part *one = &f.parts[i];

		all.first = one->first < all.first ? one->first : all.first;
		all.last = one->last > all.last ? one->last : all.last;
		all.has_other_period |= one->has_other_period;
	}
	if (s->rows.n && !all.has_other_period && s->rows.p[0].period > 0)
		p->period = s->rows.p[0].period;
	if (all.last > all.first)
		p->duration_ns = all.last - all.first;
	return true;
}
