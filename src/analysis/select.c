#include "analysis/select.h"

#include "analysis/filter.h"
#include "analysis/labels.h"
#include "analysis/view.h"
#include "base/buf.h"
#include "base/pool.h"
#include "base/re.h"

/* Whether a regular expression matches the texts of a profile: by string, by function, by mapping. Asked once each. */
typedef struct matcher {
	const gs_profile *p;
	const gs_re *re;
	uint8_t *functions; /* name or file */
	uint8_t *mappings;  /* file */
	bool name_only;	    /* functions: the simplified name alone, never empty */
} matcher;

enum { CHUNK = 1024 };

/* Go's and C++'s argument lists are not part of a name: cut at the first '(' that is none of C++'s own. */
static gs_str simplify(gs_str name)
{
	static const char *const own[] = { "(anonymous namespace)", "operator()" };
	size_t at = 0;

	if (name.n && name.p[0] == '.')
		name = gs_str_skip(name, 1);
	while (at < name.n) {
		gs_str rest = gs_str_skip(name, at);

		if (gs_str_starts(rest, gs_str_of(own[0]))) {
			at += strlen(own[0]);
		} else if (gs_str_starts(rest, gs_str_of(own[1]))) {
			at += strlen(own[1]);
		} else if (name.p[at] == '(') {
			return gs_str_slice(name, 0, at);
		} else {
			at++;
		}
	}
	return name;
}

static void match_chunk(void *ctx, size_t chunk)
{
	matcher *m = ctx;
	const gs_profile *p = m->p;
	uint32_t end = (uint32_t)(chunk + 1) * CHUNK;

	for (uint32_t f = (uint32_t)chunk * CHUNK; f < end && f < p->n_functions; f++) {
		gs_str name = gs_profile_str(p, p->functions[f].name);

		if (f == 0)
			continue;
		if (m->name_only)
			m->functions[f] = name.n && gs_re_match(m->re, simplify(name));
		else
			m->functions[f] = gs_re_match(m->re, name) ||
					  gs_re_match(m->re, gs_profile_str(p, p->functions[f].file));
	}
}

static bool matcher_init(matcher *m, gs_arena *mem, const gs_profile *p, const char *option, gs_str pattern,
			 bool name_only, gs_err *err)
{
	*m = (matcher){ .p = p, .name_only = name_only };
	if (pattern.n == 0)
		return true;
	m->re = gs_re_compile(mem, pattern, err);
	if (!m->re)
		return gs_err_context(err, "parsing %s regexp", option);
	m->functions = gs_try_new(mem, uint8_t, p->n_functions);
	m->mappings = gs_try_new(mem, uint8_t, p->n_mappings);
	if (!m->functions || !m->mappings)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for filters");
	gs_pool_run(p->n_functions < 4 * CHUNK ? 1 : 0, (p->n_functions + CHUNK - 1) / CHUNK, match_chunk, m);
	for (uint32_t i = 1; i < p->n_mappings && !name_only; i++)
		m->mappings[i] = gs_re_match(m->re, gs_profile_str(p, p->mappings[i].file));
	return true;
}

static bool match_frame(const matcher *m, const gs_frame *f)
{
	return f->function && m->functions[f->function];
}

static bool match_location(const matcher *m, const gs_location *l)
{
	for (uint32_t i = 0; i < l->n_frames; i++)
		if (match_frame(m, &m->p->frames[l->first_frame + i]))
			return true;
	return l->mapping && m->mappings[l->mapping];
}

/* What a location means to the filters. */
enum {
	LOC_FOCUSED = 1,
	LOC_IGNORED = 2,
	LOC_HIDDEN = 4,	     /* no line is left */
	LOC_SHOW_FROM = 8,
	LOC_PRUNE_FROM = 16, /* stacks end here */
	LOC_DROP = 32,	     /* drop_frames: this location and all below go */
	LOC_DROP_BELOW = 64, /* drop_frames: all below go */
};

/* What a node knows of the stack above it. */
enum {
	ST_FOCUSED = 1,
	ST_IGNORED = 2,
	ST_VISIBLE = 4,
	ST_SHOW_FROM = 8,
	ST_USER = 16, /* drop_frames: a frame that stays was seen */
	ST_CUT = 32,
	ST_CUT_BELOW = 64, /* becomes ST_CUT at the next location */
};

typedef struct work {
	gs_arena *mem;
	const gs_profile *p;
	const gs_query *q;
	gs_selection *sel;
	matcher focus, ignore, hide, show, show_from, prune_from, drop, keep;
	uint8_t *loc;	/* LOC_... by location */
	uint8_t *state; /* ST_... by node */
	bool by_name;	/* any of focus, ignore, hide, show */
	bool any_hidden, focus_hit, ignore_hit, hide_hit, show_hit, show_from_hit;
} work;

static void drop_location(work *w, uint32_t id)
{
	const gs_location *l = &w->p->locations[id];

	for (uint32_t i = l->n_frames; i-- > 0;) {
		const gs_frame *f = &w->p->frames[l->first_frame + i];

		if (!match_frame(&w->drop, f) || (w->keep.re && match_frame(&w->keep, f)))
			continue;
		if (i + 1 == l->n_frames) {
			w->loc[id] |= LOC_DROP;
		} else {
			w->loc[id] |= LOC_DROP_BELOW;
			for (uint32_t k = 0; k <= i; k++)
				w->sel->frame[l->first_frame + k] = 0;
		}
		return;
	}
}

static void filter_by_name(work *w, uint32_t id)
{
	const gs_location *l = &w->p->locations[id];
	uint8_t *frame = &w->sel->frame[l->first_frame];
	const gs_frame *f = &w->p->frames[l->first_frame];
	bool no_lines = l->n_frames == 1 && f->function == 0;

	if (w->ignore.re && match_location(&w->ignore, l)) {
		w->loc[id] |= LOC_IGNORED;
		w->ignore_hit = true;
	} else if (!w->focus.re || match_location(&w->focus, l)) {
		w->loc[id] |= LOC_FOCUSED;
		w->focus_hit = true;
	}
	if (w->hide.re && match_location(&w->hide, l)) {
		bool all = l->mapping && w->hide.mappings[l->mapping];
		uint32_t left = 0;

		w->hide_hit = true;
		for (uint32_t i = 0; i < l->n_frames; i++) {
			if (all || match_frame(&w->hide, &f[i]))
				frame[i] = 0;
			left += frame[i];
		}
		if (!left)
			w->loc[id] |= LOC_HIDDEN;
	}
	if (w->show.re) {
		bool all = l->mapping && w->show.mappings[l->mapping];
		uint32_t left = 0;

		for (uint32_t i = 0; i < l->n_frames; i++) {
			if (!all && f[i].function && !match_frame(&w->show, &f[i]))
				frame[i] = 0;
			left += frame[i];
		}
		if (!left || no_lines)
			w->loc[id] |= LOC_HIDDEN;
		else
			w->show_hit = true;
	}
	w->any_hidden = w->any_hidden || (w->loc[id] & LOC_HIDDEN);
}

static void filter_show_from(work *w, uint32_t id)
{
	const gs_location *l = &w->p->locations[id];
	uint8_t *frame = &w->sel->frame[l->first_frame];

	if (l->mapping && w->show_from.mappings[l->mapping]) {
		w->loc[id] |= LOC_SHOW_FROM;
		w->show_from_hit = true;
		return;
	}
	for (uint32_t i = l->n_frames; i-- > 0;) {
		if (!frame[i] || !match_frame(&w->show_from, &w->p->frames[l->first_frame + i]))
			continue;
		for (uint32_t k = i + 1; k < l->n_frames; k++)
			frame[k] = 0;
		w->loc[id] |= LOC_SHOW_FROM;
		w->show_from_hit = true;
		return;
	}
}

static void filter_prune_from(work *w, uint32_t id)
{
	const gs_location *l = &w->p->locations[id];
	uint8_t *frame = &w->sel->frame[l->first_frame];

	for (uint32_t i = 0; i < l->n_frames; i++) {
		if (!frame[i] || !match_frame(&w->prune_from, &w->p->frames[l->first_frame + i]))
			continue;
		for (uint32_t k = 0; k < i; k++)
			frame[k] = 0;
		w->loc[id] |= LOC_PRUNE_FROM;
		return;
	}
}

static void mark_inlined(work *w, uint32_t id)
{
	const gs_location *l = &w->p->locations[id];
	bool outermost = true;

	for (uint32_t i = l->n_frames; i-- > 0;) {
		uint8_t *frame = &w->sel->frame[l->first_frame + i];

		if (!*frame)
			continue;
		if (!outermost)
			*frame = w->q->noinlines ? 0 : GS_SHOWN | GS_SHOWN_INLINED;
		outermost = false;
	}
}

static bool needs_state(const work *w)
{
	return w->by_name || w->show_from.re || w->prune_from.re || w->drop.re;
}

static void filter_locations(work *w)
{
	memset(w->sel->frame, GS_SHOWN, w->p->n_frames);
	for (uint32_t id = 1; id < w->p->n_locations; id++) {
		if (w->drop.re)
			drop_location(w, id);
		if (w->by_name)
			filter_by_name(w, id);
		if (w->show_from.re)
			filter_show_from(w, id);
		if (w->prune_from.re)
			filter_prune_from(w, id);
		mark_inlined(w, id);
	}
}

/* One pass from callers to callees. */
static void walk_nodes(work *w, uint32_t *cut)
{
	const gs_profile *p = w->p;
	uint8_t *hidden = w->sel->node;

	for (uint32_t n = 1; n < p->n_nodes; n++) {
		uint32_t parent = p->nodes[n].parent, frame = p->nodes[n].frame;
		uint32_t id = p->frames[frame].location;
		const gs_location *l = &p->locations[id];
		uint8_t loc = w->loc[id], st = w->state[parent];

		if (frame == l->first_frame + l->n_frames - 1) { /* a new location */
			if (st & ST_CUT_BELOW)
				st |= ST_CUT;
			if (!(loc & (LOC_DROP | LOC_DROP_BELOW)))
				st |= ST_USER;
			else if (!(st & ST_USER))
				;
			else if (loc & LOC_DROP)
				st |= ST_CUT;
			else
				st |= ST_CUT_BELOW;
		}
		if (!(st & ST_CUT)) {
			if (loc & LOC_FOCUSED)
				st |= ST_FOCUSED;
			if (loc & LOC_IGNORED)
				st |= ST_IGNORED;
			if (!(loc & LOC_HIDDEN)) {
				st |= ST_VISIBLE;
				if (loc & LOC_SHOW_FROM)
					st |= ST_SHOW_FROM;
			}
		}
		w->state[n] = st;
		if (hidden)
			hidden[n] = (st & ST_CUT) || (w->show_from.re && !(st & ST_SHOW_FROM)) ||
				    (loc & LOC_HIDDEN);
		if (cut) {
			bool ends = (loc & LOC_PRUNE_FROM) && !(loc & LOC_HIDDEN) && !(st & ST_CUT) &&
				    (!w->show_from.re || (st & ST_SHOW_FROM));

			cut[n] = ends ? n : cut[parent] ? cut[parent] : 0;
		}
	}
}

static bool select_samples(work *w, const uint32_t *cut, gs_err *err)
{
	const gs_profile *p = w->p;
	gs_selection *sel = w->sel;
	gs_tag_filter *focus = NULL, *ignore = NULL;
	bool focus_hit = false, ignore_hit = false, stateful = needs_state(w);
	gs_filter_bound *filter = NULL;
	uint32_t type = 0;
	uint8_t *by_set = NULL; /* 1 computed, 2 focused, 4 ignored */

	if (w->q->tagfocus.n) {
		focus = gs_tag_filter_compile(w->mem, "tagfocus", w->q->tagfocus, p, err);
		if (!focus)
			return false;
	}
	if (w->q->tagignore.n) {
		ignore = gs_tag_filter_compile(w->mem, "tagignore", w->q->tagignore, p, err);
		if (!ignore)
			return false;
	}
	sel->n_samples = p->n_samples;
	for (int i = 0; i < 2; i++) {
		gs_str range = i ? ignore ? gs_tag_filter_range(ignore) : (gs_str){ 0 } :
			       focus ? gs_tag_filter_range(focus) : (gs_str){ 0 };

		if (range.n) {
			sel->range_option[sel->n_ranges] = i ? "tagignore" : "tagfocus";
			sel->range_text[sel->n_ranges++] = range;
		}
	}
	if (w->q->filter.n) {
		gs_filter *parsed = gs_filter_parse(w->mem, w->q->filter, err);

		filter = parsed ? gs_filter_bind(w->mem, parsed, p, err) : NULL;
		if (!filter || !gs_sample_index(p, w->q->sample_index, &type, err))
			return false;
	}
	if (!stateful && !focus && !ignore && !filter)
		return true;
	sel->sample_node = gs_try_new(w->mem, uint32_t, p->n_samples);
	by_set = gs_try_new(w->mem, uint8_t, p->n_label_sets);
	if (!sel->sample_node || !by_set)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for filters");
	sel->n_samples = 0;
	for (uint32_t s = 0; s < p->n_samples; s++) {
		uint32_t node = p->sample_node[s], set = p->sample_labels[s];
		uint8_t st = stateful ? w->state[node] : 0;

		sel->sample_node[s] = GS_NO_ID;
		if (w->by_name && ((st & ST_IGNORED) || !(st & ST_FOCUSED) || (w->any_hidden && !(st & ST_VISIBLE))))
			continue;
		if (w->show_from.re && !(st & ST_SHOW_FROM))
			continue;
		if (focus || ignore) {
			if (!by_set[set])
				by_set[set] = (uint8_t)(1 |
							(!focus || gs_tag_filter_match(focus, p->label_sets[set]) ? 2 :
														   0) |
							(ignore && gs_tag_filter_match(ignore, p->label_sets[set]) ? 4 :
														    0));
			focus_hit = focus_hit || (by_set[set] & 2);
			ignore_hit = ignore_hit || (by_set[set] & 4);
			if (!(by_set[set] & 2) || (by_set[set] & 4))
				continue;
		}
		if (filter && !gs_filter_match(filter, s, type))
			continue;
		sel->sample_node[s] = cut && cut[node] ? cut[node] : node;
		sel->n_samples++;
	}
	if (filter && !sel->n_samples)
		sel->unmatched[sel->n_unmatched++] = "Filter";
	if (focus && !focus_hit)
		sel->unmatched[sel->n_unmatched++] = "TagFocus";
	if (ignore && !ignore_hit)
		sel->unmatched[sel->n_unmatched++] = "TagIgnore";
	return true;
}

static bool hide_labels(work *w, gs_err *err)
{
	const gs_profile *p = w->p;
	gs_re *show = NULL, *hide = NULL;
	uint8_t *by_key;
	bool show_hit = false, hide_hit = false;

	if (w->q->tagshow.n && !(show = gs_re_compile(w->mem, w->q->tagshow, err)))
		return gs_err_context(err, "parsing %s regexp", "tagshow");
	if (w->q->taghide.n && !(hide = gs_re_compile(w->mem, w->q->taghide, err)))
		return gs_err_context(err, "parsing %s regexp", "taghide");
	if (!show && !hide)
		return true;
	w->sel->label = gs_try_new(w->mem, uint8_t, p->n_labels);
	by_key = gs_try_new(w->mem, uint8_t, p->strings.n);
	if (!w->sel->label || !by_key)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for filters");
	for (uint32_t i = 0; i < p->n_labels; i++) {
		uint32_t key = p->labels[i].key;

		if (!by_key[key]) {
			bool shown = !show || gs_re_match(show, gs_profile_str(p, key));
			bool hidden = hide && gs_re_match(hide, gs_profile_str(p, key));

			show_hit = show_hit || shown;
			hide_hit = hide_hit || hidden;
			by_key[key] = !shown || hidden ? 2 : 1;
		}
		w->sel->label[i] = by_key[key] == 2;
	}
	if (show && !show_hit)
		w->sel->unmatched[w->sel->n_unmatched++] = "TagShow";
	if (hide && !hide_hit)
		w->sel->unmatched[w->sel->n_unmatched++] = "TagHide";
	return true;
}

static bool compile(work *w, gs_err *err)
{
	const gs_query *q = w->q;
	const gs_profile *p = w->p;
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 20);
	if (p->drop_frames) {
		gs_str drop = gs_profile_str(p, p->drop_frames), keep = gs_profile_str(p, p->keep_frames);
		gs_err ignored;

		/* A profile's own broken expression does not make it unreadable. */
		gs_buf_f(&b, "^(%.*s)$", GS_FMT(drop));
		if (!matcher_init(&w->drop, w->mem, p, "drop_frames", gs_buf_view(&b), true, &ignored))
			w->drop.re = NULL;
		b.n = 0;
		gs_buf_f(&b, "^(%.*s)$", GS_FMT(keep));
		if (keep.n && !matcher_init(&w->keep, w->mem, p, "keep_frames", gs_buf_view(&b), true, &ignored))
			w->keep.re = NULL;
	}
	return matcher_init(&w->focus, w->mem, p, "focus", q->focus, false, err) &&
	       matcher_init(&w->ignore, w->mem, p, "ignore", q->ignore, false, err) &&
	       matcher_init(&w->hide, w->mem, p, "hide", q->hide, false, err) &&
	       matcher_init(&w->show, w->mem, p, "show", q->show, false, err) &&
	       matcher_init(&w->show_from, w->mem, p, "show_from", q->show_from, false, err) &&
	       matcher_init(&w->prune_from, w->mem, p, "prune_from", q->prune_from, true, err);
}

static void note_unmatched(work *w)
{
	gs_selection *sel = w->sel;

	if (w->focus.re && !w->focus_hit)
		sel->unmatched[sel->n_unmatched++] = "Focus";
	if (w->ignore.re && !w->ignore_hit)
		sel->unmatched[sel->n_unmatched++] = "Ignore";
	if (w->hide.re && !w->hide_hit)
		sel->unmatched[sel->n_unmatched++] = "Hide";
	if (w->show.re && !w->show_hit)
		sel->unmatched[sel->n_unmatched++] = "Show";
	if (w->show_from.re && !w->show_from_hit)
		sel->unmatched[sel->n_unmatched++] = "ShowFrom";
}

gs_selection *gs_select(gs_arena *mem, const gs_profile *p, const gs_query *q, gs_err *err)
{
	/* Working columns are not part of the answer. */
	gs_arena *scratch = gs_arena_create(UINT64_MAX);
	work w = { .mem = mem, .p = p, .q = q };
	uint32_t *cut = NULL;
	bool ok = false;

	w.sel = gs_new(mem, gs_selection, 1);
	w.sel->profile = p;
	w.sel->frame = gs_try_new(mem, uint8_t, p->n_frames);
	w.loc = gs_try_new(scratch, uint8_t, p->n_locations);
	if (!w.sel->frame || !w.loc)
		goto limit;
	if (!compile(&w, err))
		goto out;
	w.by_name = w.focus.re || w.ignore.re || w.hide.re || w.show.re;
	filter_locations(&w);
	note_unmatched(&w);
	if (needs_state(&w)) {
		w.state = gs_try_new(scratch, uint8_t, p->n_nodes);
		if (w.prune_from.re)
			cut = gs_try_new(scratch, uint32_t, p->n_nodes);
		if (w.show_from.re || w.drop.re || w.any_hidden)
			w.sel->node = gs_try_new(mem, uint8_t, p->n_nodes);
		if (!w.state || (w.prune_from.re && !cut) ||
		    ((w.show_from.re || w.drop.re || w.any_hidden) && !w.sel->node))
			goto limit;
		walk_nodes(&w, cut);
	}
	ok = select_samples(&w, cut, err) && hide_labels(&w, err);
	goto out;
limit:
	gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for filters");
out:
	gs_arena_free(scratch);
	return ok ? w.sel : NULL;
}
