/* Reports that go over samples instead of the graph: traces, tags, raw. */
#include "present/report.h"

#include <inttypes.h>
#include <time.h>

#include "analysis/units.h"
#include "present/tabs.h"

static int compare_strings(const void *a, const void *b)
{
	return gs_str_cmp(*(const gs_str *)a, *(const gs_str *)b);
}

static bool is_hidden(const gs_report *r, uint32_t label)
{
	const gs_selection *sel = r->view->profiles[0].selection;

	return sel->label && sel->label[label];
}

/* The set's keys that have strings (or numbers), each once. */
static uint32_t label_keys(const gs_report *r, gs_label_set set, bool numbers, uint32_t *keys, uint32_t cap)
{
	const gs_profile *p = r->profile;
	uint32_t n = 0;

	for (uint32_t i = set.first; i < set.first + set.n; i++) {
		const gs_label *l = &p->labels[i];
		bool known = false;

		if (!(numbers ? gs_label_is_number(l) : gs_label_is_string(l)) || is_hidden(r, i))
			continue;
		for (uint32_t k = 0; k < n; k++)
			known = known || keys[k] == l->key;
		if (!known && n < cap)
			keys[n++] = l->key;
	}
	return n;
}

enum { MAX_KEYS = 256 };

static void write_trace_labels(const gs_report *r, gs_label_set set, bool numbers, gs_buf *out)
{
	const gs_profile *p = r->profile;
	uint32_t keys[MAX_KEYS], n = label_keys(r, set, numbers, keys, MAX_KEYS);
	gs_str lines[MAX_KEYS];
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 24);
	for (uint32_t k = 0; k < n; k++) {
		bool first = true;

		b.n = 0;
		gs_report_pad(&b, gs_profile_str(p, keys[k]), 10);
		gs_buf_z(&b, ":  ");
		for (uint32_t i = set.first; i < set.first + set.n; i++) {
			const gs_label *l = &p->labels[i];

			if (l->key != keys[k] || !(numbers ? gs_label_is_number(l) : gs_label_is_string(l)))
				continue;
			if (!first)
				gs_buf_c(&b, ' ');
			first = false;
			if (numbers)
				gs_unit_label(&b, l->num, gs_label_units_get(r->units, p, l->key), GS_S("auto"));
			else
				gs_buf_str(&b, gs_profile_str(p, l->str));
		}
		gs_buf_c(&b, '\n');
		lines[k] = gs_str_dup(r->mem, gs_buf_view(&b));
	}
	qsort(lines, n, sizeof(*lines), compare_strings);
	for (uint32_t k = 0; k < n; k++)
		gs_buf_str(out, lines[k]);
}

bool gs_report_write_stacks(gs_report *r, gs_buf *out)
{
	static const char line[] = "-----------+-------------------------------------------------------\n";
	const gs_profile *p = r->profile;
	const gs_view_profile *vp = &r->view->profiles[0];
	const gs_selection *sel = vp->selection;
	gs_str *names = gs_new(r->mem, gs_str, r->view->n_keys);
	gs_str *label_texts = gs_new(r->mem, gs_str, p->n_label_sets);

	gs_report_profile_labels(r, out);
	for (uint32_t s = 0; s < p->n_samples; s++) {
		uint32_t node = gs_selection_sample(sel, s);
		uint32_t set = p->sample_labels[s];
		bool first = true;

		while (node != GS_NO_ID && node && !gs_selection_shows(sel, node))
			node = p->nodes[node].parent;
		if (node == GS_NO_ID || node == GS_ROOT_NODE)
			continue;
		gs_buf_z(out, line);
		if (set && !label_texts[set].p) {
			GS_AUTO(buf) b = { 0 };

			gs_buf_init(&b, 1 << 24);
			write_trace_labels(r, p->label_sets[set], false, &b);
			write_trace_labels(r, p->label_sets[set], true, &b);
			label_texts[set] = gs_str_dup(r->mem, gs_buf_view(&b));
		}
		if (set)
			gs_buf_str(out, label_texts[set]);
		for (; node; node = p->nodes[node].parent) {
			uint32_t frame = p->nodes[node].frame, key = vp->frame_key[frame];

			if (!gs_selection_shows(sel, node))
				continue;
			if (!names[key].p)
				names[key] = gs_key_text(r->mem, r->view, &r->view->keys[key]);
			if (first) {
				int64_t v = p->values[vp->type][s];

				if (r->query.mean)
					v = gs_div(v, p->values[0][s]);
				gs_report_pad(out, gs_report_value_str(r, v), 10);
			} else {
				gs_buf_fill(out, ' ', 10);
			}
			first = false;
			gs_buf_z(out, "   ");
			gs_buf_str(out, names[key]);
			gs_buf_z(out, sel->frame[frame] & GS_SHOWN_INLINED ? " (inline)\n" : "\n");
		}
	}
	gs_buf_z(out, line);
	return true;
}

typedef struct tag_value {
	gs_str text;
	int64_t value;
} tag_value;

typedef struct tag_key {
	gs_str key;
	int64_t total;
	tag_value *list;
	uint32_t n, cap;
	gs_map index; /* hash of the text -> position */
} tag_key;

typedef GS_VEC(tag_key) tag_keys;

static tag_key *find_tag_key(tag_keys *all, gs_str key)
{
	tag_key *k;

	for (size_t i = 0; i < all->n; i++)
		if (gs_str_eq(all->p[i].key, key))
			return &all->p[i];
	k = gs_vec_push(all, 1 << 16);
	if (k)
		k->key = key;
	return k;
}

static bool add_tag(gs_report *r, tag_keys *all, gs_str key, gs_str text, int64_t value)
{
	tag_key *k = find_tag_key(all, key);
	uint32_t *slot;
	bool is_new;
	uint64_t h;

	if (!k)
		return false;
	/* Probe until the same text: hashes of different texts may be equal. */
	for (h = gs_str_hash(text);; h++) {
		slot = gs_map_put(&k->index, h, &is_new);
		if (!slot)
			return false;
		if (is_new || gs_str_eq(k->list[*slot].text, text))
			break;
	}
	if (is_new) {
		if (k->n == k->cap) {
			uint32_t cap = k->cap ? k->cap * 2 : 16;
			tag_value *list = gs_try_new(r->mem, tag_value, cap);

			if (!list)
				return false;
			if (k->n)
				memcpy(list, k->list, k->n * sizeof(*list));
			k->list = list;
			k->cap = cap;
		}
		*slot = k->n++;
		k->list[*slot] = (tag_value){ text, 0 };
	}
	k->list[*slot].value = (int64_t)((uint64_t)k->list[*slot].value + (uint64_t)value);
	k->total = (int64_t)((uint64_t)k->total + (uint64_t)value);
	return true;
}

static int compare_values(const void *a, const void *b)
{
	const tag_value *x = a, *y = b;

	if (x->value != y->value && gs_abs64(x->value) != gs_abs64(y->value))
		return gs_abs64(x->value) > gs_abs64(y->value) ? -1 : 1;
	return gs_str_cmp(x->text, y->text);
}

static int compare_keys(const void *a, const void *b)
{
	return gs_str_cmp(((const tag_key *)a)->key, ((const tag_key *)b)->key);
}

/* Per label set first: sets are few, samples are many. */
static bool collect_tags(gs_report *r, tag_keys *all)
{
	const gs_profile *p = r->profile;
	const gs_view_profile *vp = &r->view->profiles[0];
	int64_t *by_set = gs_try_new(r->mem, int64_t, p->n_label_sets);
	uint8_t *used = gs_try_new(r->mem, uint8_t, p->n_label_sets);

	if (!by_set || !used)
		return false;
	for (uint32_t s = 0; s < p->n_samples; s++) {
		uint32_t set = p->sample_labels[s];

		if (gs_selection_sample(vp->selection, s) == GS_NO_ID)
			continue;
		used[set] = 1;
		by_set[set] = (int64_t)((uint64_t)by_set[set] + (uint64_t)p->values[vp->type][s]);
	}
	for (uint32_t set = 1; set < p->n_label_sets; set++) {
		gs_label_set ls = p->label_sets[set];

		for (uint32_t i = ls.first; used[set] && i < ls.first + ls.n; i++) {
			const gs_label *l = &p->labels[i];
			gs_str key = gs_profile_str(p, l->key), text;

			if (is_hidden(r, i))
				continue;
			if (gs_label_is_string(l))
				text = gs_profile_str(p, l->str);
			else if (gs_label_is_number(l))
				text = gs_unit_label_str(r->mem, l->num, gs_label_units_get(r->units, p, l->key),
							 r->unit);
			else
				continue;
			if (!add_tag(r, all, key, text, by_set[set]))
				return false;
		}
	}
	return true;
}

bool gs_report_write_tags(gs_report *r, gs_buf *out)
{
	tag_keys all = { 0 };
	int64_t total = r->view->total;
	bool ok = collect_tags(r, &all);
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, out->max);
	if (all.n)
		qsort(all.p, all.n, sizeof(*all.p), compare_keys);
	for (size_t k = 0; k < all.n; k++) {
		tag_key *key = &all.p[k];

		if (key->n)
			qsort(key->list, key->n, sizeof(*key->list), compare_values);
		gs_buf_str(&b, key->key);
		gs_buf_z(&b, ":\t Total ");
		gs_report_value(r, &b, key->total);
		gs_buf_z(&b, " of ");
		gs_report_value(r, &b, total);
		if (total > 0) {
			gs_buf_z(&b, " (");
			gs_percent(&b, key->total, total);
			gs_buf_c(&b, ')');
		}
		gs_buf_c(&b, '\n');
		for (uint32_t i = 0; i < key->n; i++) {
			gs_buf_z(&b, " \t");
			gs_report_value(r, &b, key->list[i].value);
			if (total > 0) {
				gs_buf_z(&b, " (");
				gs_percent(&b, key->list[i].value, total);
				gs_buf_c(&b, ')');
			}
			gs_buf_z(&b, ":\t ");
			gs_buf_str(&b, key->list[i].text);
			gs_buf_c(&b, '\n');
		}
		gs_buf_c(&b, '\n');
		gs_map_release(&key->index);
	}
	gs_tabs_align_right(out, gs_buf_view(&b));
	gs_vec_release(&all);
	return ok;
}

static void write_time(gs_buf *out, int64_t ns)
{
	int64_t seconds = ns / 1000000000 - (ns % 1000000000 < 0), part = ns - seconds * 1000000000;
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[80];

	if (!localtime_r(&t, &tm))
		return;
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	gs_buf_f(out, "Time: %s", text);
	if (part) {
		int n = snprintf(text, sizeof(text), ".%09" PRId64, part);

		while (n > 0 && text[n - 1] == '0')
			n--;
		gs_buf_add(out, text, (size_t)n);
	}
	strftime(text, sizeof(text), " %z %Z\n", &tm);
	gs_buf_z(out, text);
}

/* Go's duration text ("1m30.5s", "2ms"), cut to four characters as pprof's raw dump does. */
static void write_duration(gs_buf *out, int64_t ns)
{
	char text[64];
	uint64_t u = (uint64_t)gs_abs64(ns);
	int n = 0;

	if (ns < 0)
		text[n++] = '-';
	if (u < 1000000000) {
		double v = u < 1000 ? (double)u : u < 1000000 ? (double)u / 1e3 : (double)u / 1e6;
		const char *unit = u < 1000 ? "ns" : u < 1000000 ? "\xc2\xb5s" : "ms";

		snprintf(text + n, sizeof(text) - (size_t)n, "%.9g%s", v, unit);
	} else {
		if (u >= 3600000000000u)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%" PRIu64 "h", u / 3600000000000u);
		if (u >= 60000000000u)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%" PRIu64 "m", u / 60000000000u % 60);
		snprintf(text + n, sizeof(text) - (size_t)n, "%.11gs", (double)(u % 60000000000u) / 1e9);
	}
	n = 0;
	for (unsigned chars = 0; text[n]; n++) {
		chars += ((unsigned char)text[n] & 0xc0) != 0x80;
		if (chars > 4)
			break;
	}
	gs_buf_f(out, "Duration: %.*s\n", n, text);
}

static void write_raw_labels(const gs_report *r, gs_label_set set, bool numbers, gs_buf *out)
{
	const gs_profile *p = r->profile;
	uint32_t keys[MAX_KEYS], n = label_keys(r, set, numbers, keys, MAX_KEYS);
	gs_str texts[MAX_KEYS];
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 24);
	for (uint32_t k = 0; k < n; k++) {
		bool first = true, has_unit = false;

		for (uint32_t i = set.first; i < set.first + set.n; i++)
			has_unit = has_unit || (p->labels[i].key == keys[k] && p->labels[i].is_num && p->labels[i].unit);
		b.n = 0;
		gs_buf_str(&b, gs_profile_str(p, keys[k]));
		gs_buf_z(&b, ":[");
		for (uint32_t i = set.first; i < set.first + set.n; i++) {
			const gs_label *l = &p->labels[i];

			if (l->key != keys[k] || !(numbers ? gs_label_is_number(l) : gs_label_is_string(l)))
				continue;
			if (!first)
				gs_buf_c(&b, ' ');
			first = false;
			if (!numbers)
				gs_buf_str(&b, gs_profile_str(p, l->str));
			else if (has_unit)
				gs_buf_f(&b, "%" PRId64 " %.*s", l->num, GS_FMT(gs_profile_str(p, l->unit)));
			else
				gs_buf_f(&b, "%" PRId64, l->num);
		}
		gs_buf_c(&b, ']');
		texts[k] = gs_str_dup(r->mem, gs_buf_view(&b));
	}
	if (!n)
		return;
	qsort(texts, n, sizeof(*texts), compare_strings);
	gs_buf_fill(out, ' ', 16);
	for (uint32_t k = 0; k < n; k++) {
		if (k)
			gs_buf_c(out, ' ');
		gs_buf_str(out, texts[k]);
	}
	gs_buf_c(out, '\n');
}

static uint64_t location_id(const gs_profile *p, uint32_t l)
{
	return p->locations[l].file_id ? p->locations[l].file_id : l;
}

static uint64_t mapping_id(const gs_profile *p, uint32_t m)
{
	return p->mappings[m].file_id ? p->mappings[m].file_id : m;
}

static void write_raw_samples(gs_report *r, gs_buf *out)
{
	const gs_profile *p = r->profile;
	const gs_selection *sel = r->view->profiles[0].selection;

	for (uint32_t s = 0; s < p->n_samples; s++) {
		uint32_t node = gs_selection_sample(sel, s);

		if (node == GS_NO_ID)
			continue;
		for (uint32_t t = 0; t < p->n_types; t++)
			gs_buf_f(out, "%s%10" PRId64, " ", p->values[t][s]);
		gs_buf_z(out, ": ");
		for (; node; node = p->nodes[node].parent) {
			uint32_t location = p->frames[p->nodes[node].frame].location;
			const gs_location *l = &p->locations[location];

			/* A location once, by the node of its innermost frame. */
			if (p->nodes[node].frame == l->first_frame && !(sel->node && sel->node[node]))
				gs_buf_f(out, "%" PRIu64 " ", location_id(p, location));
		}
		gs_buf_c(out, '\n');
		write_raw_labels(r, p->label_sets[p->sample_labels[s]], false, out);
		write_raw_labels(r, p->label_sets[p->sample_labels[s]], true, out);
	}
}

static void write_raw_locations(gs_report *r, gs_buf *out)
{
	const gs_profile *p = r->profile;
	const gs_selection *sel = r->view->profiles[0].selection;
	bool no_columns = r->query.noinlines && !r->query.showcolumns;

	gs_buf_z(out, "Locations\n");
	for (uint32_t i = 1; i < p->n_locations; i++) {
		const gs_location *l = &p->locations[i];
		bool first = true;

		gs_buf_f(out, "%6" PRIu64 ": 0x%" PRIx64 " ", location_id(p, i), l->address);
		if (l->mapping)
			gs_buf_f(out, "M=%" PRIu64 " ", mapping_id(p, l->mapping));
		if (l->is_folded)
			gs_buf_z(out, "[F] ");
		for (uint32_t k = l->first_frame; k < l->first_frame + l->n_frames; k++) {
			const gs_frame *f = &p->frames[k];
			const gs_function *fn = &p->functions[f->function];

			if (!f->function || !(sel->frame[k] & GS_SHOWN))
				continue;
			if (!first)
				gs_buf_fill(out, ' ', 13);
			first = false;
			gs_buf_str(out, gs_profile_str(p, fn->name));
			gs_buf_c(out, ' ');
			gs_buf_str(out, gs_profile_str(p, fn->file));
			gs_buf_f(out, ":%" PRId64 ":%" PRId64 " s=%" PRId64, f->line, no_columns ? 0 : f->column,
				 fn->start_line);
			if (fn->name != fn->system_name) {
				gs_buf_c(out, '(');
				gs_buf_str(out, gs_profile_str(p, fn->system_name));
				gs_buf_c(out, ')');
			}
			gs_buf_c(out, '\n');
		}
		if (first)
			gs_buf_c(out, '\n');
	}
}

void gs_report_write_raw(gs_report *r, gs_buf *out)
{
	const gs_profile *p = r->profile;

	for (uint32_t i = 0; i < p->n_comments; i++)
		gs_buf_f(out, "Comment: %.*s\n", GS_FMT(gs_profile_str(p, p->comments[i])));
	if (p->doc_url)
		gs_buf_f(out, "Doc: %.*s\n", GS_FMT(gs_profile_str(p, p->doc_url)));
	gs_buf_f(out, "PeriodType: %.*s %.*s\n", GS_FMT(gs_profile_str(p, p->period_type.type)),
		 GS_FMT(gs_profile_str(p, p->period_type.unit)));
	gs_buf_f(out, "Period: %" PRId64 "\n", p->period);
	if (p->time_ns)
		write_time(out, p->time_ns);
	if (p->duration_ns)
		write_duration(out, p->duration_ns);
	gs_buf_z(out, "Samples:\n");
	for (uint32_t t = 0; t < p->n_types; t++) {
		gs_buf_f(out, "%s%.*s/%.*s", t ? " " : "", GS_FMT(gs_profile_str(p, p->types[t].type)),
			 GS_FMT(gs_profile_str(p, p->types[t].unit)));
		if (p->types[t].type == p->default_type)
			gs_buf_z(out, "[dflt]");
	}
	gs_buf_c(out, '\n');
	write_raw_samples(r, out);
	write_raw_locations(r, out);
	gs_buf_z(out, "Mappings\n");
	for (uint32_t i = 1; i < p->n_mappings; i++) {
		const gs_mapping *m = &p->mappings[i];

		gs_buf_f(out, "%" PRIu64 ": 0x%" PRIx64 "/0x%" PRIx64 "/0x%" PRIx64 " ", mapping_id(p, i), m->start, m->limit,
			 m->offset);
		gs_buf_str(out, gs_profile_str(p, m->file));
		gs_buf_c(out, ' ');
		gs_buf_str(out, gs_profile_str(p, m->build_id));
		gs_buf_f(out, " %s%s%s%s\n", m->has_functions ? "[FN]" : "", m->has_filenames ? "[FL]" : "",
			 m->has_line_numbers ? "[LN]" : "",
			 m->has_inline_frames && !r->query.noinlines ? "[IN]" : "");
	}
}
