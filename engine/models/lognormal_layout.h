#ifndef CLV_ENGINE_MODELS_LOGNORMAL_LAYOUT_H
#define CLV_ENGINE_MODELS_LOGNORMAL_LAYOUT_H

#include "comm/status.h"
#include "engine/models/data.h"
#include "engine/models/lognormal_amounts.h"
#include "engine/models/lognormal_grid.h"

/** How a rank's histories are laid out so that they share what they can: lattices, the parts over log mu of
 * one time, terms. A function of the data alone. */

enum { CLV_LOGNORMAL_TERMS = 4096 /* most of a piece */, CLV_LOGNORMAL_WIDTH = 8 /* of a term's moments */ };

/** Terms of one time and kind in one chunk, for which the part over log mu is computed once. */
typedef struct clv_lognormal_run {
  size_t first, last; /* terms */
} clv_lognormal_run;

/** Runs of one chunk on one lattice. */
typedef struct clv_lognormal_group {
  size_t first, last; /* runs */
  size_t reach;       /* whose lattice */
} clv_lognormal_group;

/** Records whose customers have one prior: they share segment, covariates and what amounts tell. */
typedef struct clv_lognormal_chunk {
  size_t                first, last; /* records */
  size_t                first_count; /* their counts, filled up with zeros to a multiple of 8 */
  size_t                first_group, last_group;
  double                n_customer;
  double                log_most; /* sum over customers of the larger of their terms' `most` */
  clv_lognormal_amounts amounts;  /* of one customer; but ss, summed over customers */
} clv_lognormal_chunk;

/** Chunks that may share lattices: their priors differ in the means alone. A record's terms are numbered from
 * first_term, and fit a buffer. */
typedef struct clv_lognormal_piece {
  size_t first, last; /* chunks, at most CLV_LOGNORMAL_TERMS / 2 */
  size_t first_term;
  size_t first_reach, last_reach;
  size_t segment;
} clv_lognormal_piece;

/** A growing array. */
typedef struct clv_lognormal_list {
  void  *item; /* owned */
  size_t n, room;
} clv_lognormal_list;

typedef struct clv_lognormal_layout {
  size_t             n_segment, n_block, n_column;
  size_t            *block_piece; /* owned [n_block + 1] */
  clv_lognormal_list record, count, term, run, group, chunk, reach, piece;
  clv_lognormal_list w; /* covariates [n_column] of each chunk */
} clv_lognormal_layout;

/** Not collective. @param cells  borrowed only during the call, as
 *  @param amounts  one for each cell, whose count is then 1; NULL: spend is not modelled
 *  @param[out] out  zeroed before; to be released whatever is returned */
clv_status clv_lognormal_layout_make(const clv_cells *cells, const clv_lognormal_amounts *amounts,
                                     clv_lognormal_layout *out);
void       clv_lognormal_layout_free(clv_lognormal_layout *self);

#endif
