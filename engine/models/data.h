#ifndef CLV_ENGINE_MODELS_DATA_H
#define CLV_ENGINE_MODELS_DATA_H

#include <stdbool.h>

#include "comm/blocks.h"

/** Distinct purchase histories with multiplicity, this rank's blocks of the portfolio's global order
 *  (segment, x, t_x, T ascending). Arrays [blocks.last - blocks.first], borrowed. */
typedef struct clv_cells {
  clv_blocks      blocks;
  const uint32_t *segment; /* NULL: one segment */
  const uint32_t *x;
  const double   *t_x;
  const double   *T;
  const uint32_t *count;     /* NULL: all one */
  size_t          n_segment; /* >= 1 */
  bool            pooled;    /* segments are drawn from a population that is learned: partial pooling */
} clv_cells;

/** The repeat purchasers' spend, this rank's blocks of the portfolio in customer order; rows that do not
 * inform the spend model are left out before (min_transactions). Arrays borrowed. */
typedef struct clv_spends {
  clv_blocks      blocks;
  const uint32_t *segment; /* NULL: one segment */
  const uint32_t *x;       /* >= 1 */
  const double   *mean;    /* mean repeat spend in currency, > 0 */
  size_t          n_segment;
  double          rescale_factor; /* amounts are divided by it inside the model, undone in what is reported */
  bool            pooled;         /* as in clv_cells */
} clv_spends;

/** A user's prior: replaces the default of the named parameter. */
typedef struct clv_prior_text {
  const char *name; /* "r" */
  const char *text; /* "lognormal(0, 1)" */
} clv_prior_text;

typedef struct clv_prior_texts {
  const clv_prior_text *item;
  size_t                n;
} clv_prior_texts;

#endif
