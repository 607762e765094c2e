#include "analysis/slope.h"

#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

/* Up to here the number of orders with a given S is counted, beyond it S is normal. */
enum { EXACT_MAX = 40 };

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a trend");
}

static double normal_beyond(double z)
{
	return erfc(z / sqrt(2.0)) / 2;
}

/* z that a normal variable stays within, in both directions, with this probability. */
static double normal_within(double probability)
{
	double low = 0, high = 40;

	for (int i = 0; i < 100; i++) {
		double mid = (low + high) / 2;

		if (1 - 2 * normal_beyond(mid) < probability)
			low = mid;
		else
			high = mid;
	}
	return (low + high) / 2;
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The k-th smallest, from 0; the list is partly sorted. */
static double select_at(double *list, uint32_t n, uint32_t k)
{
	uint32_t from = 0, to = n - 1;

	while (from < to) {
		double pivot = list[from + (to - from) / 2];
		uint32_t i = from, j = to;

		for (;;) {
			double t;

			while (list[i] < pivot)
				i++;
			while (list[j] > pivot)
				j--;
			if (i >= j)
				break;
			t = list[i];
			list[i++] = list[j];
			list[j--] = t;
		}
		if (k <= j)
			to = j;
		else
			from = j + 1;
	}
	return list[k];
}

static double median(double *list, uint32_t n)
{
	double upper = select_at(list, n, n / 2);

	return n % 2 ? upper : (upper + select_at(list, n, n / 2 - 1)) / 2;
}

static int sign(double x)
{
	return x > 0 ? 1 : x < 0 ? -1 : 0;
}

/* Sum over groups of equal values of t (t - 1) (2 t + 5); `sorted` is scratch. */
static double ties(const double *values, double *sorted, uint32_t n)
{
	double sum = 0;

	memcpy(sorted, values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_number);
	for (uint32_t i = 0; i < n;) {
		uint32_t j = i;
		double t;

		while (j < n && !(sorted[j] > sorted[i]))
			j++;
		t = (double)(j - i);
		sum += t * (t - 1) * (2 * t + 5);
		i = j;
	}
	return sum;
}

/* Probability of |S| or more in an order by chance: the number of orders of n with k inversions, taken further one element at a time. */
static double exact_p(uint32_t n, int64_t s)
{
	double share[EXACT_MAX * (EXACT_MAX - 1) / 2 + 1] = { 1 }, next[EXACT_MAX * (EXACT_MAX - 1) / 2 + 1];
	uint32_t pairs = n * (n - 1) / 2, inversions = (uint32_t)((int64_t)pairs - llabs(s)) / 2;
	double p = 0;

	for (uint32_t m = 2, top = 0; m <= n; m++) {
		double window = 0;

		top += m - 1;
		for (uint32_t k = 0; k <= top; k++) {
			window += k <= top - (m - 1) ? share[k] : 0;
			if (k >= m)
				window -= share[k - m];
			next[k] = window / m;
		}
		memcpy(share, next, (top + 1) * sizeof(*share));
	}
	for (uint32_t k = 0; k <= inversions; k++)
		p += share[k];
	return s == 0 || 2 * p > 1 ? 1 : 2 * p;
}

static double product(const double *a, const double *b, uint32_t n)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Take out of `list` what `of` explains; `of` stays. */
static void take_out(double *list, const double *of, uint32_t n)
{
	double size = product(of, of, n), share = size > 0 ? product(list, of, n) / size : 0;

	for (uint32_t i = 0; i < n; i++)
		list[i] -= share * of[i];
}

/*
 * Correlation of neighbours in what a parabola leaves over; 0 unless it is more than chance. A line would leave the bend of growth that
 * gains or loses pace, which is growth all the same. `left` is room for 4 n numbers.
 */
static double likeness(const double *at, const double *values, uint32_t n, double *left)
{
	double *one = left + n, *line = one + n, *bend = line + n, most = 0, all, next, r;

	for (uint32_t i = 0; i < n; i++) {
		double x = (at[i] - at[0]) / (at[n - 1] - at[0]);

		left[i] = values[i];
		one[i] = 1;
		line[i] = x;
		bend[i] = x * x;
		most = fmax(most, fabs(values[i]));
	}
	take_out(line, one, n);
	take_out(bend, one, n);
	take_out(bend, line, n);
	take_out(left, one, n);
	take_out(left, line, n);
	take_out(left, bend, n);
	all = product(left, left, n);
	next = product(left, left + 1, n - 1);
	/* Less is the rounding of numbers. */
	r = all > 1e-18 * most * most * n ? next / all : 0;
	return r > (1.645 * sqrt((double)n - 2) - 1) / ((double)n - 1) ? r : 0;
}

/* How much larger the variance of S is when neighbours are so much alike. */
static double inflation(double r, uint32_t n)
{
	double sum = 0, power = 1;

	for (uint32_t k = 1; k < n; k++) {
		power *= r;
		sum += (1 - (double)k / n) * power;
	}
	return 1 + 2 * sum;
}

static double index_within(double x, uint32_t n)
{
	return x < 0 ? 0 : x > n - 1 ? n - 1 : x;
}

static void judge(gs_slope *f, double *slopes, uint32_t n_slopes, const double *values, double *scratch, int64_t s, double confidence)
{
	double n = f->n, tied = ties(values, scratch, f->n);
	double variance = (n * (n - 1) * (2 * n + 5) - tied) / 18 * inflation(f->alike, f->n);
	double reach = normal_within(confidence) * sqrt(variance > 0 ? variance : 0);

	f->low = select_at(slopes, n_slopes, (uint32_t)index_within(floor((n_slopes - reach) / 2) - 1, n_slopes));
	f->high = select_at(slopes, n_slopes, (uint32_t)index_within(ceil((n_slopes + reach) / 2), n_slopes));
	if (!(tied > 0) && !(f->alike > 0) && f->n <= EXACT_MAX)
		f->p = exact_p(f->n, s);
	else if (variance > 0 && s != 0)
		f->p = 2 * normal_beyond(((double)llabs(s) - 1) / sqrt(variance));
	f->p = f->p > 1 ? 1 : f->p;
}

bool gs_slope_fit(const double *at, const double *values, uint32_t n, double confidence, gs_slope *out, gs_err *err)
{
	uint32_t n_slopes = 0;
	int64_t s = 0;
	double *slopes, *scratch;

	*out = (gs_slope){ .low = -INFINITY, .high = INFINITY, .p = 1, .n = n, .level = n ? values[0] : 0 };
	if (n < 2)
		return true;
	slopes = gs_alloc_should_fail() ? NULL : calloc((size_t)n * (n - 1) / 2 + 4 * (size_t)n, sizeof(*slopes));
	if (!slopes)
		return no_memory(err);
	scratch = slopes + (size_t)n * (n - 1) / 2;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = i + 1; j < n; j++) {
			s += sign(values[j] - values[i]);
			slopes[n_slopes++] = (values[j] - values[i]) / (at[j] - at[i]);
		}
	out->slope = median(slopes, n_slopes);
	out->alike = n >= GS_SLOPE_MIN ? likeness(at, values, n, scratch) : 0;
	for (uint32_t i = 0; i < n; i++)
		scratch[i] = values[i] - out->slope * (at[i] - at[0]);
	out->level = median(scratch, n);
	if (n >= GS_SLOPE_MIN)
		judge(out, slopes, n_slopes, values, scratch, s, confidence);
	free(slopes);
	return true;
}

double gs_slope_additive(const double *at, const double *values, uint32_t n)
{
	double mean_at = 0, mean = 0, up = 0, down = 0;

	for (uint32_t i = 0; i < n; i++) {
		mean_at += at[i] / n;
		mean += values[i] / n;
	}
	for (uint32_t i = 0; i < n; i++) {
		up += (at[i] - mean_at) * (values[i] - mean);
		down += (at[i] - mean_at) * (at[i] - mean_at);
	}
	return down > 0 ? up / down : 0;
}

typedef struct ranked {
	double p;
	uint32_t at;
} ranked;

static int by_p(const void *a, const void *b)
{
	double x = ((const ranked *)a)->p, y = ((const ranked *)b)->p;

	return x < y ? -1 : x > y;
}

bool gs_slope_adjust(double *p, uint32_t n, gs_err *err)
{
	ranked *r = gs_alloc_should_fail() ? NULL : calloc(n + 1u, sizeof(*r));
	double lowest = 1;

	if (!r)
		return no_memory(err);
	for (uint32_t i = 0; i < n; i++)
		r[i] = (ranked){ p[i], i };
	qsort(r, n, sizeof(*r), by_p);
	for (uint32_t i = n; i-- > 0;) {
		double q = r[i].p * n / (i + 1);

		lowest = q < lowest ? q : lowest;
		p[r[i].at] = lowest;
	}
	free(r);
	return true;
}
