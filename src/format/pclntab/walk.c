/* pc-value tables: pairs of varints, how much the value changes (zigzag) and for how many instructions it then holds. */
#include "format/pclntab/pclntab.h"

#include "base/banned.h"

enum {
	MARKS = sizeof(((gs_pclntab_walk *)0)->marks) / sizeof(*((gs_pclntab_walk *)0)->marks),
	MARK_BYTES = 128,
};

/* LEB128, at most 5 bytes. The end of the table reads as 0, which ends every walk. */
static uint32_t long_varint(const unsigned char **p, const unsigned char *end)
{
	uint32_t v = 0;

	for (unsigned shift = 0; shift < 35 && *p < end; shift += 7) {
		unsigned char b = *(*p)++;

		v |= (uint32_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	return 0;
}

static inline uint32_t varint(const unsigned char **p, const unsigned char *end)
{
	const unsigned char *at = *p;

	if (end - at < 2)
		return long_varint(p, end);
	if (at[0] < 0x80) {
		*p = at + 1;
		return at[0];
	}
	if (at[1] < 0x80) {
		*p = at + 2;
		return (at[0] & 0x7fu) | (uint32_t)at[1] << 7;
	}
	return long_varint(p, end);
}

void gs_pclntab_walk_start(gs_pclntab_walk *w, uint32_t table, uint64_t entry)
{
	w->table = table;
	w->entry = entry;
	w->at = table;
	w->from = w->until = 0;
	w->value = UINT32_MAX;
	w->is_over = false;
	w->n_marks = 0;
	w->mark_bytes = MARK_BYTES;
}

static void set_mark(gs_pclntab_walk *w, uint64_t at, uint64_t until, uint32_t value)
{
	if (w->n_marks && at < w->marks[w->n_marks - 1].at + w->mark_bytes)
		return;
	if (w->n_marks == MARKS) { /* keep every other */
		for (unsigned i = 0; i < MARKS / 2; i++)
			w->marks[i] = w->marks[2 * i];
		w->n_marks = MARKS / 2;
		w->mark_bytes *= 2;
	}
	w->marks[w->n_marks].at = at;
	w->marks[w->n_marks].until = until;
	w->marks[w->n_marks++].value = value;
}

static void go_back(gs_pclntab_walk *w, uint64_t want)
{
	unsigned i = w->n_marks;

	while (i > 0 && w->marks[i - 1].until > want)
		i--;
	w->is_over = false;
	w->at = i ? w->marks[i - 1].at : w->table;
	w->from = w->until = i ? w->marks[i - 1].until : 0;
	w->value = i ? w->marks[i - 1].value : UINT32_MAX;
}

/*
 * One pair after the other, by guesses of the processor. Two ways to do it for several pairs at once were slower: half of the
 * pairs have a change of two bytes, and then where the next pair starts has to be waited for.
 */
static void go_on(const gs_pclntab *t, gs_pclntab_walk *w, uint64_t want)
{
	const unsigned char *start = (const unsigned char *)t->pcs.p, *p = start + w->at, *end = start + t->pcs.n;
	const unsigned char *mark = (w->n_marks ? start + w->marks[w->n_marks - 1].at : p) + w->mark_bytes;
	uint64_t until = w->until, from = w->from;
	uint32_t value = w->value;

	/* Every turn eats bytes, and behind the end all reads as zero. */
	do {
		bool is_first = p == start + w->table;
		uint32_t change = varint(&p, end);

		/* The first change may be zero; a later one ends the table. */
		if (change == 0 && (!is_first || p == end)) {
			w->is_over = true;
			from = until;
			break;
		}
		from = until;
		until += (uint64_t)varint(&p, end) * t->quantum;
		value += -(change & 1) ^ (change >> 1);
		if (p >= mark) {
			set_mark(w, (uint64_t)(p - start), until, value);
			mark = p + w->mark_bytes;
		}
	} while (want >= until);
	w->at = (uint64_t)(p - start);
	w->from = from;
	w->until = until;
	w->value = value;
}

int32_t gs_pclntab_walk_to(const gs_pclntab *t, gs_pclntab_walk *w, uint64_t pc)
{
	uint64_t want = pc - w->entry;

	if (w->table == 0 || w->table >= t->pcs.n)
		return -1;
	if (want < w->from)
		go_back(w, want);
	if (want >= w->until && !w->is_over)
		go_on(t, w, want);
	return want < w->until ? (int32_t)w->value : -1;
}

int32_t gs_pclntab_value(const gs_pclntab *t, uint32_t table, uint64_t entry, uint64_t pc, uint64_t *until)
{
	gs_pclntab_walk w;
	int32_t value;

	gs_pclntab_walk_start(&w, table, entry);
	value = gs_pclntab_walk_to(t, &w, pc);
	if (until && w.until > pc - entry)
		*until = entry + w.until;
	return value;
}
