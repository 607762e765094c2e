#include "present/goroutine_groups.h"

#include <inttypes.h>

#include "base/json.h"
#include "present/printable.h"

enum { MAX_LISTED = 1000 }; /* goroutines of one group that are listed by id */

static uint32_t limit(uint32_t have, uint32_t want)
{
	return want && want < have ? want : have;
}

static void duration(gs_buf *out, int64_t ns)
{
	int64_t minutes = ns / 60000000000;

	if (!minutes) /* dumps tell whole minutes only, a program's memory more */
		gs_buf_f(out, "%" PRId64 " s", (ns + 999999999) / 1000000000);
	else if (minutes >= 120)
		gs_buf_f(out, "%" PRId64 " hours", minutes / 60);
	else
		gs_buf_f(out, "%" PRId64 " minute%s", minutes, minutes == 1 ? "" : "s");
}

static void label_text(gs_buf *out, const gs_profile *p, const gs_label *l)
{
	gs_printable(out, gs_profile_str(p, l->key));
	gs_buf_c(out, '=');
	if (l->is_num)
		gs_buf_f(out, "%" PRId64, l->num);
	else
		gs_printable(out, gs_profile_str(p, l->str));
}

static void frame_text(gs_buf *out, const gs_profile *p, uint32_t frame)
{
	const gs_frame *f = &p->frames[frame];
	const gs_function *fn = &p->functions[f->function];

	gs_printable(out, gs_profile_str(p, fn->name));
	if (fn->file) {
		gs_buf_z(out, "  ");
		gs_printable(out, gs_profile_str(p, fn->file));
		gs_buf_f(out, ":%" PRId64, f->line);
	}
	gs_buf_c(out, '\n');
}

/* "panic: ...", "fatal error: ...": why there is a dump at all. Logs may have much more in front of it, of which the end tells. */
static void header_text(gs_buf *out, gs_str header)
{
	enum { MAX_LINES = 6 };
	gs_str rest = header, line;
	unsigned n = 0, i = 0;

	while (gs_str_line(&rest, &line))
		n += line.n > 0;
	for (rest = header; gs_str_line(&rest, &line);) {
		if (!line.n || i++ + MAX_LINES < n)
			continue;
		gs_printable(out, line);
		gs_buf_c(out, '\n');
	}
	if (n)
		gs_buf_c(out, '\n');
}

void gs_goroutine_groups_text(const gs_goroutine_groups *g, const gs_document *d, uint32_t n, gs_buf *out)
{
	const gs_profile *p = d->profile;

	if (d->goroutines)
		header_text(out, d->goroutines->header);
	gs_buf_f(out, "%" PRId64 " goroutines", g->shown);
	if (g->shown != g->total)
		gs_buf_f(out, " (of %" PRId64 ")", g->total);
	gs_buf_f(out, " in %u group%s\n", g->n, g->n == 1 ? "" : "s");
	for (uint32_t i = 0; i < limit(g->n, n); i++) {
		const gs_goroutine_group *group = &g->list[i];
		const gs_goroutine_entry *e = &g->entries[g->members[group->first]];
		gs_label_set set = p->label_sets[e->labels];

		gs_buf_f(out, "\n%7" PRId64 "  ", group->count);
		gs_printable(out, group->key);
		if (e->state.n && !gs_str_eq(e->state, group->key)) {
			gs_buf_z(out, "  [");
			gs_printable(out, e->state);
			gs_buf_c(out, ']');
		}
		if (group->wait_max_ns) {
			gs_buf_z(out, "  up to ");
			duration(out, group->wait_max_ns);
		}
		if (e->is_leaked)
			gs_buf_z(out, "  leaked");
		for (uint32_t l = 0; l < set.n; l++) {
			gs_buf_z(out, "  ");
			label_text(out, p, &p->labels[set.first + l]);
		}
		gs_buf_c(out, '\n');
		if (e->id) {
			gs_buf_z(out, "         goroutine");
			for (uint32_t k = 0; k < group->n && k < 8; k++)
				gs_buf_f(out, " %" PRIu64, g->entries[g->members[group->first + k]].id);
			gs_buf_z(out, group->n > 8 ? " ...\n" : "\n");
		}
		for (uint32_t at = e->node; at != GS_ROOT_NODE; at = p->nodes[at].parent) {
			gs_buf_z(out, "           ");
			frame_text(out, p, p->nodes[at].frame);
		}
		if (e->creator) {
			gs_buf_z(out, "         created by ");
			frame_text(out, p, e->creator);
		}
	}
	if (limit(g->n, n) < g->n)
		gs_buf_f(out, "\n%u more groups: -n 0 shows all\n", g->n - limit(g->n, n));
}

static void frame_json(gs_json *j, const gs_profile *p, uint32_t frame, gs_str args)
{
	const gs_frame *f = &p->frames[frame];
	const gs_function *fn = &p->functions[f->function];

	gs_json_object(j);
	gs_json_kstr(j, "name", gs_profile_str(p, fn->name));
	gs_json_kstr(j, "file", gs_profile_str(p, fn->file));
	gs_json_ki64(j, "line", f->line);
	if (args.n)
		gs_json_kstr(j, "args", args);
	gs_json_object_end(j);
}

static void group_json(gs_json *j, const gs_goroutine_groups *g, const gs_profile *p, const gs_goroutine_group *group)
{
	const gs_goroutine_entry *e = &g->entries[g->members[group->first]];
	gs_label_set set = p->label_sets[e->labels];
	gs_str args = e->args, one;

	gs_json_object(j);
	gs_json_kstr(j, "key", group->key);
	gs_json_ki64(j, "count", group->count);
	gs_json_kstr(j, "state", e->state);
	gs_json_ki64(j, "wait_max_ns", group->wait_max_ns);
	gs_json_key(j, "labels");
	gs_json_object(j);
	for (uint32_t l = 0; l < set.n; l++) {
		const gs_label *label = &p->labels[set.first + l];

		gs_json_key_str(j, gs_profile_str(p, label->key));
		if (label->is_num)
			gs_json_i64(j, label->num);
		else
			gs_json_str(j, gs_profile_str(p, label->str));
	}
	gs_json_object_end(j);
	gs_json_key(j, "creator");
	if (e->creator)
		frame_json(j, p, e->creator, (gs_str){ 0 });
	else
		gs_json_null(j);
	gs_json_key(j, "goroutines");
	gs_json_array(j);
	for (uint32_t k = 0; k < group->n && k < MAX_LISTED; k++) {
		const gs_goroutine_entry *m = &g->entries[g->members[group->first + k]];

		if (!m->id)
			break;
		gs_json_object(j);
		gs_json_ku64(j, "id", m->id);
		gs_json_kstr(j, "state", m->state);
		gs_json_ki64(j, "wait_ns", m->wait_ns);
		if (m->is_locked)
			gs_json_kbool(j, "locked", true);
		if (m->is_leaked)
			gs_json_kbool(j, "leaked", true);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_key(j, "stack");
	gs_json_array(j);
	for (uint32_t at = e->node; at != GS_ROOT_NODE; at = p->nodes[at].parent) {
		gs_str_cut(args, '\n', &one, &args);
		frame_json(j, p, p->nodes[at].frame, one);
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
}

void gs_goroutine_groups_json(const gs_goroutine_groups *g, const gs_document *d, uint32_t n, gs_buf *out)
{
	gs_json j = gs_json_to(out);

	gs_json_object(&j);
	gs_json_ki64(&j, "total", g->total);
	gs_json_ki64(&j, "shown", g->shown);
	if (d->goroutines && d->goroutines->header.n)
		gs_json_kstr(&j, "header", d->goroutines->header);
	gs_json_key(&j, "groups");
	gs_json_array(&j);
	for (uint32_t i = 0; i < limit(g->n, n); i++)
		group_json(&j, g, d->profile, &g->list[i]);
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}
