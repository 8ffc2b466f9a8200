#ifndef CLV_ENGINE_MODELS_BG_BATCH_KERNEL_H
#define CLV_ENGINE_MODELS_BG_BATCH_KERNEL_H

#include "engine/models/batch.h"

/** As clv_batch_gradient; theta is r, alpha, a, b. Logs of gaps, which only Erlang-k gaps have and which no
 * parameter moves, are left out. */
CLV_KERNEL_DECLARE(void, clv_bg_batch,
                   (const clv_batch_kind *kind, const clv_batch *batch, double *value, double *by_log_theta));

#endif
