#include "analysis/units.h"
#include "present/printable.h"
#include "present/tables.h"

typedef struct tag_row {
	gs_str key, value;
	int64_t total;
} tag_row;

typedef struct tag_rows {
	tag_row *list;
	uint32_t n, cap;
	gs_map index;
} tag_rows;

static bool add_tag(gs_arena *mem, tag_rows *t, gs_str key, gs_str value, int64_t total)
{
	uint64_t h = gs_str_hash(key) * 31 + gs_str_hash(value);
	uint32_t *slot;
	bool is_new;

	for (;; h++) {
		slot = gs_map_put(&t->index, h, &is_new);
		if (!slot)
			return false;
		if (is_new || (gs_str_eq(t->list[*slot].key, key) && gs_str_eq(t->list[*slot].value, value)))
			break;
	}
	if (is_new) {
		if (t->n == t->cap) {
			uint32_t cap = t->cap ? t->cap * 2 : 64;
			tag_row *list = gs_try_new(mem, tag_row, cap);

			if (!list)
				return false;
			if (t->n)
				memcpy(list, t->list, t->n * sizeof(*list));
			t->list = list;
			t->cap = cap;
		}
		*slot = t->n++;
		t->list[*slot] = (tag_row){ key, value, 0 };
	}
	t->list[*slot].total = (int64_t)((uint64_t)t->list[*slot].total + (uint64_t)total);
	return true;
}

static bool collect_tags(gs_arena *mem, const gs_view *v, const gs_view_profile *vp, tag_rows *t)
{
	const gs_profile *p = vp->profile;
	const gs_label_units *units = gs_label_units_of(mem, p);
	int64_t *by_set = gs_try_new(mem, int64_t, p->n_label_sets);
	uint8_t *used = gs_try_new(mem, uint8_t, p->n_label_sets);

	if (!by_set || !used)
		return false;
	(void)v;
	for (uint32_t s = 0; s < p->n_samples; s++) {
		uint32_t set = p->sample_labels[s];

		if (vp->sample_node[s] == GS_NO_ID)
			continue;
		used[set] = 1;
		by_set[set] = (int64_t)((uint64_t)by_set[set] + (uint64_t)p->values[vp->type][s]);
	}
	for (uint32_t set = 1; set < p->n_label_sets; set++) {
		gs_label_set ls = p->label_sets[set];

		for (uint32_t i = ls.first; used[set] && i < ls.first + ls.n; i++) {
			const gs_label *l = &p->labels[i];
			gs_str text;

			if (vp->selection->label && vp->selection->label[i])
				continue;
			if (gs_label_is_string(l))
				text = gs_profile_str(p, l->str);
			else if (gs_label_is_number(l))
				text = gs_unit_label_str(mem, l->num, gs_label_units_get(units, p, l->key), GS_S("auto"));
			else
				continue;
			if (!add_tag(mem, t, gs_profile_str(p, l->key), text, by_set[set]))
				return false;
		}
	}
	return true;
}

static int compare_tags(const void *a, const void *b)
{
	const tag_row *x = a, *y = b;
	int c = gs_str_cmp(x->key, y->key);
	int64_t vx = gs_abs64(x->total), vy = gs_abs64(y->total);

	if (!c && vx != vy)
		c = vx > vy ? -1 : 1;
	return c ? c : gs_str_cmp(x->value, y->value);
}

void gs_tags_write(gs_arena *mem, const gs_view *v, const gs_table_style *s, const char *format, gs_buf *out)
{
	tag_rows t = { 0 };
	gs_json j = gs_json_to(out);
	bool json = strcmp(format, "json") == 0;

	for (unsigned i = 0; i < v->n_profiles; i++)
		if (!v->profiles[i].is_base)
			collect_tags(mem, v, &v->profiles[i], &t);
	if (t.n)
		qsort(t.list, t.n, sizeof(*t.list), compare_tags);
	if (json) {
		gs_json_object(&j);
		gs_json_kstr(&j, "type", v->type);
		gs_json_kstr(&j, "unit", v->unit);
		gs_json_ki64(&j, "total", v->total);
		gs_json_key(&j, "keys");
		gs_json_array(&j);
	} else if (!t.n) {
		gs_buf_z(out, "no labels\n");
	}
	for (uint32_t i = 0; i < t.n;) {
		uint32_t end = i;
		int64_t sum = 0;

		for (; end < t.n && gs_str_eq(t.list[end].key, t.list[i].key); end++)
			sum += t.list[end].total;
		if (json) {
			gs_json_object(&j);
			gs_json_kstr(&j, "key", t.list[i].key);
			gs_json_ki64(&j, "total", sum);
			gs_json_ku64(&j, "count", end - i);
			gs_json_key(&j, "values");
			gs_json_array(&j);
		} else {
			gs_printable(out, t.list[i].key);
			gs_buf_z(out, ": ");
			gs_table_value(v, s, out, sum);
			gs_buf_f(out, " of the total (%.2f%%)\n", gs_table_percent(sum, v->total));
		}
		for (uint32_t k = i; k < end && (!s->limit || k - i < s->limit); k++) {
			if (json) {
				gs_json_object(&j);
				gs_json_kstr(&j, "value", t.list[k].value);
				gs_json_ki64(&j, "total", t.list[k].total);
				gs_json_kf64(&j, "pct", gs_table_percent(t.list[k].total, v->total));
				gs_json_object_end(&j);
			} else {
				gs_table_value_padded(v, s, out, t.list[k].total, 12);
				gs_buf_f(out, " %6.2f%%  ", gs_table_percent(t.list[k].total, v->total));
				gs_printable(out, t.list[k].value);
				gs_buf_c(out, '\n');
			}
		}
		if (json) {
			gs_json_array_end(&j);
			gs_json_object_end(&j);
		} else if (s->limit && end - i > s->limit) {
			gs_buf_f(out, "%12s          %u more values (-n 0 shows all)\n", "", end - i - s->limit);
		}
		i = end;
	}
	if (json) {
		gs_json_array_end(&j);
		gs_json_object_end(&j);
		gs_buf_c(out, '\n');
	}
	gs_map_release(&t.index);
}
