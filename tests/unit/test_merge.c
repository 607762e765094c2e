#include "load/merge.h"
#include "pb.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A profile with one stack main.f and the given sample types, all with the value and the unit; period 100 cpu/unit. */
static void write_as(gs_buf *out, const char *const *types, uint64_t n_types, const char *unit, int64_t value, uint64_t time)
{
	GS_AUTO(buf) m = { .max = 1000 };
	gs_buf b;

	gs_buf_init(&b, 1 << 20);
	for (uint64_t t = 0; t < n_types; t++)
		PB(&b, 1, 1u, 3 + t, 2u, U(1));
	pb_u64(&b, 9, time);
	pb_u64(&b, 10, 5);
	PB(&b, 3, 1u, U(1), 2u, U(0x1000) * (time + 1), 3u, U(0x1000) * (time + 2));
	pb_u64(&m, 1, 7);
	pb_u64(&m, 2, 1);
	pb_u64(&m, 3, 0x1000 * (time + 1) + 16);
	PB(&m, 4, 1u, U(1), 2u, U(9));
	pb_bytes(&b, 4, gs_buf_view(&m));
	PB(&b, 5, 1u, U(1), 2u, U(2));
	m.n = 0;
	pb_u64(&m, 1, 7);
	for (uint64_t t = 0; t < n_types; t++)
		pb_u64(&m, 2, (uint64_t)value);
	pb_bytes(&b, 2, gs_buf_view(&m));
	pb_strings(&b, (const char *const[]){ "", unit, "main.f" }, 3);
	pb_strings(&b, types, n_types);
	if (strcmp(unit, "count") != 0) {
		PB(&b, 11, 1u, U(3), 2u, U(1));
		pb_u64(&b, 12, 100);
	}
	*out = b;
}

static gs_document *make_as(const char *const *types, uint64_t n_types, int64_t value, uint64_t time,
			    const gs_load_options *options)
{
	GS_AUTO(buf) b = { 0 };
	gs_err err = { 0 };
	gs_document *doc;

	write_as(&b, types, n_types, "count", value, time);
	doc = gs_load_bytes(gs_buf_view(&b), GS_S("test"), options, NULL, &err);
	if (!doc)
		CHECK_INT(err.code, GS_ERR_LIMIT);
	return doc;
}

static gs_document *make(const char *const *types, uint64_t n_types, int64_t value, uint64_t time)
{
	gs_document *doc = make_as(types, n_types, value, time, NULL);

	CHECK(doc != NULL);
	if (!doc)
		abort();
	return doc;
}

static const char *const ab[] = { "a", "b" }, *const ba[] = { "b", "a" }, *const c[] = { "c" };

TEST(equal_stacks_at_other_addresses_of_the_same_mapping_are_one)
{
	GS_AUTO(document) *x = make(ab, 2, 3, 4), *y = make(ab, 2, 5, 2);
	gs_err err;
	GS_AUTO(document) *sum = gs_merge_documents((const gs_document *const[]){ x, y }, 2, NULL, 0, NULL, &err);

	CHECK(sum != NULL);
	if (!sum)
		return;
	CHECK_INT(sum->profile->n_samples, 1);
	CHECK_INT(sum->profile->n_locations, 2);
	CHECK_INT(sum->profile->n_mappings, 2);
	CHECK_INT(sum->profile->values[1][0], 8);
	CHECK_INT(sum->profile->time_ns, 2);
	CHECK_INT(sum->profile->duration_ns, 10);
	CHECK_INT(sum->profile->locations[1].file_id, 1);
}

TEST(only_types_in_common_are_kept_with_a_warning)
{
	GS_AUTO(document) *x = make(ab, 2, 3, 1), *y = make(ba + 1, 1, 5, 1), *z = make(c, 1, 1, 1);
	gs_err err;
	GS_AUTO(document) *sum = gs_merge_documents((const gs_document *const[]){ x, y }, 2, NULL, 0, NULL, &err);

	CHECK(sum && sum->profile->n_types == 1 && sum->profile->n_warnings == 1);
	if (sum)
		CHECK_INT(sum->profile->values[0][0], 8);
	CHECK(gs_merge_documents((const gs_document *const[]){ x, z }, 2, NULL, 0, NULL, &err) == NULL);
	CHECK_INT(err.code, GS_ERR_USAGE);
}

TEST(a_base_is_taken_away_and_what_becomes_nothing_goes)
{
	GS_AUTO(document) *x = make(ab, 2, INT64_MAX, 1), *y = make(ab, 2, 5, 1);
	const gs_document *xs[] = { x }, *ys[] = { y };
	gs_merge_options diff = { .is_diff_base = true }, norm = { .normalize = true };
	gs_err err;
	GS_AUTO(document) *none = gs_merge_documents(xs, 1, xs, 1, NULL, &err);
	GS_AUTO(document) *less = gs_merge_documents(ys, 1, xs, 1, NULL, &err);
	GS_AUTO(document) *apart = gs_merge_documents(ys, 1, xs, 1, &diff, &err);
	GS_AUTO(document) *equal = gs_merge_documents(ys, 1, ys, 1, &norm, &err);

	CHECK(none && none->profile->n_samples == 0 && none->profile->n_locations == 1);
	CHECK(less && less->profile->n_samples == 1 && less->profile->values[0][0] == 5 - INT64_MAX);
	CHECK(apart && apart->profile->n_samples == 2 && apart->profile->n_label_sets == 2);
	CHECK(equal && equal->profile->n_samples == 0);
}

static const gs_load_options for_merging = { .for_merging = true };

TEST(documents_for_merging_only_add_up_to_the_same)
{
	GS_AUTO(document) *x = make_as(ab, 2, 3, 4, &for_merging), *y = make_as(ab, 2, 5, 2, &for_merging);
	GS_AUTO(document) *z = make_as(ba, 2, 7, 3, &for_merging), *zero = make_as(ab, 2, 0, 9, &for_merging);
	gs_err err;
	GS_AUTO(document) *sum =
		gs_merge_documents((const gs_document *const[]){ x, y, z, zero }, 4, NULL, 0, NULL, &err);

	CHECK(x && x->rows && x->profile->n_nodes == 0);
	CHECK(sum && !sum->rows);
	if (!sum)
		return;
	CHECK_INT(sum->profile->n_samples, 1);
	CHECK_INT(sum->profile->n_locations, 2);
	CHECK_INT(sum->profile->n_functions, 2);
	CHECK_INT(sum->profile->n_mappings, 2);
	CHECK_INT(sum->profile->n_nodes, 2);
	CHECK_INT(sum->profile->values[0][0], 15);
	CHECK_INT(sum->profile->values[1][0], 15);
	CHECK(gs_str_eq(gs_profile_str(sum->profile, sum->profile->functions[1].name), GS_S("main.f")));
}

TEST(every_allocation_of_documents_for_merging_may_fail)
{
	bool ok = false;

	for (uint64_t k = 1; k < 500 && !ok; k++) {
		gs_err err = { 0 };
		gs_document *x, *y, *sum = NULL;

		gs_alloc_fail_after(k);
		x = make_as(ab, 2, 3, 4, &for_merging);
		y = make_as(ba, 2, 5, 2, &for_merging);
		if (x && y) {
			sum = gs_merge_documents((const gs_document *const[]){ x, y }, 2, NULL, 0, NULL, &err);
			ok = sum != NULL;
			if (!sum)
				CHECK_INT(err.code, GS_ERR_LIMIT);
		}
		gs_alloc_fail_after(0);
		gs_document_close(x);
		gs_document_close(y);
		gs_document_close(sum);
	}
	CHECK(ok);
}

static void fail_each_allocation(const gs_merge_options *options)
{
	GS_AUTO(document) *x = make(ab, 2, 3, 4), *y = make(ba, 2, 5, 2);
	bool ok = false;

	for (uint64_t k = 1; k < 500 && !ok; k++) {
		gs_err err = { 0 };
		gs_document *sum;

		gs_alloc_fail_after(k);
		sum = gs_merge_documents((const gs_document *const[]){ x, y }, 2, NULL, 0, options, &err);
		gs_alloc_fail_after(0);
		ok = sum != NULL;
		if (!sum)
			CHECK_INT(err.code, GS_ERR_LIMIT);
		gs_document_close(sum);
	}
	CHECK(ok);
}

TEST(every_allocation_may_fail)
{
	fail_each_allocation(NULL);
	fail_each_allocation(&(gs_merge_options){ .for_writing = true });
}

static const char *const cpu[] = { "cpu" };

static gs_document *make_in(const char *unit, int64_t value, uint64_t time)
{
	GS_AUTO(buf) b = { 0 };
	gs_err err;
	gs_document *doc;

	write_as(&b, cpu, 1, unit, value, time);
	doc = gs_load_bytes(gs_buf_view(&b), GS_S("test"), NULL, NULL, &err);
	CHECK(doc != NULL);
	if (!doc)
		abort();
	return doc;
}

static void check_units(const char *first, const char *second, const char *unit, int64_t value, int64_t period)
{
	GS_AUTO(document) *x = make_in(first, 7, 1), *y = make_in(second, 5, 1);
	gs_err err = { 0 };
	GS_AUTO(document) *sum = gs_merge_documents((const gs_document *const[]){ x, y }, 2, NULL, 0, NULL, &err);

	CHECK(sum != NULL);
	if (!sum)
		return;
	CHECK_STR(gs_profile_str(sum->profile, sum->profile->types[0].unit), gs_str_of(unit));
	CHECK_INT(sum->profile->n_samples, 1);
	CHECK_INT(sum->profile->values[0][0], value);
	CHECK_INT(sum->profile->period, period);
	CHECK_STR(gs_profile_str(sum->profile, sum->profile->period_type.unit), gs_str_of(unit));
}

TEST(units_that_convert_become_the_finest)
{
	check_units("milliseconds", "nanoseconds", "nanoseconds", 7000005, 100000000);
	check_units("nanoseconds", "milliseconds", "nanoseconds", 5000007, 100000000);
	check_units("kB", "bytes", "bytes", 7 * 1024 + 5, 102400);
	check_units("bytes", "MB", "bytes", 5 * 1048576 + 7, 104857600);
	check_units("us", "microseconds", "us", 12, 100); /* other words for the same */
}

TEST(units_that_do_not_convert)
{
	GS_AUTO(document) *x = make_in("bytes", 7, 1), *y = make_in("ms", 5, 1);
	gs_err err;

	CHECK(gs_merge_documents((const gs_document *const[]){ x, y }, 2, NULL, 0, NULL, &err) == NULL);
	CHECK_INT(err.code, GS_ERR_USAGE);
}

TEST(units_of_a_difference)
{
	GS_AUTO(document) *x = make_in("ms", 7, 1), *y = make_in("ns", 2000000, 1);
	const gs_merge_options normalize = { .normalize = true };
	gs_err err;
	GS_AUTO(document) *d = gs_merge_documents((const gs_document *const[]){ x }, 1, (const gs_document *const[]){ y }, 1, NULL, &err);
	GS_AUTO(document) *n = gs_merge_documents((const gs_document *const[]){ y }, 1, (const gs_document *const[]){ x }, 1, &normalize, &err);

	CHECK(d && d->profile->n_samples == 1 && d->profile->values[0][0] == 5000000);
	/* Scaled to the base's seven milliseconds, nothing is left. */
	CHECK(n && n->profile->n_samples == 0);
}

TEST(units_of_files)
{
	static const char *const units[] = { "ms", "us", "s", "ns", "ms" };
	gs_str paths[5];
	char names[5][40];
	gs_err err = { 0 };

	for (unsigned i = 0; i < 5; i++) {
		GS_AUTO(buf) b = { 0 };
		int fd;

		snprintf(names[i], sizeof(names[i]), "/tmp/gospect-test-XXXXXX");
		fd = mkstemp(names[i]);
		write_as(&b, cpu, 1, units[i], 3, 1);
		CHECK(fd >= 0 && gs_fd_write(fd, gs_buf_view(&b), &err));
		close(fd);
		paths[i] = gs_str_of(names[i]);
	}
	for (unsigned rows = 0; rows < 2; rows++) {
		GS_AUTO(document) *sum = gs_merge_files(paths, 5, &(gs_load_options){ .for_merging = rows }, NULL, NULL, NULL, &err);

		CHECK(sum != NULL);
		if (!sum)
			continue;
		CHECK_STR(gs_profile_str(sum->profile, sum->profile->types[0].unit), GS_S("ns"));
		CHECK_INT(sum->profile->values[0][0], 3006003003);
	}
	for (unsigned i = 0; i < 5; i++)
		unlink(names[i]);
}
