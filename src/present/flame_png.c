#include "present/flame_layout.h"

#include <cairo.h>
#include <math.h>

#include "base/library.h"

enum { ROW = GS_FLAME_ROW_PX, PAD = GS_FLAME_PAD_PX, HEAD = GS_FLAME_HEAD_PX, FOOT = 12, CAIRO_MAX = 32767 };

static cairo_status_t to_buf(void *ctx, const unsigned char *p, unsigned n)
{
	gs_buf *out = ctx;

	gs_buf_add(out, p, n);
	return out->bad ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

/* cairo wants valid UTF-8 with a NUL: keep printable ASCII, everything else becomes '?'. Cut to what fits. */
static void draw_text(cairo_t *cr, gs_str s, double x, double y, double room_px)
{
	char z[512];
	size_t n = 0;
	cairo_text_extents_t e;

	for (size_t i = 0; i < s.n && n < sizeof(z) - 1; i++)
		z[n++] = s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '?';
	z[n] = 0;
	cairo_text_extents(cr, z, &e);
	if (e.x_advance > room_px && e.x_advance > 0) {
		size_t fits = (size_t)((double)n * room_px / e.x_advance);

		if (fits < 4)
			return;
		z[fits - 1] = 0;
		z[fits - 2] = z[fits - 3] = '.';
	}
	cairo_move_to(cr, x, y);
	cairo_show_text(cr, z);
}

static void set_colour(cairo_t *cr, uint32_t rgb)
{
	cairo_set_source_rgb(cr, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

bool gs_flame_write_png(const gs_flame *f, const gs_flame_style *style, gs_buf *out, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	gs_flame_layout l = gs_flame_lay_out(mem, f, style);
	double width = l.width_px, inner = l.inner_px, height = HEAD + FOOT + (double)l.rows * ROW;
	cairo_surface_t *surface;
	cairo_t *cr;
	cairo_status_t status;

	if (width > CAIRO_MAX || height > CAIRO_MAX)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
			       "a PNG of %.0f x %.0f pixels is too large (at most %d); use svg", width, height, CAIRO_MAX);
	if (!gs_library_load(GS_LIBRARY_CAIRO, err))
		return false;
	surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
	cr = cairo_create(surface);
	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_paint(cr);
	cairo_select_font_face(cr, "monospace", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cr, 15);
	cairo_set_source_rgb(cr, 0.1, 0.12, 0.14);
	draw_text(cr, style->title, PAD, 22, inner);
	cairo_set_font_size(cr, 12);
	draw_text(cr, style->subtitle, PAD, 38, inner);
	for (uint32_t i = 0; i < f->n; i++) {
		double left = PAD + l.x[i] * inner, w = l.w[i] * inner;
		double top = HEAD + (double)gs_flame_row(&l, style, i) * ROW;
		const gs_flame_name *n = &f->names[f->name[i]];

		if (l.index[i] == UINT32_MAX)
			continue;
		set_colour(cr, gs_flame_colour(f, i));
		cairo_rectangle(cr, left, top, fmax(w - 0.4, 0.2), ROW - 1);
		cairo_fill(cr);
		if (w > 20) {
			cairo_set_source_rgb(cr, 0.1, 0.12, 0.14);
			draw_text(cr, (double)n->name.n * 7.3 > w && n->short_name.n ? n->short_name : n->name,
				  left + 3, top + ROW - 5, w - 6);
		}
	}
	cairo_destroy(cr);
	status = cairo_surface_write_to_png_stream(surface, to_buf, out);
	cairo_surface_destroy(surface);
	if (status != CAIRO_STATUS_SUCCESS)
		return gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "cannot make the PNG: %s",
			       cairo_status_to_string(status));
	return true;
}
