#include "app/summary.h"

#include "app/capture_meta.h"
#include "base/json.h"
#include "present/info.h"

#include "base/banned.h"

enum { MAX_LABEL_KEYS = 256, MAX_WARNINGS = 50 };

static gs_str base_name(gs_str path)
{
	return gs_str_skip(path, gs_str_rfind_char(path, '/') + 1); /* SIZE_MAX + 1 is 0 */
}

/* "payments · go1.26.8 · cpu · 30 s": what the page shows in its head line. */
static void put_title(gs_json *j, const gs_document *d, const gs_capture_meta *meta)
{
	const gs_profile *p = d->profile;
	GS_AUTO(buf) b = { 0 };
	gs_str program = base_name(meta->main_package);

	gs_buf_init(&b, 4096);
	if (!program.n)
		program = meta->name;
	if (!program.n && p->n_mappings > 1)
		program = base_name(gs_profile_str(p, p->mappings[1].file));
	if (!program.n && d->heap)
		program = base_name(d->heap->executable);
	if (program.n)
		gs_buf_f(&b, "%.*s \xc2\xb7 ", GS_FMT(program));
	if (d->heap)
		gs_buf_f(&b, "%.*s \xc2\xb7 ", GS_FMT(d->heap->go_version));
	else if (meta->go_version.n)
		gs_buf_f(&b, "%.*s \xc2\xb7 ", GS_FMT(meta->go_version));
	gs_buf_str(&b, d->name);
	if (p->duration_ns > 0)
		gs_buf_f(&b, " \xc2\xb7 %.3g s", (double)p->duration_ns / 1e9);
	gs_json_kstr(j, "title", gs_buf_view(&b));
}

static void put_text(gs_json *j, const char *key, gs_str s)
{
	if (s.n)
		gs_json_kstr(j, key, s);
}

static void put_labels(gs_json *j, const gs_profile *p)
{
	uint32_t keys[MAX_LABEL_KEYS], n = 0;

	gs_json_key(j, "labels");
	gs_json_array(j);
	for (uint32_t i = 0; i < p->n_labels && n < MAX_LABEL_KEYS; i++) {
		uint32_t k = 0;

		while (k < n && keys[k] != p->labels[i].key)
			k++;
		if (k < n)
			continue;
		keys[n++] = p->labels[i].key;
		gs_json_str(j, gs_profile_str(p, p->labels[i].key));
	}
	gs_json_array_end(j);
}

void gs_summary_json(gs_buf *out, const gs_document *d, unsigned id)
{
	const gs_profile *p = d->profile;
	gs_json json = gs_json_to(out), *j = &json;
	GS_AUTO(arena) *mem = gs_arena_create(64 << 20);
	gs_capture_meta meta;

	gs_capture_meta_read(mem, d, &meta);

	gs_json_object(j);
	gs_json_ku64(j, "id", id);
	gs_json_kstr(j, "name", d->name);
	gs_json_kstr(j, "kind", gs_str_of(gs_document_kind_name(d->kind)));
	gs_json_kstr(j, "format", d->format);
	gs_json_key(j, "group");
	if (d->group.n)
		gs_json_str(j, d->group);
	else
		gs_json_null(j);
	put_title(j, d, &meta);
	gs_json_key(j, "sample_types");
	gs_json_array(j);
	for (uint32_t t = 0; t < p->n_types; t++) {
		gs_json_object(j);
		gs_json_kstr(j, "type", gs_profile_str(p, p->types[t].type));
		gs_json_kstr(j, "unit", gs_profile_str(p, p->types[t].unit));
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_kstr(j, "default_type",
		     p->n_types ? gs_profile_str(p, p->types[gs_profile_default_type(p)].type) : (gs_str){ 0 });
	gs_json_ku64(j, "samples", p->n_samples);
	gs_json_key(j, "total");
	gs_json_array(j);
	for (uint32_t t = 0; t < p->n_types; t++)
		gs_json_i64(j, gs_info_total(p, t));
	gs_json_array_end(j);
	gs_json_ki64(j, "time_ns", p->time_ns);
	gs_json_ki64(j, "duration_ns", p->duration_ns);
	put_labels(j, p);
	put_text(j, "main_module", meta.module);
	put_text(j, "go_version", d->heap ? d->heap->go_version : meta.go_version);
	put_text(j, "command", meta.command);
	put_text(j, "host", meta.host);
	if (d->goroutines)
		gs_json_ku64(j, "goroutines", d->goroutines->n);
	if (d->heap)
		gs_json_ku64(j, "goroutines", d->heap->n_goroutines);
	gs_json_key(j, "warnings");
	gs_json_array(j);
	for (uint32_t i = 0; i < p->n_warnings && i < MAX_WARNINGS; i++)
		gs_json_str(j, gs_profile_str(p, p->warnings[i]));
	gs_json_array_end(j);
	gs_json_object_end(j);
}
