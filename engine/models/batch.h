#ifndef CLV_ENGINE_MODELS_BATCH_H
#define CLV_ENGINE_MODELS_BATCH_H

#include <stddef.h>

#include "engine/numerics/isa.h"

/** Customers one by one, each under parameters of his own, for a model's kernel. Columns of n, a multiple of
 * CLV_ROW_LANES; borrowed. */
typedef struct clv_batch {
  size_t        n;
  const double *x, *t_x, *T, *spend;
  const double *theta; /* [n_parameter][n], from CLV_BATCH_LEAST to CLV_BATCH_MOST */
} clv_batch;

/** Between these no kernel overflows, whatever the history. */
#define CLV_BATCH_LEAST 0x1p-200
#define CLV_BATCH_MOST 0x1p60

/** Which member of its family a model is; both 0 where it is alone. */
typedef struct clv_batch_kind {
  int    k;     /* Erlang-k gaps */
  double early; /* 1 where customers may leave right after the first purchase, else 0 */
} clv_batch_kind;

/** What a model says of a batch: log-likelihoods, and their gradients in log theta; the same bits whichever
 * the instruction set. Not collective. @param[out] value [n]  @param[out] by_log_theta [n_parameter][n] */
typedef void clv_batch_gradient(const clv_batch_kind *kind, clv_isa isa, const clv_batch *batch,
                                double *value, double *by_log_theta);

#endif
