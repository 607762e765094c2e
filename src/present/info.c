#include "present/info.h"
#include "present/printable.h"
#include "present/trace.h"

#include <inttypes.h>

#include "base/banned.h"

int64_t gs_info_total(const gs_profile *p, uint32_t type)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < p->n_samples; i++) {
		int64_t v = p->values[type][i];

		if (__builtin_add_overflow(sum, v, &sum))
			sum = v < 0 ? INT64_MIN : INT64_MAX;
	}
	return sum;
}

static void field(gs_buf *out, const char *name, gs_str value)
{
	if (!value.n)
		return;
	gs_buf_f(out, "  %-14s", name);
	gs_printable(out, value);
	gs_buf_c(out, '\n');
}

static void time_field(gs_buf *out, const char *name, int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char z[40];

	if (ns > 0 && gmtime_r(&seconds, &tm) && strftime(z, sizeof(z), "%Y-%m-%d %H:%M:%S UTC", &tm))
		field(out, name, gs_str_of(z));
}

/* Ids of label keys, each once. At most `max`. */
static uint32_t label_keys(const gs_profile *p, uint32_t *keys, uint32_t max)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n_labels && n < max; i++) {
		uint32_t k = 0;

		while (k < n && keys[k] != p->labels[i].key)
			k++;
		if (k == n)
			keys[n++] = p->labels[i].key;
	}
	return n;
}

enum { MAX_KEYS = 256 };

static void text_types(gs_buf *out, const gs_profile *p)
{
	uint32_t chosen = gs_profile_default_type(p);

	for (uint32_t t = 0; t < p->n_types; t++) {
		gs_buf_f(out, "  %-14s", t == 0 ? "sample types" : "");
		gs_printable(out, gs_profile_str(p, p->types[t].type));
		gs_buf_c(out, '/');
		gs_printable(out, gs_profile_str(p, p->types[t].unit));
		gs_buf_f(out, "  total %" PRId64 "%s\n", gs_info_total(p, t), t == chosen ? "  (default)" : "");
	}
}

static void text_trace(gs_buf *out, const gs_profile *p, const gs_timeline *t)
{
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 16);
	gs_buf_f(&b, "1.%u", t->format_minor);
	field(out, "trace format", gs_buf_view(&b));
	b.n = 0;
	gs_buf_f(&b, "%" PRIu64 " events in %u generation%s, %" PRIu64 " transitions", t->n_events, t->n_generations,
		 t->n_generations == 1 ? "" : "s", t->n_transitions);
	field(out, "events", gs_buf_view(&b));
	b.n = 0;
	gs_buf_f(&b, "%" PRIu32 " goroutines, %" PRIu32 " procs, %" PRIu32 " threads", t->n_goroutines, t->n_procs, t->n_threads);
	field(out, "scheduler", gs_buf_view(&b));
	b.n = 0;
	gs_buf_f(&b, "%" PRIu32 " tasks, %" PRIu32 " regions, %" PRIu32 " logs", t->n_tasks, t->n_regions, t->n_logs);
	if (t->n_tasks + t->n_regions + t->n_logs)
		field(out, "annotations", gs_buf_view(&b));
	for (uint32_t i = 0; i < t->n_overlays; i++) {
		b.n = 0;
		gs_overlay_text(&b, p, &t->overlays[i]);
		field(out, i ? "" : "laid over", gs_buf_view(&b));
	}
	field(out, t->is_cut ? "incomplete" : "damage", t->damage);
}

static void text_one(gs_buf *out, const gs_document *d, bool use_color)
{
	const gs_profile *p = d->profile;
	uint32_t keys[MAX_KEYS], n_keys = label_keys(p, keys, MAX_KEYS);
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 20);
	gs_buf_z(out, use_color ? "\x1b[1m" : "");
	gs_printable(out, d->name);
	gs_buf_z(out, use_color ? "\x1b[0m\n" : "\n");
	gs_buf_f(&b, "%s, %.*s", gs_document_kind_name(d->kind), GS_FMT(d->format));
	field(out, "kind", gs_buf_view(&b));
	field(out, "capture", d->group);
	if (d->goroutines) {
		b.n = 0;
		gs_buf_f(&b, "%" PRIu32, d->goroutines->n);
		field(out, "goroutines", gs_buf_view(&b));
	}
	if (d->timeline)
		text_trace(out, p, d->timeline);
	time_field(out, "taken", p->time_ns);
	if (p->duration_ns > 0) {
		b.n = 0;
		gs_buf_f(&b, "%.2f s", (double)p->duration_ns / 1e9);
		field(out, "duration", gs_buf_view(&b));
	}
	if (p->period) {
		b.n = 0;
		gs_buf_f(&b, "%" PRId64 " ", p->period);
		gs_buf_str(&b, gs_profile_str(p, p->period_type.unit));
		gs_buf_z(&b, " of ");
		gs_buf_str(&b, gs_profile_str(p, p->period_type.type));
		field(out, "period", gs_buf_view(&b));
	}
	text_types(out, p);
	b.n = 0;
	gs_buf_f(&b, "%" PRIu32 " samples, %" PRIu32 " functions, %" PRIu32 " locations, %" PRIu32 " stack nodes", p->n_samples,
		 p->n_functions - 1, p->n_locations - 1, p->n_nodes - 1);
	field(out, "contents", gs_buf_view(&b));
	b.n = 0;
	for (uint32_t i = 0; i < n_keys; i++) {
		gs_buf_z(&b, i ? ", " : "");
		gs_buf_str(&b, gs_profile_str(p, keys[i]));
	}
	field(out, "labels", gs_buf_view(&b));
	for (uint32_t i = 1; i < p->n_mappings; i++) {
		const gs_mapping *m = &p->mappings[i];

		b.n = 0;
		gs_buf_f(&b, "0x%" PRIx64 "-0x%" PRIx64 " ", m->start, m->limit);
		gs_buf_str(&b, gs_profile_str(p, m->file));
		if (m->build_id) {
			gs_buf_z(&b, "  build id ");
			gs_buf_str(&b, gs_profile_str(p, m->build_id));
		}
		field(out, i == 1 ? "mappings" : "", gs_buf_view(&b));
	}
	field(out, "see also", gs_profile_str(p, p->doc_url));
	for (uint32_t i = 0; i < p->n_comments; i++)
		field(out, i ? "" : "comments", gs_profile_str(p, p->comments[i]));
	for (uint32_t i = 0; i < p->n_warnings; i++)
		field(out, i ? "" : "warnings", gs_profile_str(p, p->warnings[i]));
}

void gs_info_text(gs_buf *out, const gs_document *const *docs, unsigned n, bool use_color)
{
	for (unsigned i = 0; i < n; i++) {
		if (i)
			gs_buf_c(out, '\n');
		text_one(out, docs[i], use_color);
	}
}

static void json_strings(gs_json *j, const char *key, const gs_profile *p, const uint32_t *ids, uint32_t n)
{
	gs_json_key(j, key);
	gs_json_array(j);
	for (uint32_t i = 0; i < n; i++)
		gs_json_str(j, gs_profile_str(p, ids[i]));
	gs_json_array_end(j);
}

static void json_mappings(gs_json *j, const gs_profile *p)
{
	char z[24];

	gs_json_key(j, "mappings");
	gs_json_array(j);
	for (uint32_t i = 1; i < p->n_mappings; i++) {
		const gs_mapping *m = &p->mappings[i];

		gs_json_object(j);
		snprintf(z, sizeof(z), "0x%" PRIx64, m->start);
		gs_json_kstr(j, "start", gs_str_of(z));
		snprintf(z, sizeof(z), "0x%" PRIx64, m->limit);
		gs_json_kstr(j, "limit", gs_str_of(z));
		snprintf(z, sizeof(z), "0x%" PRIx64, m->offset);
		gs_json_kstr(j, "offset", gs_str_of(z));
		gs_json_kstr(j, "file", gs_profile_str(p, m->file));
		gs_json_kstr(j, "build_id", gs_profile_str(p, m->build_id));
		gs_json_kbool(j, "has_functions", m->has_functions);
		gs_json_kbool(j, "has_filenames", m->has_filenames);
		gs_json_kbool(j, "has_line_numbers", m->has_line_numbers);
		gs_json_kbool(j, "has_inline_frames", m->has_inline_frames);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void json_trace(gs_json *j, const gs_profile *p, const gs_timeline *t)
{
	gs_json_key(j, "trace");
	gs_json_object(j);
	gs_json_ku64(j, "format_minor", t->format_minor);
	gs_json_ku64(j, "generations", t->n_generations);
	gs_json_ku64(j, "events", t->n_events);
	gs_json_ku64(j, "transitions", t->n_transitions);
	gs_json_ku64(j, "goroutines", t->n_goroutines);
	gs_json_ku64(j, "procs", t->n_procs);
	gs_json_ku64(j, "threads", t->n_threads);
	gs_json_ku64(j, "tasks", t->n_tasks);
	gs_json_ku64(j, "regions", t->n_regions);
	gs_json_ku64(j, "logs", t->n_logs);
	gs_json_ku64(j, "cpu_samples", t->n_cpu_samples);
	gs_json_kbool(j, "has_clocks", t->n_clocks != 0);
	gs_overlays_json(j, p, t);
	gs_json_kstr(j, "damage", t->damage);
	gs_json_kbool(j, "is_cut", t->is_cut);
	gs_json_ku64(j, "lost_bytes", t->lost_bytes);
	gs_json_ku64(j, "lost_generations", t->lost_generations);
	gs_gaps_json(j, t);
	if (t->damage.n)
		gs_json_ki64(j, "good_until_ns", t->good_until_ns);
	if (t->damage.n && t->lost_until_ns != GS_NO_TIME)
		gs_json_ki64(j, "lost_until_ns", t->lost_until_ns);
	gs_json_object_end(j);
}

static void json_fields(gs_json *j, const gs_document *d)
{
	const gs_profile *p = d->profile;
	uint32_t keys[MAX_KEYS], n_keys = label_keys(p, keys, MAX_KEYS);

	gs_json_kstr(j, "name", d->name);
	gs_json_kstr(j, "kind", gs_str_of(gs_document_kind_name(d->kind)));
	gs_json_kstr(j, "format", d->format);
	gs_json_kstr(j, "group", d->group);
	if (d->goroutines)
		gs_json_ku64(j, "goroutines", d->goroutines->n);
	if (d->timeline)
		json_trace(j, p, d->timeline);
	gs_json_ki64(j, "time_ns", p->time_ns);
	gs_json_ki64(j, "duration_ns", p->duration_ns);
	gs_json_ki64(j, "period", p->period);
	gs_json_kstr(j, "period_type", gs_profile_str(p, p->period_type.type));
	gs_json_kstr(j, "period_unit", gs_profile_str(p, p->period_type.unit));
	gs_json_key(j, "sample_types");
	gs_json_array(j);
	for (uint32_t t = 0; t < p->n_types; t++) {
		gs_json_object(j);
		gs_json_kstr(j, "type", gs_profile_str(p, p->types[t].type));
		gs_json_kstr(j, "unit", gs_profile_str(p, p->types[t].unit));
		gs_json_ki64(j, "total", gs_info_total(p, t));
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_kstr(j, "default_type",
		     p->n_types ? gs_profile_str(p, p->types[gs_profile_default_type(p)].type) : (gs_str){ 0 });
	gs_json_ku64(j, "samples", p->n_samples);
	gs_json_ku64(j, "functions", p->n_functions - 1);
	gs_json_ku64(j, "locations", p->n_locations - 1);
	gs_json_ku64(j, "nodes", p->n_nodes - 1);
	json_strings(j, "labels", p, keys, n_keys);
	json_mappings(j, p);
	gs_json_kstr(j, "doc_url", gs_profile_str(p, p->doc_url));
	json_strings(j, "comments", p, p->comments, p->n_comments);
	json_strings(j, "warnings", p, p->warnings, p->n_warnings);
}

void gs_info_json(gs_buf *out, const gs_document *const *docs, unsigned n)
{
	gs_json j = gs_json_to(out);

	gs_json_object(&j);
	if (n)
		json_fields(&j, docs[0]);
	gs_json_key(&j, "documents");
	gs_json_array(&j);
	for (unsigned i = 0; i < n; i++) {
		gs_json_object(&j);
		json_fields(&j, docs[i]);
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}
