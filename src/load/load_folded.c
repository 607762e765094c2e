/* Folded stacks -> document. Rows are mostly sorted, so what a row has in common with the one before is not looked at again. */
#include "format/folded/folded.h"
#include "load/recognisers.h"
#include "load/slice_map.h"

#include "base/banned.h"

typedef struct step {
	size_t end; /* of the group's text in the row's stack */
	uint32_t node;
} step;

typedef struct loading {
	gs_profile_builder *b;
	gs_slice_map groups; /* text of a physical frame and what is inlined into it -> location */
	GS_VEC(step) steps;  /* of the row before */
	gs_str before;
	GS_VEC(gs_frame) frames;
} loading;

static const gs_str inlined_mark = { "_[i]", 4 };

static gs_str frame_at(gs_str stack, size_t at)
{
	gs_str s = gs_str_skip(stack, at);

	return gs_str_slice(s, 0, gs_str_find_char(s, ';'));
}

/* End of the group at `at`: its frame and the frames after it that are inlined into it. */
static size_t group_end(gs_str stack, size_t at)
{
	size_t end = at + frame_at(stack, at).n;

	while (end < stack.n) {
		gs_str next = frame_at(stack, end + 1);

		if (!gs_str_ends(next, inlined_mark))
			break;
		end += 1 + next.n;
	}
	return end;
}

static bool push_line(loading *l, gs_str text)
{
	gs_folded_frame f = gs_folded_frame_of(text);
	gs_function fn = { .name = gs_profile_builder_str(l->b, f.name),
			   .file = gs_profile_builder_str(l->b, f.file) };
	gs_frame *line = gs_vec_push(&l->frames, INT32_MAX);

	if (!line || fn.name == GS_NO_ID || fn.file == GS_NO_ID)
		return false;
	fn.system_name = fn.name;
	*line = (gs_frame){ .function = gs_profile_builder_function(l->b, fn),
			    .line = f.line > INT64_MAX ? 0 : (int64_t)f.line,
			    .flags = f.flags & GS_FOLDED_KERNEL ? GS_FRAME_KERNEL : 0 };
	return line->function != GS_NO_ID;
}

static uint32_t location_of(loading *l, gs_str group)
{
	bool is_new;
	uint32_t *slot = gs_slice_map_put(&l->groups, group, &is_new), id;
	gs_str rest = group;

	if (!slot)
		return GS_NO_ID;
	if (!is_new)
		return *slot;
	/* Root first in the text, innermost first in a location. */
	l->frames.n = 0;
	for (;;) {
		size_t at = gs_str_rfind_char(rest, ';');

		if (!push_line(l, at == SIZE_MAX ? rest : gs_str_skip(rest, at + 1)))
			return GS_NO_ID;
		if (at == SIZE_MAX)
			break;
		rest.n = at;
	}
	id = gs_profile_builder_location_intern(l->b, 0, 0, l->frames.p, (uint32_t)l->frames.n);
	*slot = id == GS_NO_ID ? 0 : id;
	return id;
}

static size_t common_prefix(gs_str a, gs_str b)
{
	size_t n = a.n < b.n ? a.n : b.n, i = 0;

	for (; i + 8 <= n; i += 8)
		if (memcmp(a.p + i, b.p + i, 8) != 0)
			break;
	while (i < n && a.p[i] == b.p[i])
		i++;
	return i;
}

/* The node of a stack; GS_NO_ID when memory is out. */
static uint32_t node_of(loading *l, gs_str stack)
{
	size_t common = common_prefix(l->before, stack), at = 0;
	uint32_t node = GS_ROOT_NODE;

	/* A group of the row before is good here when it ends at a semicolon in both and the same group would be cut here. */
	while (l->steps.n) {
		const step *last = &l->steps.p[l->steps.n - 1];

		if (last->end < common && stack.p[last->end] == ';' &&
		    !gs_str_ends(frame_at(stack, last->end + 1), inlined_mark)) {
			at = last->end + 1;
			node = last->node;
			break;
		}
		l->steps.n--;
	}
	l->before = stack;
	while (at <= stack.n && stack.n) {
		size_t end = group_end(stack, at);
		uint32_t location = location_of(l, gs_str_slice(stack, at, end));
		step *s = location == GS_NO_ID ? NULL : gs_vec_push(&l->steps, INT32_MAX);

		if (!s)
			return GS_NO_ID;
		node = gs_profile_builder_push(l->b, node, location);
		if (node == GS_NO_ID)
			return GS_NO_ID;
		*s = (step){ end, node };
		at = end + 1;
	}
	return node;
}

static void set_types(loading *l, const gs_folded_shape *shape)
{
	static const char *const units[] = { "count",	     "count/10",    "count/100",
					     "count/1000",   "count/10000", "count/100000",
					     "count/1000000" };
	gs_profile *p = gs_profile_builder_profile(l->b);
	uint32_t unit = gs_profile_builder_str(l->b, gs_str_of(units[shape->decimals]));

	p->n_types = shape->columns;
	if (shape->columns == 2)
		p->types[0] = (gs_value_type){ gs_profile_builder_str(l->b, GS_S("before")), unit };
	p->types[shape->columns - 1] =
		(gs_value_type){ gs_profile_builder_str(l->b, GS_S("samples")), unit };
	if (shape->decimals)
		gs_profile_builder_warn(l->b,
					"the counts have fractions: values are told in units of %s",
					units[shape->decimals]);
}

static bool load_rows(loading *l, const gs_load_source *src, const gs_folded_shape *shape,
		      gs_err *err)
{
	gs_str rest = src->bytes;
	gs_folded_row row;
	gs_err why = { 0 };
	uint64_t n = 0;

	while (gs_folded_next(src->bytes, &rest, shape, &row, &why)) {
		gs_sample s = { .values = row.counts, .node = node_of(l, row.stack) };

		if (s.node == GS_NO_ID || !gs_profile_builder_sample(l->b, &s))
			return gs_fail(err, GS_ERR_LIMIT, row.at,
				       "the stacks need more memory than their budget");
		if (++n % 65536 == 0) {
			if (gs_progress_should_stop(src->progress))
				return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
			gs_progress_report(src->progress, (double)row.at / (double)src->bytes.n,
					   "reading");
		}
	}
	if (why.code && err)
		*err = why;
	return why.code == GS_ERR_NONE;
}

static int probe(gs_str bytes)
{
	return gs_folded_is(gs_str_slice(bytes, 0, 16384)) ? GS_PROBE_LIKELY - 20 : GS_PROBE_NO;
}

static bool load(gs_load_source *src, gs_document *doc, gs_err *err)
{
	loading l = { .b = gs_profile_builder_create(doc->mem, err) };
	gs_folded_shape shape;
	bool ok = l.b && gs_folded_look(src->bytes, &shape, err);

	if (ok) {
		set_types(&l, &shape);
		ok = load_rows(&l, src, &shape, err);
	}
	gs_slice_map_release(&l.groups);
	gs_vec_release(&l.steps);
	gs_vec_release(&l.frames);
	if (!ok)
		return false;
	doc->profile = gs_profile_builder_finish(l.b, err);
	return doc->profile != NULL;
}

const gs_recogniser gs_recogniser_folded = {
	.name = "folded",
	.is_text = true,
	.title = "folded stacks",
	.probe = probe,
	.load = load,
};
