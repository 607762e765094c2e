/* For targets whose format has a loader: load the input as that format and walk every id of the document. */
#ifndef GS_FUZZ_LOAD_H
#define GS_FUZZ_LOAD_H

#include <stdlib.h>

#include "fuzz.h"
#include "load/load.h"

static inline void fuzz_expect(bool ok)
{
	if (!ok)
		abort();
}

static inline void fuzz_walk(const gs_document *doc)
{
	const gs_profile *p = doc->profile;

	fuzz_expect(p && p->n_types >= 1 && p->n_types <= GS_MAX_SAMPLE_TYPES);
	for (uint32_t i = 1; i < p->n_nodes; i++)
		fuzz_expect(p->nodes[i].parent < i && p->nodes[i].frame < p->n_frames);
	for (uint32_t i = 1; i < p->n_frames; i++)
		fuzz_expect(p->frames[i].function < p->n_functions &&
			    p->frames[i].location < p->n_locations);
	for (uint32_t i = 1; i < p->n_functions; i++)
		fuzz_expect(p->functions[i].name < p->strings.n &&
			    p->functions[i].file < p->strings.n);
	for (uint32_t i = 1; i < p->n_locations; i++)
		fuzz_expect(p->locations[i].mapping < p->n_mappings &&
			    p->locations[i].n_frames > 0);
	for (uint32_t i = 0; i < p->n_labels; i++)
		fuzz_expect(p->labels[i].key < p->strings.n && p->labels[i].str < p->strings.n);
	for (uint32_t i = 0; i < p->n_samples; i++)
		fuzz_expect(p->sample_node[i] < p->n_nodes &&
			    p->sample_labels[i] < p->n_label_sets);
	for (uint32_t i = 0; doc->goroutines && i < doc->goroutines->n; i++) {
		const gs_goroutine *g = &doc->goroutines->list[i];

		fuzz_expect(g->node < p->n_nodes && g->labels < p->n_label_sets &&
			    g->creator < p->n_frames && g->state < p->strings.n &&
			    g->args < p->strings.n);
	}
}

static inline void fuzz_load(const char *format, const uint8_t *data, size_t size)
{
	static const gs_str name = { "input", 5 };
	gs_load_options options = { .format = format,
				    .keep_addresses = true,
				    .max_bytes = (uint64_t)16 << 20 };
	gs_err err = { 0 };
	GS_AUTO(document) *doc =
		gs_load_bytes((gs_str){ (const char *)data, size }, name, &options, NULL, &err);

	if (doc)
		fuzz_walk(doc);
	else
		fuzz_expect(err.code != GS_ERR_NONE && err.text[0]);
}

#endif
