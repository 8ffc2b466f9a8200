#ifndef CLV_ENGINE_MODELS_BG_BATCH_KERNEL_H
#define CLV_ENGINE_MODELS_BG_BATCH_KERNEL_H

#include "engine/models/batch.h"

/** Which of the BG/NBD, the MBG/NBD and their like with Erlang-k gaps. */
typedef struct clv_bg_kind {
  int    k;
  double early; /* 1 where customers may leave right after the first purchase, else 0 */
} clv_bg_kind;

/** As clv_batch_gradient; theta is r, alpha, a, b. Logs of gaps, which only Erlang-k gaps have and which no
 * parameter moves, are left out. */
CLV_KERNEL_DECLARE(void, clv_bg_batch,
                   (const clv_bg_kind *kind, const clv_batch *batch, double *value, double *by_log_theta));

/** The same, whichever the instruction set. @param kind  a clv_bg_kind */
clv_batch_gradient clv_bg_batch_gradient;

#endif
