/*
 * profile.proto -> what gs_merger adds up without a trie (gs_merge_rows): the file's own tables, one to one. Several times
 * cheaper than a document, and all that a merge of thousands of files needs of each.
 */
#ifndef GS_LOAD_PPROF_ROWS_H
#define GS_LOAD_PPROF_ROWS_H

#include "format/pprof/pprof.h"
#include "load/load.h"

/* Stacks lie side by side here: big files, whose memory a trie keeps small, are to be loaded as others are. */
bool gs_pprof_rows_suit(const gs_pprof *pp);
/*
 * Fills doc->profile and doc->rows; the source's bytes may become the document's, and `pp` stays good then. True with rows NULL:
 * its stacks would make so many nodes that only a trie can tell.
 */
bool gs_pprof_rows(const gs_pprof *pp, gs_document *doc, gs_load_source *src, gs_err *err);

#endif
