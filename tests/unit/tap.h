/*
 * A small TAP harness. TEST(name) { CHECK(x); } registers itself; main prints TAP. Arguments are substrings: run what matches.
 */
#ifndef GS_TESTS_TAP_H
#define GS_TESTS_TAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

typedef struct tap_test {
	const char *name;
	void (*run)(void);
	struct tap_test *next;
} tap_test;

void tap_register(tap_test *t);
void tap_check(bool ok, const char *text, const char *file, int line);
void tap_check_i64(int64_t got, int64_t want, const char *text, const char *file, int line);
void tap_check_str(gs_str got, gs_str want, const char *text, const char *file, int line);
/* Say why the rest of this test cannot run here. */
void tap_skip(const char *why);
/* Path of a file under tests/. Static storage, one at a time. */
const char *tap_data(const char *name);

#define TEST(fn)                                                             \
	static void fn(void);                                                \
	__attribute__((constructor)) static void fn##_register(void)         \
	{                                                                    \
		static tap_test t = { #fn, fn, NULL };                       \
		tap_register(&t);                                            \
	}                                                                    \
	static void fn(void)
#define CHECK(x) tap_check((x), #x, __FILE__, __LINE__)
#define CHECK_INT(got, want) tap_check_i64((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)
#define CHECK_STR(got, want) tap_check_str((got), (want), #got, __FILE__, __LINE__)

#endif
