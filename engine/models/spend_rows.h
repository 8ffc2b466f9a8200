#ifndef CLV_ENGINE_MODELS_SPEND_ROWS_H
#define CLV_ENGINE_MODELS_SPEND_ROWS_H

#include "comm/status.h"
#include "engine/models/data.h"
#include "engine/numerics/isa.h"

/** Sums over the customers of one stretch, who spent w = x times their mean spend in all (rescaled). */
typedef struct clv_spend_sums {
  double x_log, log, x_inverse, inverse; /* of x log(w + v), log(w + v), x / (w + v), 1 / (w + v) */
} clv_spend_sums;

/** A rank's repeat purchasers with their spends, block by block, and in a block segment by segment: each such
 * stretch answers for its sums at any v. Not thread-safe: long stretches keep, as they are asked, tables of
 * their sums as functions of log v. What a stretch answers does not depend on what it was asked before. */
typedef struct clv_spend_rows clv_spend_rows;

/** Not collective. @param spends borrowed only during the call */
clv_status clv_spend_rows_new(const clv_spends *spends, clv_spend_rows **out);
void       clv_spend_rows_free(clv_spend_rows **self);

size_t clv_spend_rows_n_block(const clv_spend_rows *self);

/** Stretches [*first, *last) make up the block; their segments ascend. */
void   clv_spend_rows_block(const clv_spend_rows *self, size_t block, size_t *first, size_t *last);
size_t clv_spend_rows_segment(const clv_spend_rows *self, size_t stretch);

/** @param v > 0, rescaled as the spends are; beyond 2^-240 … 2^240 every sum is NaN */
clv_spend_sums clv_spend_rows_sums(const clv_spend_rows *self, size_t stretch, double v);

#endif
