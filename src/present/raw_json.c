#include "present/raw_json.h"

#include <inttypes.h>

#include "base/json.h"

static void put_hex(gs_json *j, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, v);
	gs_json_kstr(j, key, gs_str_of(text));
}

static uint64_t location_id(const gs_profile *p, uint32_t l)
{
	return p->locations[l].file_id ? p->locations[l].file_id : l;
}

static uint64_t mapping_id(const gs_profile *p, uint32_t m)
{
	return p->mappings[m].file_id ? p->mappings[m].file_id : m;
}

static void put_samples(const gs_report *r, gs_json *j)
{
	const gs_profile *p = r->profile;
	const gs_selection *sel = r->view->profiles[0].selection;

	gs_json_key(j, "samples");
	gs_json_array(j);
	for (uint32_t s = 0; s < p->n_samples; s++) {
		uint32_t node = gs_selection_sample(sel, s);
		gs_label_set set = p->label_sets[p->sample_labels[s]];

		if (node == GS_NO_ID)
			continue;
		gs_json_object(j);
		gs_json_key(j, "values");
		gs_json_array(j);
		for (uint32_t t = 0; t < p->n_types; t++)
			gs_json_i64(j, p->values[t][s]);
		gs_json_array_end(j);
		gs_json_key(j, "locations");
		gs_json_array(j);
		for (; node; node = p->nodes[node].parent) {
			uint32_t frame = p->nodes[node].frame, location = p->frames[frame].location;

			if (frame == p->locations[location].first_frame && !(sel->node && sel->node[node]))
				gs_json_u64(j, location_id(p, location));
		}
		gs_json_array_end(j);
		gs_json_key(j, "labels");
		gs_json_array(j);
		for (uint32_t i = set.first; i < set.first + set.n; i++) {
			const gs_label *l = &p->labels[i];

			if (sel->label && sel->label[i])
				continue;
			gs_json_object(j);
			gs_json_kstr(j, "key", gs_profile_str(p, l->key));
			if (l->is_num) {
				gs_json_ki64(j, "num", l->num);
				gs_json_kstr(j, "unit", gs_profile_str(p, l->unit));
			} else {
				gs_json_kstr(j, "str", gs_profile_str(p, l->str));
			}
			gs_json_object_end(j);
		}
		gs_json_array_end(j);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void put_locations(const gs_report *r, gs_json *j)
{
	const gs_profile *p = r->profile;
	const gs_selection *sel = r->view->profiles[0].selection;

	gs_json_key(j, "locations");
	gs_json_array(j);
	for (uint32_t i = 1; i < p->n_locations; i++) {
		const gs_location *l = &p->locations[i];

		gs_json_object(j);
		gs_json_ku64(j, "id", location_id(p, i));
		put_hex(j, "address", l->address);
		gs_json_ku64(j, "mapping", l->mapping ? mapping_id(p, l->mapping) : 0);
		if (l->is_folded)
			gs_json_kbool(j, "is_folded", true);
		gs_json_key(j, "lines");
		gs_json_array(j);
		for (uint32_t k = l->first_frame; k < l->first_frame + l->n_frames; k++) {
			const gs_frame *f = &p->frames[k];
			const gs_function *fn = &p->functions[f->function];

			if (!f->function || !(sel->frame[k] & GS_SHOWN))
				continue;
			gs_json_object(j);
			gs_json_kstr(j, "function", gs_profile_str(p, fn->name));
			gs_json_kstr(j, "system_name", gs_profile_str(p, fn->system_name));
			gs_json_kstr(j, "file", gs_profile_str(p, fn->file));
			gs_json_ki64(j, "line", f->line);
			gs_json_ki64(j, "column", f->column);
			gs_json_ki64(j, "start_line", fn->start_line);
			gs_json_object_end(j);
		}
		gs_json_array_end(j);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

void gs_raw_json(gs_report *r, gs_buf *out)
{
	const gs_profile *p = r->profile;
	gs_json j = gs_json_to(out);

	gs_json_object(&j);
	gs_json_key(&j, "sample_types");
	gs_json_array(&j);
	for (uint32_t t = 0; t < p->n_types; t++) {
		gs_json_object(&j);
		gs_json_kstr(&j, "type", gs_profile_str(p, p->types[t].type));
		gs_json_kstr(&j, "unit", gs_profile_str(p, p->types[t].unit));
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_kstr(&j, "period_type", gs_profile_str(p, p->period_type.type));
	gs_json_kstr(&j, "period_unit", gs_profile_str(p, p->period_type.unit));
	gs_json_ki64(&j, "period", p->period);
	gs_json_ki64(&j, "time_ns", p->time_ns);
	gs_json_ki64(&j, "duration_ns", p->duration_ns);
	gs_json_key(&j, "comments");
	gs_json_array(&j);
	for (uint32_t i = 0; i < p->n_comments; i++)
		gs_json_str(&j, gs_profile_str(p, p->comments[i]));
	gs_json_array_end(&j);
	put_samples(r, &j);
	put_locations(r, &j);
	gs_json_key(&j, "mappings");
	gs_json_array(&j);
	for (uint32_t i = 1; i < p->n_mappings; i++) {
		const gs_mapping *m = &p->mappings[i];

		gs_json_object(&j);
		gs_json_ku64(&j, "id", mapping_id(p, i));
		put_hex(&j, "start", m->start);
		put_hex(&j, "limit", m->limit);
		put_hex(&j, "offset", m->offset);
		gs_json_kstr(&j, "file", gs_profile_str(p, m->file));
		gs_json_kstr(&j, "build_id", gs_profile_str(p, m->build_id));
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}
