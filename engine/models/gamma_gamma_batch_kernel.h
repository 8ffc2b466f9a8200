#ifndef CLV_ENGINE_MODELS_GAMMA_GAMMA_BATCH_KERNEL_H
#define CLV_ENGINE_MODELS_GAMMA_GAMMA_BATCH_KERNEL_H

#include "engine/models/batch.h"

/** As clv_batch_gradient; x >= 1 and spend > 0, theta is p, q, v. */
CLV_KERNEL_DECLARE(void, clv_gamma_gamma_batch,
                   (const clv_batch *batch, double *value, double *by_log_theta));

#endif
