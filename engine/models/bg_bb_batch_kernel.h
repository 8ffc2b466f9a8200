#ifndef CLV_ENGINE_MODELS_BG_BB_BATCH_KERNEL_H
#define CLV_ENGINE_MODELS_BG_BB_BATCH_KERNEL_H

#include "engine/models/batch.h"

/** As clv_batch_gradient; whole x <= t_x <= T, theta is alpha, beta, gamma, delta. */
CLV_KERNEL_DECLARE(void, clv_bg_bb_batch, (const clv_batch *batch, double *value, double *by_log_theta));

#endif
