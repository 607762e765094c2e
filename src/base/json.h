/*
 * gs_json: the one JSON writer. Commas, quoting and escaping are its job: names from inputs are hostile.
 * Output is valid UTF-8 whatever comes in (broken bytes become U+FFFD); '<', '>', '&' and U+2028/9 are escaped so
 * that the text may stand inside a page.
 */
#ifndef GS_BASE_JSON_H
#define GS_BASE_JSON_H

#include "base/buf.h"

/* Call trees nest two levels a frame. */
#define GS_JSON_MAX_DEPTH 4096u

typedef struct gs_json {
	gs_buf *out;
	unsigned depth; /* below GS_JSON_MAX_DEPTH */
	bool after_key;
	uint64_t has_item[GS_JSON_MAX_DEPTH / 64]; /* one bit a level: a comma is due */
} gs_json;

static inline gs_json gs_json_to(gs_buf *out)
{
	return (gs_json){ .out = out };
}

void gs_json_object(gs_json *j);
void gs_json_object_end(gs_json *j);
void gs_json_array(gs_json *j);
void gs_json_array_end(gs_json *j);
void gs_json_key(gs_json *j, const char *key);
void gs_json_key_str(gs_json *j, gs_str key);
void gs_json_str(gs_json *j, gs_str s);
void gs_json_i64(gs_json *j, int64_t v);
void gs_json_u64(gs_json *j, uint64_t v);
/* Shortest text that reads back as the same double; null when not finite. */
void gs_json_f64(gs_json *j, double v);
void gs_json_bool(gs_json *j, bool v);
void gs_json_null(gs_json *j);
/* A value that this writer made earlier, as it stands. */
void gs_json_raw(gs_json *j, gs_str value);

/* key and value in one go */
void gs_json_kstr(gs_json *j, const char *key, gs_str s);
void gs_json_ki64(gs_json *j, const char *key, int64_t v);
void gs_json_ku64(gs_json *j, const char *key, uint64_t v);
void gs_json_kf64(gs_json *j, const char *key, double v);
void gs_json_kbool(gs_json *j, const char *key, bool v);

/* Next UTF-8 character of *s taken off; U+FFFD for a broken byte. s->n must not be 0. For writers that escape. */
uint32_t gs_utf8_next(gs_str *s);
void gs_utf8_put(gs_buf *out, uint32_t c);

#endif
