#include <inttypes.h>

#include "analysis/units.h"
#include "present/printable.h"
#include "present/tables.h"

static uint32_t depth_of(const gs_profile *p, uint32_t node)
{
	uint32_t depth = 0;

	for (; node; node = p->nodes[node].parent)
		depth++;
	return depth;
}

static gs_str frame_name(gs_arena *mem, const gs_view_profile *vp, const gs_view *v, uint32_t node)
{
	const gs_profile *p = vp->profile;
	const gs_frame *f = &p->frames[p->nodes[node].frame];
	gs_str name = gs_profile_str(p, p->functions[f->function].name);
	uint32_t key = vp->frame_key[p->nodes[node].frame];

	return name.n || key == GS_NO_ID ? name : gs_key_text(mem, v, &v->keys[key]);
}

static void labels_text(gs_buf *out, const gs_profile *p, uint32_t sample)
{
	gs_label_set set = p->label_sets[p->sample_labels[sample]];

	for (uint32_t i = set.first; i < set.first + set.n; i++) {
		const gs_label *l = &p->labels[i];

		gs_buf_z(out, i == set.first ? "  {" : ", ");
		gs_printable(out, gs_profile_str(p, l->key));
		gs_buf_c(out, '=');
		if (l->is_num)
			gs_unit_label(out, l->num, gs_profile_str(p, l->unit), GS_S("auto"));
		else
			gs_printable(out, gs_profile_str(p, l->str));
	}
	gs_buf_z(out, set.n ? "}" : "");
}

static void labels_json(gs_json *j, const gs_profile *p, uint32_t sample)
{
	gs_label_set set = p->label_sets[p->sample_labels[sample]];

	gs_json_key(j, "labels");
	gs_json_array(j);
	for (uint32_t i = set.first; i < set.first + set.n; i++) {
		const gs_label *l = &p->labels[i];

		gs_json_object(j);
		gs_json_kstr(j, "key", gs_profile_str(p, l->key));
		if (l->is_num) {
			gs_json_ki64(j, "number", l->num);
			gs_json_kstr(j, "unit", gs_profile_str(p, l->unit));
		} else {
			gs_json_kstr(j, "value", gs_profile_str(p, l->str));
		}
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void row_json(gs_json *j, gs_arena *mem, const gs_sample_rows *r, gs_sample_row row, bool with_stacks)
{
	const gs_view_profile *vp = &r->view->profiles[row.profile];
	const gs_profile *p = vp->profile;
	uint32_t s = row.sample, leaf = gs_selection_sample(vp->selection, s);

	gs_json_object(j);
	if (p->sample_time_ns)
		gs_json_ki64(j, "time_ns", p->sample_time_ns[s] - p->time_zero_ns);
	if (p->sample_cpu)
		gs_json_ku64(j, "cpu", p->sample_cpu[s]);
	if (p->sample_pid)
		gs_json_ku64(j, "pid", p->sample_pid[s]);
	if (p->sample_thread)
		gs_json_ku64(j, "thread", p->sample_thread[s]);
	if (p->sample_goroutine)
		gs_json_ku64(j, "goroutine", p->sample_goroutine[s]);
	gs_json_ku64(j, "depth", depth_of(p, leaf));
	gs_json_ki64(j, "value", p->values[vp->type][s]);
	gs_json_kstr(j, "leaf", leaf ? frame_name(mem, vp, r->view, leaf) : (gs_str){ 0 });
	labels_json(j, p, s);
	if (with_stacks) {
		gs_json_key(j, "stack");
		gs_json_array(j);
		for (uint32_t n = leaf; n; n = p->nodes[n].parent) {
			const gs_frame *f = &p->frames[p->nodes[n].frame];

			if (!gs_selection_shows(vp->selection, n))
				continue;
			gs_json_object(j);
			gs_json_kstr(j, "name", frame_name(mem, vp, r->view, n));
			gs_json_kstr(j, "file", gs_profile_str(p, p->functions[f->function].file));
			gs_json_ki64(j, "line", f->line);
			gs_json_object_end(j);
		}
		gs_json_array_end(j);
	}
	gs_json_object_end(j);
}

static void row_text(gs_buf *out, gs_arena *mem, const gs_sample_rows *r, gs_sample_row row, const gs_table_style *style,
		     bool with_stacks)
{
	const gs_view_profile *vp = &r->view->profiles[row.profile];
	const gs_profile *p = vp->profile;
	uint32_t s = row.sample, leaf = gs_selection_sample(vp->selection, s);

	if (r->has_time)
		gs_buf_f(out, "%14.6f", p->sample_time_ns ? (double)(p->sample_time_ns[s] - p->time_zero_ns) / 1e9 : 0.0);
	if (r->has_cpu)
		gs_buf_f(out, "%5" PRIu32, p->sample_cpu ? p->sample_cpu[s] : 0);
	if (r->has_pid)
		gs_buf_f(out, "%9" PRIu32, p->sample_pid ? p->sample_pid[s] : 0);
	if (r->has_thread)
		gs_buf_f(out, "%9" PRIu32, p->sample_thread ? p->sample_thread[s] : 0);
	if (r->has_goroutine)
		gs_buf_f(out, "%11" PRIu64, p->sample_goroutine ? p->sample_goroutine[s] : 0);
	gs_buf_f(out, "%7" PRIu32 " ", depth_of(p, leaf));
	gs_table_value_padded(r->view, style, out, p->values[vp->type][s], 11);
	gs_buf_z(out, "  ");
	if (leaf)
		gs_printable(out, frame_name(mem, vp, r->view, leaf));
	labels_text(out, p, s);
	gs_buf_c(out, '\n');
	if (!with_stacks)
		return;
	for (uint32_t n = leaf; n; n = p->nodes[n].parent) {
		const gs_frame *f = &p->frames[p->nodes[n].frame];
		gs_str file = gs_profile_str(p, p->functions[f->function].file);

		if (!gs_selection_shows(vp->selection, n))
			continue;
		gs_buf_z(out, "              ");
		gs_printable(out, frame_name(mem, vp, r->view, n));
		if (file.n) {
			gs_buf_z(out, "  ");
			gs_printable(out, file);
			gs_buf_f(out, ":%" PRId64, f->line);
		}
		gs_buf_c(out, '\n');
	}
}

void gs_samples_write(gs_arena *mem, const gs_sample_rows *r, const gs_samples_page *page, const gs_table_style *style,
		      bool json, gs_buf *out)
{
	uint32_t from = page->offset < r->n ? page->offset : r->n;
	uint32_t to = page->limit && page->limit < r->n - from ? from + page->limit : r->n;
	gs_json j = gs_json_to(out);

	if (json) {
		gs_json_object(&j);
		gs_json_ku64(&j, "count", r->n);
		gs_json_ki64(&j, "total", r->total);
		gs_json_kstr(&j, "type", r->view->type);
		gs_json_kstr(&j, "unit", r->view->unit);
		gs_json_key(&j, "rows");
		gs_json_array(&j);
		for (uint32_t i = from; i < to; i++)
			row_json(&j, mem, r, r->list[i], page->with_stacks);
		gs_json_array_end(&j);
		gs_json_object_end(&j);
		gs_buf_c(out, '\n');
		return;
	}
	gs_buf_f(out, "%s%s%s%s%s  depth ", r->has_time ? "      time (s)" : "", r->has_cpu ? "  cpu" : "",
		 r->has_pid ? "      pid" : "", r->has_thread ? "   thread" : "", r->has_goroutine ? "  goroutine" : "");
	gs_buf_f(out, "%11.*s  leaf\n", GS_FMT(r->view->type));
	for (uint32_t i = from; i < to; i++)
		row_text(out, mem, r, r->list[i], style, page->with_stacks);
	gs_buf_f(out, "%" PRIu32 " samples, ", r->n);
	gs_table_value(r->view, style, out, r->total);
	gs_buf_f(out, to < r->n ? "; %" PRIu32 " more of them (--limit 0 shows all)\n" : "\n", r->n - to);
}
