#ifndef CLV_ENGINE_MODELS_DATA_H
#define CLV_ENGINE_MODELS_DATA_H

#include <stdbool.h>

#include "../../comm/blocks.h" /* relative: a plug-in is compiled without -I, see plugin.h */

/** What covariates act on. */
typedef enum clv_acts_on { CLV_ON_PURCHASES, CLV_ON_DROPOUT, CLV_ON_SPEND, CLV_ON_N } clv_acts_on;

/** "purchases", "dropout", "spend": their coefficients are gamma_purchases and so on. */
const char *clv_acts_on_name(clv_acts_on on);

/** The variables' names begin so; their dimension is this, with "_dropout" behind it where only some of the
 * covariates act on dropout. */
#define CLV_GAMMA "gamma_"
#define CLV_COVARIATE_DIMENSION "covariate"

/** Most columns of covariates. */
enum { CLV_COLUMN_MAX = 128 };

/** Covariates of rows, coded: numbers less their mean, in standard deviations; indicators as they are. Arrays
 * borrowed. */
typedef struct clv_covariates {
  size_t          n, n_all;           /* columns here; covariates of the portfolio */
  const double   *value;              /* [rows][n] */
  const double   *scale;              /* [n] a coefficient over it is one per unit of the user's column */
  size_t          n_column[CLV_ON_N]; /* which columns act on what */
  const uint32_t *column[CLV_ON_N];
} clv_covariates;

/** Distinct purchase histories with multiplicity, this rank's blocks of the portfolio's global order
 *  (segment, covariates, x, t_x, T ascending). Arrays [blocks.last - blocks.first], borrowed. */
typedef struct clv_cells {
  clv_blocks            blocks;
  const uint32_t       *segment; /* NULL: one segment */
  const uint32_t       *x;
  const double         *t_x;
  const double         *T;
  const uint32_t       *count;      /* NULL: all one */
  size_t                n_segment;  /* >= 1 */
  const clv_covariates *covariates; /* NULL: none */
  bool                  pooled; /* segments are drawn from a population that is learned: partial pooling */
} clv_cells;

/** The repeat purchasers' spend, this rank's blocks of the portfolio in customer order; rows that do not
 * inform the spend model are left out before (min_transactions). Arrays borrowed. */
typedef struct clv_spends {
  clv_blocks      blocks;
  const uint32_t *segment; /* NULL: one segment */
  const uint32_t *x;       /* >= 1 */
  const double   *mean;    /* mean repeat spend in currency, > 0 */
  const double
      *mean_log; /* gamma_value: mean of the logs; then x and mean are those of the positive amounts; NULL */
  size_t n_segment;
  double rescale_factor; /* amounts are divided by it inside the model, undone in what is reported */
  bool   pooled;         /* as in clv_cells */
  const clv_covariates *covariates; /* NULL: none */
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
