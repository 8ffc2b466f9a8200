#ifndef CLV_ENGINE_MODELS_LOGNORMAL_TERMS_H
#define CLV_ENGINE_MODELS_LOGNORMAL_TERMS_H

#include "comm/status.h"
#include "engine/models/coefficients.h"
#include "engine/models/data.h"
#include "engine/models/lognormal_amounts.h"
#include "engine/models/lognormal_segments.h"

/** A rank's distinct histories as mixtures of distinct terms. Constant after its constructor; about 120 bytes
 * a history and less where histories share terms, 500 where each has covariates or amounts of its own,
 * whatever the grid. */
typedef struct clv_lognormal_terms clv_lognormal_terms;

/** Not collective. @param cells  borrowed only during the call, as
 *  @param amounts  one for each cell, whose count is then 1; NULL: spend is not modelled */
clv_status clv_lognormal_terms_new(const clv_cells *cells, const clv_lognormal_amounts *amounts,
                                   clv_lognormal_terms **out);
void       clv_lognormal_terms_free(clv_lognormal_terms **self);

size_t clv_lognormal_terms_n_block(const clv_lognormal_terms *self);

/** One chain's point. Borrowed. */
typedef struct clv_lognormal_view {
  const clv_lognormal_segments *segments;
  const clv_coefficients       *coefficients;
  unsigned                      refine; /* see clv_lognormal_grid_place */
  const double                 *phi;    /* coordinates of the segments, then of the coefficients */
} clv_lognormal_view;

static inline const double *clv_lognormal_view_gamma(const clv_lognormal_view *self) {
  return self->phi + clv_lognormal_segments_n_dim(self->segments);
}

/** Sums of a segment with n dimensions: the log-likelihood; n moments; n (n + 1) / 2 products; with spend
 * also the gradient in the log deviation within customers. */
size_t clv_lognormal_terms_n_sum(size_t n);

/** The moments out of a segment's sums, for the score. */
void clv_lognormal_terms_moments(size_t n, const double *sum, clv_lognormal_moments *out);

/** Sums of one block: for every customer the log-likelihood, then what the posterior expects of his
 * logarithms, standardised by the prior of his segment and covariates, and of their products less the
 * correlations; then the gradient in the coefficients. NaN where no grid resolves the prior. The bits depend
 * on the block and the priors alone. Not collective.
 *  @param[in,out] sum  [n_segment][n_sum], then [n_coefficient], added to */
void clv_lognormal_terms_block(const clv_lognormal_terms *self, size_t block, const clv_lognormal_view *view,
                               double *sum);

#endif
