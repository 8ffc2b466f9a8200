#ifndef CLV_ENGINE_MODELS_SHIFTED_H
#define CLV_ENGINE_MODELS_SHIFTED_H

#include "comm/comm.h"
#include "engine/models/batch.h"
#include "engine/models/likelihood.h"
#include "engine/models/shifts.h"

/** A likelihood in which covariates shift each customer's parameters: sums over rows given the segments'
 * natural parameters theta and the coefficients gamma. The rules of clv_model_ops hold. */
typedef struct clv_shifted_ops {
  size_t (*n_block)(const void *self);
  /** One chain: theta [n_segment][n_parameter], gamma [n_coefficient] -> adds to sum [n_segment][n_term],
   * then [n_tail]. */
  void (*block)(const void *self, size_t block, const double *theta, const double *gamma, double *sum);
  /** One segment's log-likelihood. @param[out] by_theta [n_parameter]  @param by_gamma [n_coefficient] is
   * added to */
  double (*finish)(const void *self, size_t segment, const double *theta, const double *gamma,
                   const double *sum, double *by_theta, double *by_gamma);
  /** As of clv_likelihood_ops. */
  clv_status (*refined)(const void *self, void **out);
  void (*free)(void *self);
} clv_shifted_ops;

typedef struct clv_shifted {
  const clv_shifted_ops *ops;
  void                  *self; /* owned */
  size_t                 n_segment, n_term;
  size_t                 n_tail; /* sums that are the gradient in gamma as they stand: n_coefficient, or 0 */
} clv_shifted;

typedef struct clv_shifted_plan clv_shifted_plan;

/** What a shifted likelihood is made of. Borrowed, during the constructors only, but for the
 * effects of the shifts. */
struct clv_shifted_plan {
  const clv_comm       *comm;
  const clv_shifts     *shifts;
  const clv_covariates *covariates;
  clv_blocks            blocks; /* of the rows */
  size_t                n_segment;
  const uint32_t       *segment, *x, *count; /* segment, count may be NULL, as in clv_cells */
  const double         *t_x, *T, *spend;     /* NULL where the model does not see them */
  double (*gradient)(const double *theta, const clv_customer *who, double *by_theta);
  /** Of many customers at once, in log theta. NULL: one by one by `gradient`, as are parameters that it does
   * not take. */
  clv_batch_gradient *batch;
  clv_batch_kind      kind;
  unsigned            shapes; /* among the parameters, as in clv_coordinates */
  /** The model's likelihood with other segments. Collective over comm. @param segment  one for each row */
  clv_status (*make)(const void *context, size_t n_segment, const uint32_t *segment, clv_likelihood *out);
  /** The shifted likelihood where the model has a better way than groups and rows; NULL: it has none.
   * Collective over comm. */
  clv_status (*make_shifted)(const clv_shifted_plan *plan, clv_shifted *out);
  const void *context;
};

/** Where there are few distinct vectors of covariates, with some rows each: each is a segment of the model's
 * own likelihood, with its kernels. Leaves *out empty where there are too many, or too few rows. A function
 * of all ranks' rows alone. Collective. */
clv_status clv_shifted_groups_new(const clv_shifted_plan *plan, clv_shifted *out);

/** Row by row, by the model's gradient of a batch of customers, or of one. No effect may add. Not collective.
 */
clv_status clv_shifted_rows_new(const clv_shifted_plan *plan, clv_shifted *out);

#endif
