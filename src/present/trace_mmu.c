#include "present/trace_mmu.h"

#include <math.h>

#include "base/json.h"
#include "present/trace.h"

/* Of all windows of a length: what 99.9, 99 and 95 % of them have at least, as go tool trace's page shows. */
static const double shares[] = { 0.001, 0.01, 0.05 };
enum { N_SHARES = sizeof(shares) / sizeof(*shares) };

/* What --time takes, and the end of the line. */
static void put_window(gs_buf *out, const gs_mmu_window *w)
{
	gs_trace_put_time(out, w->start_ns);
	gs_buf_z(out, "..");
	gs_trace_put_time(out, w->start_ns + w->window_ns);
	gs_buf_c(out, '\n');
}

void gs_mmu_text(const gs_mmu *m, const gs_mmu_window *worst, uint32_t n, gs_buf *out)
{
	gs_buf_f(out, "mean utilization %.2f%%\n", m->mean * 100);
	if (m->unknown_ns) {
		gs_buf_z(out, "of ");
		gs_trace_put_ns(out, m->unknown_ns, 0);
		gs_buf_z(out, " of the trace nobody knows (gaps): windows that touch them do not count\n");
	}
	gs_buf_z(out, "    window    least    99.9%      99%      95%\n");
	for (int64_t w = 1000; w < m->longest_ns; w *= 10) {
		gs_mmu_window at = gs_mmu_worst(m, w);

		gs_trace_put_ns(out, w, 10);
		double have[N_SHARES];

		gs_mmu_distribution(m, w, shares, N_SHARES, have);
		gs_buf_f(out, "%8.2f%%", fabs(at.util) * 100);
		for (unsigned i = 0; i < N_SHARES; i++)
			gs_buf_f(out, "%8.2f%%", have[i] * 100);
		gs_buf_z(out, "  --time ");
		put_window(out, &at);
	}
	if (!n)
		return;
	gs_buf_z(out, "\nworst windows of ");
	gs_trace_put_ns(out, worst[0].window_ns, 0);
	gs_buf_c(out, '\n');
	for (uint32_t i = 0; i < n; i++) {
		gs_buf_f(out, "%10.2f%%  --time ", fabs(worst[i].util) * 100);
		put_window(out, &worst[i]);
	}
}

/* With the distribution where it is asked for. */
static void window_json(gs_json *j, const gs_mmu *m, const gs_mmu_window *w)
{
	double have[N_SHARES];

	gs_json_object(j);
	gs_json_ki64(j, "window_ns", w->window_ns);
	gs_json_kf64(j, "utilization", fabs(w->util));
	gs_json_ki64(j, "start_ns", w->start_ns);
	if (m) {
		gs_mmu_distribution(m, w->window_ns, shares, N_SHARES, have);
		gs_json_key(j, "distribution");
		gs_json_array(j);
		for (unsigned i = 0; i < N_SHARES; i++)
			gs_json_f64(j, have[i]);
		gs_json_array_end(j);
	}
	gs_json_object_end(j);
}

void gs_mmu_json(const gs_mmu *m, const gs_mmu_window *worst, uint32_t n, gs_buf *out)
{
	gs_json j = gs_json_to(out);

	gs_json_object(&j);
	gs_json_kf64(&j, "mean", m->mean);
	gs_json_ki64(&j, "unknown_ns", m->unknown_ns);
	gs_json_key(&j, "shares");
	gs_json_array(&j);
	for (unsigned i = 0; i < N_SHARES; i++)
		gs_json_f64(&j, shares[i]);
	gs_json_array_end(&j);
	gs_json_key(&j, "curve");
	gs_json_array(&j);
	for (unsigned i = 0; i < 100; i++) {
		int64_t w = (int64_t)llround(1000 * pow(10, i / 10.0));
		gs_mmu_window at;

		if (w >= m->longest_ns)
			break;
		at = gs_mmu_worst(m, w);
		window_json(&j, m, &at);
	}
	gs_json_array_end(&j);
	gs_json_key(&j, "worst");
	gs_json_array(&j);
	for (uint32_t i = 0; i < n; i++)
		window_json(&j, NULL, &worst[i]);
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}
