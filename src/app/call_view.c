#include "app/call_view.h"

#include "analysis/trace_profile.h"
#include "app/select_args.h"
#include "app/view_cache.h"

bool gs_call_query(const gs_op_call *call, gs_query *q, gs_err *err)
{
	unsigned n;
	const gs_str *texts = gs_call_list(call, "transform", &n);
	gs_transform *transforms = gs_new(call->mem, gs_transform, n);

	gs_query_init(q);
	q->sample_index = gs_call_str(call, "sample-index");
	if (gs_op_find_arg(call->op, GS_S("unit"))) {
		q->unit = gs_call_str(call, "unit");
		q->normalize = gs_call_bool(call, "normalize");
		q->relative_percentages = gs_call_bool(call, "relative-percentages");
	}
	if (gs_op_find_arg(call->op, GS_S("mean"))) {
		q->mean = gs_call_bool(call, "mean");
		if (q->mean && call->n_bases)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--mean is of one profile: the difference of two means is no mean");
		if (!(gs_call_float(call, "divide-by") > 0))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--divide-by needs a number above 0");
	}
	q->focus = gs_call_str(call, "focus");
	q->ignore = gs_call_str(call, "ignore");
	q->hide = gs_call_str(call, "hide");
	q->show = gs_call_str(call, "show");
	q->show_from = gs_call_str(call, "show-from");
	q->prune_from = gs_call_str(call, "prune-from");
	q->tagfocus = gs_call_str(call, "tagfocus");
	q->tagignore = gs_call_str(call, "tagignore");
	q->tagshow = gs_call_str(call, "tagshow");
	q->taghide = gs_call_str(call, "taghide");
	q->filter = gs_call_str(call, "filter");
	q->tagroot = gs_call_str(call, "tagroot");
	q->tagleaf = gs_call_str(call, "tagleaf");
	q->by_creation = gs_call_bool(call, "creation");
	q->noinlines = gs_call_bool(call, "noinlines");
	for (unsigned i = 0; i < n; i++)
		if (!gs_transform_parse(texts[i], &transforms[i], err))
			return false;
	q->transforms = transforms;
	q->n_transforms = n;
	if (!gs_call_trace_query(call, &q->trace, err))
		return false;
	return gs_granularity_parse(gs_call_str(call, "granularity"), &q->granularity, err);
}

bool gs_call_is_of_profile(const gs_op_call *call)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_err err;

	return gs_call_query(call, q, &err) && gs_trace_query_is_all(&q->trace) && !q->by_creation && !q->each_sample && !q->filter.n;
}

static const gs_view *call_view(const gs_op_call *call, const gs_query *q, bool with_trie, gs_err *err)
{
	unsigned n = call->n_docs + call->n_bases;
	gs_view_input *in = gs_new(call->mem, gs_view_input, n);

	for (unsigned i = 0; i < n; i++) {
		bool is_base = i >= call->n_docs;

		const gs_document *d = is_base ? call->bases[i - call->n_docs] : call->docs[i];

		in[i] = (gs_view_input){ .profile = d->profile, .timeline = d->timeline, .is_base = is_base };
	}
	/* Kept views have their trie: other questions to the same view want it. */
	if (call->views)
		return gs_view_cache_get(call->views, call->mem, in, n, q, err);
	return with_trie ? gs_view_build(call->mem, in, n, q, err) : gs_view_build_keys(call->mem, in, n, q, err);
}

const gs_view *gs_call_view(const gs_op_call *call, const gs_query *q, gs_err *err)
{
	return call_view(call, q, true, err);
}

const gs_view *gs_call_view_keys(const gs_op_call *call, const gs_query *q, gs_err *err)
{
	return call_view(call, q, false, err);
}

const gs_profile *gs_call_first_profile(const gs_op_call *call, gs_query *q, gs_err *err)
{
	const gs_document *d = call->docs[0];
	const gs_trace_query part = q->trace;
	gs_trace_selection *s;

	if (gs_trace_query_is_all(&part))
		return d->profile;
	if (!d->timeline) {
		gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s is no execution trace: there is no part of it to take", GS_FMT(d->path));
		return NULL;
	}
	q->trace = (gs_trace_query){ 0 };
	s = gs_trace_select(call->mem, d->timeline, d->profile, &part, err);
	return s ? gs_trace_profile(call->mem, s, false, err) : NULL;
}
