#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/re.h"

#include <pcre2.h>

#include "base/banned.h"

struct gs_re {
	pcre2_code *code;
	pcre2_match_context *limits;
	gs_str pattern;
};

static void re_free(void *ctx)
{
	gs_re *re = ctx;

	pcre2_match_context_free(re->limits);
	pcre2_code_free(re->code);
}

gs_re *gs_re_compile(gs_arena *mem, gs_str pattern, gs_err *err)
{
	int code;
	PCRE2_SIZE at;
	/* UTF without a check of the subject: names are bytes that we did not choose. */
	pcre2_code *c = pcre2_compile((PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.n,
				      PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY |
					      PCRE2_NEVER_BACKSLASH_C,
				      &code, &at, NULL);
	gs_re *re;

	if (!c) {
		PCRE2_UCHAR why[120];

		pcre2_get_error_message(code, why, sizeof(why));
		gs_fail(err, GS_ERR_USAGE, at, "regular expression \"%.*s\": %s at character %zu",
			GS_FMT(pattern), (const char *)why, (size_t)at);
		return NULL;
	}
	pcre2_jit_compile(c, PCRE2_JIT_COMPLETE); /* without it matching is only slower */
	re = gs_new(mem, gs_re, 1);
	re->code = c;
	re->limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(re->limits, 100000);
	pcre2_set_depth_limit(re->limits, 1000);
	re->pattern = gs_str_dup(mem, pattern);
	gs_arena_on_free(mem, re_free, re);
	return re;
}

bool gs_re_find(const gs_re *re, gs_str subject, size_t *from, size_t *to)
{
	pcre2_match_data *m = pcre2_match_data_create(1, NULL);
	int rc = m ? pcre2_match(re->code, (PCRE2_SPTR)(subject.p ? subject.p : ""), subject.n, 0, 0, m,
				 re->limits) :
		     -1;

	if (rc >= 0) {
		const PCRE2_SIZE *v = pcre2_get_ovector_pointer(m);

		*from = v[0];
		*to = v[1];
	}
	pcre2_match_data_free(m);
	return rc >= 0;
}

bool gs_re_match(const gs_re *re, gs_str subject)
{
	size_t from, to;

	return gs_re_find(re, subject, &from, &to);
}

gs_str gs_re_pattern(const gs_re *re)
{
	return re->pattern;
}
