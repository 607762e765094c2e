#include "app/heap_by_allocation.h"

#include "analysis/units.h"
#include "base/json.h"
#include "present/heap_stack.h"
#include "present/printable.h"
#include "present/tabs.h"

#include "base/banned.h"

typedef struct answer {
	const gs_heap *h;
	const gs_heap_names *names;
	gs_heap_places places;
	gs_heap_allocators list;
	uint32_t n_rows;
} answer;

static gs_str text_of(const gs_heap *h, uint32_t id)
{
	return gs_strtab_get(&h->strings, id);
}

static gs_str share_name(const answer *a, gs_heap_share s, bool is_type)
{
	return gs_strtab_get(&a->names->strings, is_type ? a->names->of_type[s.id] : s.id);
}

/* "var main.cache 72%, frame main.serve 28%"; one that has all without its part. */
static void shares_text(gs_buf *out, const answer *a, const gs_heap_share *shares, double of, bool is_type)
{
	for (unsigned i = 0; i < GS_HEAP_N_SHARES && shares[i].bytes >= (i ? of / 200 : 0); i++) {
		gs_buf_z(out, i ? ", " : "");
		gs_printable(out, share_name(a, shares[i], is_type));
		if (shares[i].bytes < of)
			gs_buf_f(out, " %.0f%%", 100 * shares[i].bytes / of);
	}
}

static void row_text(gs_buf *table, const answer *a, const gs_heap_allocator *r)
{
	const gs_heap_place *p = &a->places.list[r->place];

	gs_unit_label(table, (int64_t)gs_heap_whole(r->bytes), GS_S("bytes"), GS_S("auto"));
	gs_buf_c(table, '\t');
	gs_share(table, (int64_t)gs_heap_whole(r->bytes), (int64_t)gs_heap_whole(a->list.bytes));
	gs_buf_f(table, "\t%llu\t%u\t  ", (unsigned long long)gs_heap_whole(r->count), r->n_samples);
	gs_printable(table, text_of(a->h, p->function));
	gs_heap_line_text(table, text_of(a->h, p->file), p->line);
	if (p->library) {
		gs_buf_z(table, " in ");
		gs_printable(table, text_of(a->h, p->library));
	}
	gs_buf_z(table, "\n\t\t\t\t    ");
	shares_text(table, a, r->types, r->bytes, true);
	gs_buf_z(table, "; kept by ");
	shares_text(table, a, r->keepers, r->bytes, false);
	gs_buf_c(table, '\n');
}

static void text(gs_op_call *call, const answer *a)
{
	gs_buf table;

	gs_buf_f(call->out, "%u live objects were sampled when they were allocated, they stand for ", a->list.n_samples);
	gs_unit_label(call->out, (int64_t)gs_heap_whole(a->list.bytes), GS_S("bytes"), GS_S("auto"));
	gs_buf_z(call->out, " of ");
	gs_unit_label(call->out, (int64_t)a->h->totals.live_bytes, GS_S("bytes"), GS_S("auto"));
	if (a->h->sample_rate > 1) {
		gs_buf_z(call->out, " (one in ");
		gs_unit_label(call->out, a->h->sample_rate, GS_S("bytes"), GS_S("auto"));
		gs_buf_c(call->out, ')');
	}
	gs_buf_c(call->out, '\n');
	gs_buf_init(&table, (size_t)1 << 30);
	gs_buf_z(&table, "live\t\tcount\tsamples\t  allocated at\n");
	for (uint32_t i = 0; i < a->n_rows; i++)
		row_text(&table, a, &a->list.rows[i]);
	gs_tabs_align_right(call->out, gs_buf_view(&table));
	if (a->n_rows < a->list.n)
		gs_buf_f(call->out, "and %u more places (-n 0 shows all)\n", a->list.n - a->n_rows);
	gs_buf_release(&table);
}

static void shares_json(gs_json *j, const answer *a, const char *key, const gs_heap_share *shares, bool is_type)
{
	gs_json_key(j, key);
	gs_json_array(j);
	for (unsigned i = 0; i < GS_HEAP_N_SHARES && shares[i].bytes > 0; i++) {
		gs_json_object(j);
		gs_json_kstr(j, "name", share_name(a, shares[i], is_type));
		gs_json_ku64(j, "live_bytes", gs_heap_whole(shares[i].bytes));
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void json(gs_op_call *call, const answer *a)
{
	gs_json j = gs_json_to(call->out);

	gs_json_object(&j);
	gs_json_ku64(&j, "live_bytes", a->h->totals.live_bytes);
	gs_json_ki64(&j, "sample_rate_bytes", a->h->sample_rate);
	gs_json_ku64(&j, "samples", a->list.n_samples);
	gs_json_ku64(&j, "estimated_bytes", gs_heap_whole(a->list.bytes));
	gs_json_ku64(&j, "n_places", a->list.n);
	gs_json_key(&j, "places");
	gs_json_array(&j);
	for (uint32_t i = 0; i < a->n_rows; i++) {
		const gs_heap_allocator *r = &a->list.rows[i];
		const gs_heap_place *p = &a->places.list[r->place];

		gs_json_object(&j);
		gs_json_kstr(&j, "function", text_of(a->h, p->function));
		gs_json_kstr(&j, "file", text_of(a->h, p->file));
		gs_json_ku64(&j, "line", p->line);
		gs_json_kstr(&j, "library_function", text_of(a->h, p->library));
		gs_json_ku64(&j, "samples", r->n_samples);
		gs_json_ku64(&j, "count", gs_heap_whole(r->count));
		gs_json_ku64(&j, "live_bytes", gs_heap_whole(r->bytes));
		shares_json(&j, a, "types", r->types, true);
		shares_json(&j, a, "kept_by", r->keepers, false);
		gs_heap_stack_json(&j, "allocated_at", a->h, r->site);
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
}

static int by_count(const void *a, const void *b)
{
	const gs_heap_allocator *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

bool gs_heap_by_allocation(gs_op_call *call, const gs_heap *h, const gs_dominators *d, bool is_by_count, uint32_t top, gs_err *err)
{
	answer a = { .h = h, .names = gs_heap_names_build(call->mem, h, d, err) };
	gs_heap_allocated_list rows;

	if (!a.names || !gs_heap_allocated_by_holder(call->mem, h, d, a.names, &rows, err) || !gs_heap_places_find(call->mem, h, &a.places, err) ||
	    !gs_heap_allocators_list(call->mem, h, &a.places, &rows, false, &a.list, err))
		return false;
	if (is_by_count && a.list.n)
		qsort(a.list.rows, a.list.n, sizeof(*a.list.rows), by_count);
	a.n_rows = top && top < a.list.n ? top : a.list.n;
	if (strcmp(call->format, "json") == 0)
		json(call, &a);
	else
		text(call, &a);
	return true;
}
