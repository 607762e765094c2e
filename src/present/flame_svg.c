#include "present/flame_layout.h"

#include <inttypes.h>
#include <math.h>

#include "analysis/units.h"
#include "base/pool.h"
#include "present/markup.h"

extern const char gs_flame_js[], gs_flame_js_end[];

enum { ROW = GS_FLAME_ROW_PX, PAD = GS_FLAME_PAD_PX, HEAD = GS_FLAME_HEAD_PX, FOOT = 30 };
static const double char_width = 7.0;

static void value(gs_buf *out, const gs_flame *f, int64_t v)
{
	gs_unit_label(out, v, f->unit, GS_S("auto"));
}

static double percent(int64_t part, int64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* Frames have few distinct totals: a sample's, two samples'. printf of doubles was a quarter of the time of a large picture. */
enum { SHARES = 512 };
typedef struct share {
	int64_t value;
	char text[56];
	uint32_t n; /* 0: free */
} share;

/* A name as it stands in the picture: a large one has a hundred frames of each. */
typedef struct drawn_name {
	gs_str title, place; /* markup; "\nfile:line" or empty */
} drawn_name;

/* The last colour of a name, by the flags that it was for. */
typedef struct tint {
	uint32_t flags, rgb;
	bool is_known;
} tint;

typedef struct part {
	const gs_flame *f;
	const gs_flame_layout *l;
	const gs_flame_style *style;
	const drawn_name *names;
	tint *tints;
	uint32_t from, to;
	gs_buf out;
	share shares[SHARES];
} part;

/* "1.20s (3.40%)" */
static void total(part *p, int64_t v)
{
	share *s = &p->shares[gs_hash_u64((uint64_t)v) % SHARES];
	size_t start = p->out.n, n;

	if (s->n && s->value == v) {
		gs_buf_add(&p->out, s->text, s->n);
		return;
	}
	value(&p->out, p->f, v);
	gs_buf_f(&p->out, " (%.2f%%)", percent(v, p->f->root_total));
	n = p->out.n - start;
	if (n > sizeof(s->text) || p->out.bad)
		return;
	memcpy(s->text, p->out.p + start, n);
	s->value = v;
	s->n = (uint32_t)n;
}

static void tooltip(part *p, uint32_t i)
{
	const gs_flame *f = p->f;
	gs_buf *out = &p->out;

	if (f->flags[i] & GS_FLAME_INLINED)
		gs_buf_z(out, " (inlined)");
	gs_buf_c(out, '\n');
	total(p, f->total[i]);
	if (f->self[i]) {
		gs_buf_z(out, ", self ");
		value(out, f, f->self[i]);
	}
	if (f->base_total) {
		double change = percent(f->total[i] - f->base_total[i], f->base_total[i]);

		gs_buf_z(out, "\nbefore ");
		value(out, f, f->base_total[i]);
		if (!f->base_total[i])
			gs_buf_z(out, " (new)");
		else if (!f->total[i])
			gs_buf_z(out, " (gone)");
		else
			gs_buf_f(out, " (%+.2f%%)", change);
	}
	gs_buf_str(out, p->names[f->name[i]].place);
}

/* What is put where there is room for it: PIECE_MAX bytes and the name. */
enum { PIECE_MAX = 400, NUMBER_MAX = 32 };
#define PUT(at, literal) (memcpy((at), (literal), sizeof(literal) - 1), (at) += sizeof(literal) - 1)

static char *digits_at(char *at, uint64_t n, unsigned least)
{
	char z[NUMBER_MAX];
	size_t i = sizeof(z);

	for (; n || sizeof(z) - i < least; n /= 10)
		z[--i] = (char)('0' + n % 10);
	memcpy(at, z + i, sizeof(z) - i);
	return at + (sizeof(z) - i);
}

/* Behind the point, zeros at the end left out. */
static char *fraction_at(char *at, uint64_t n, unsigned digits)
{
	if (!n)
		return at;
	*at++ = '.';
	at = digits_at(at, n, digits);
	while (at[-1] == '0')
		at--;
	return at;
}

/* A number that is 0 or more with at most nine digits, or two, after the point. */
static char *share_at(char *at, double v)
{
	uint64_t n = v > 0 ? (uint64_t)(v * 1e9 + 0.5) : 0;

	return fraction_at(digits_at(at, n / 1000000000, 1), n % 1000000000, 9);
}

static char *pixels_at(char *at, double v)
{
	uint64_t n = v > 0 ? (uint64_t)(v * 1e2 + 0.5) : 0;

	return fraction_at(digits_at(at, n / 100, 1), n % 100, 2);
}

/* The part of a label that fits and still tells frames apart: the end of a Go name. */
static void label(gs_buf *out, const gs_flame_name *n, double px)
{
	size_t room = px > 6 ? (size_t)((px - 6) / char_width) : 0;
	gs_str s = n->name.n <= room ? n->name : n->short_name.n ? n->short_name : n->name;

	if (room < 3)
		return;
	if (s.n <= room) {
		gs_markup_text(out, s);
		return;
	}
	s.n = room - 1;
	while (s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
		s.n--; /* not inside a character */
	gs_markup_text(out, s);
	gs_buf_z(out, "…");
}

static char *colour_at(char *at, part *p, uint32_t i)
{
	const gs_flame *f = p->f;
	tint *t = &p->tints[f->name[i]];
	uint32_t rgb;

	/* In a difference it depends on the frame's values, else on the name and flags only; the root has a colour of its own. */
	if (f->base_total || f->parent[i] == GS_FLAME_NO_PARENT) {
		rgb = gs_flame_colour(f, i);
	} else {
		if (!t->is_known || t->flags != f->flags[i])
			*t = (tint){ f->flags[i], gs_flame_colour(f, i), true };
		rgb = t->rgb;
	}
	*at++ = '#';
	for (unsigned k = 0; k < 6; k++)
		*at++ = "0123456789abcdef"[rgb >> (20 - 4 * k) & 15];
	return at;
}

static void write_frame(part *own, uint32_t i)
{
	const gs_flame *f = own->f;
	const gs_flame_layout *l = own->l;
	const drawn_name *name = &own->names[f->name[i]];
	gs_buf *out = &own->out;
	double px = l->w[i] * l->inner_px;
	uint64_t y = GS_FLAME_HEAD_PX + (uint64_t)gs_flame_row(l, own->style, i) * ROW;
	uint32_t p = f->parent[i];
	char *at;

	if (!gs_buf_reserve(out, PIECE_MAX + name->title.n))
		return;
	at = out->p + out->n;
	if (f->flags[i] & GS_FLAME_INLINED)
		PUT(at, "<g class=\"in\" data-x=\"");
	else
		PUT(at, "<g data-x=\"");
	at = share_at(at, l->x[i]);
	PUT(at, "\" data-w=\"");
	at = share_at(at, l->w[i]);
	PUT(at, "\" data-d=\"");
	at = digits_at(at, l->depth[i], 1);
	PUT(at, "\" data-p=\"");
	if (p == GS_FLAME_NO_PARENT)
		*at++ = '-';
	at = digits_at(at, p == GS_FLAME_NO_PARENT ? 1 : l->index[p], 1);
	PUT(at, "\"><title>");
	if (name->title.n)
		memcpy(at, name->title.p, name->title.n);
	out->n = (size_t)(at - out->p) + name->title.n;
	tooltip(own, i);

	if (!gs_buf_reserve(out, PIECE_MAX))
		return;
	at = out->p + out->n;
	PUT(at, "</title><rect x=\"");
	at = pixels_at(at, PAD + l->x[i] * l->inner_px);
	PUT(at, "\" y=\"");
	at = digits_at(at, y, 1);
	PUT(at, "\" width=\"");
	at = pixels_at(at, fmax(px - 0.4, 0.2));
	PUT(at, "\" height=\"");
	at = digits_at(at, ROW - 1, 1);
	PUT(at, "\" fill=\"");
	at = colour_at(at, own, i);
	PUT(at, "\"/>");
	/* The script makes the others when they become wide enough. */
	if (px >= 6 + 3 * char_width) {
		PUT(at, "<text x=\"");
		at = pixels_at(at, PAD + l->x[i] * l->inner_px + 3);
		PUT(at, "\" y=\"");
		at = digits_at(at, y + ROW - 5, 1);
		PUT(at, "\">");
		out->n = (size_t)(at - out->p);
		label(out, &f->names[f->name[i]], px);
		gs_buf_z(out, "</text></g>\n");
	} else {
		PUT(at, "</g>\n");
		out->n = (size_t)(at - out->p);
	}
}

static void write_part(void *ctx, size_t k)
{
	part *p = (part *)ctx + k;

	for (uint32_t i = p->from; i < p->to; i++)
		if (p->l->index[i] != UINT32_MAX)
			write_frame(p, i);
}

static gs_str kept(gs_arena *mem, gs_buf *b)
{
	gs_str s = gs_str_dup(mem, gs_buf_view(b));

	b->n = 0;
	return s;
}

static drawn_name *draw_names(gs_arena *mem, const gs_flame *f, gs_buf *out)
{
	GS_AUTO(buf) b = { .max = SIZE_MAX };
	drawn_name *names = gs_new(mem, drawn_name, f->n_names);

	for (uint32_t i = 0; i < f->n_names; i++) {
		const gs_flame_name *n = &f->names[i];

		gs_markup_text(&b, n->name);
		names[i].title = kept(mem, &b);
		if (!n->file.n)
			continue;
		gs_buf_c(&b, '\n');
		gs_markup_text(&b, n->file);
		if (n->line)
			gs_buf_f(&b, ":%" PRId64, n->line);
		names[i].place = kept(mem, &b);
	}
	out->bad |= b.bad;
	return names;
}

/* In parts, by all processors: most of a large picture's time goes here. */
static void write_frames(const gs_flame *f, const gs_flame_layout *l, const gs_flame_style *style, gs_buf *out)
{
	enum { MIN_FRAMES = 4096, FRAME_BYTES = 300 };
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	uint32_t n = gs_pool_workers(0, f->n / MIN_FRAMES + 1);
	part *parts = gs_new(mem, part, n);
	drawn_name *names = draw_names(mem, f, out);
	size_t size = 4096; /* what comes behind the frames */

	for (uint32_t k = 0; k < n; k++) {
		uint32_t step = f->n / n, from = k * step;

		parts[k].f = f;
		parts[k].l = l;
		parts[k].style = style;
		parts[k].names = names;
		parts[k].tints = gs_new(mem, tint, f->n_names);
		parts[k].from = from;
		parts[k].to = k + 1 == n ? f->n : from + step;
		/* The first goes on where the head ends. */
		if (k)
			gs_buf_init(&parts[k].out, out->max);
		else
			parts[k].out = *out;
		if ((size_t)(parts[k].to - from) * FRAME_BYTES < out->max / 2)
			gs_buf_reserve(&parts[k].out, (size_t)(parts[k].to - from) * FRAME_BYTES);
	}
	gs_pool_run(n, n, write_part, parts);
	*out = parts[0].out;
	for (uint32_t k = 1; k < n; k++)
		size += parts[k].out.n;
	gs_buf_reserve(out, size);
	for (uint32_t k = 1; k < n; k++) {
		gs_buf_str(out, gs_buf_view(&parts[k].out));
		out->bad |= parts[k].out.bad;
		gs_buf_release(&parts[k].out);
	}
}

void gs_flame_write_svg(const gs_flame *f, const gs_flame_style *style, gs_buf *out)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	gs_flame_layout l = gs_flame_lay_out(mem, f, style);
	double width = l.width_px, inner = l.inner_px, height = HEAD + FOOT + (double)l.rows * ROW;

	gs_buf_f(out,
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
		 "data-width=\"%.0f\" data-pad=\"%d\" data-char=\"%g\">\n",
		 width, height, width, height, inner, PAD, char_width);
	gs_buf_z(out,
		 "<style>\n"
		 "svg{background:#fff}text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1b1f24}\n"
		 "#title{font:600 15px system-ui,sans-serif}.note{font:12px system-ui,sans-serif;fill:#57606a}\n"
		 ".act{font:12px system-ui,sans-serif;fill:#0a58ca;cursor:pointer}\n"
		 "#frames>g{cursor:pointer}#frames>g:hover rect{stroke:#1b1f24;stroke-width:.8}\n"
		 "#frames text{pointer-events:none}.above{opacity:.55}.hit rect{fill:#a32ad4!important}.hit text{fill:#fff}\n"
		 ".miss{opacity:.45}.in rect{stroke:#fff;stroke-width:.6;stroke-dasharray:2 2}\n"
		 "@media(prefers-color-scheme:dark){svg{background:#14171a}#title{fill:#e6e8ea}.note{fill:#9aa4ad}"
		 ".act{fill:#7db2ff}}\n"
		 "</style>\n<text id=\"title\" x=\"10\" y=\"22\">");
	gs_markup_text(out, style->title);
	gs_buf_z(out, "</text>\n<text class=\"note\" x=\"10\" y=\"38\">");
	gs_markup_text(out, style->subtitle);
	gs_buf_f(out,
		 "</text>\n<text class=\"act\" id=\"unzoom\" x=\"%.0f\" y=\"22\" style=\"display:none\">reset zoom</text>\n"
		 "<text class=\"act\" id=\"search\" x=\"%.0f\" y=\"22\">search (/)</text>\n"
		 "<text class=\"note\" id=\"detail\" x=\"10\" y=\"%.0f\"></text>\n"
		 "<text class=\"note\" id=\"matched\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\"></text>\n<g id=\"frames\">\n",
		 width - 190, width - 90, height - 10, width - 10, height - 10);
	write_frames(f, &l, style, out);
	gs_buf_z(out, "</g>\n<script><![CDATA[\n");
	gs_buf_add(out, gs_flame_js, (size_t)(gs_flame_js_end - gs_flame_js));
	gs_buf_z(out, "]]></script>\n</svg>\n");
}
