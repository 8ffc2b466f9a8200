#ifndef CLV_ENGINE_MODELS_SHIFTED_ROWS_KERNEL_H
#define CLV_ENGINE_MODELS_SHIFTED_ROWS_KERNEL_H

#include <stddef.h>

#include "engine/models/purchase_rows.h"
#include "engine/numerics/isa.h"

/* Columns of n, a multiple of CLV_ROW_LANES. */

/** to += weight × column. */
CLV_KERNEL_DECLARE(void, clv_rows_add_scaled, (size_t n, double weight, const double *column, double *to));
/** to *= e^(log_factor). */
CLV_KERNEL_DECLARE(void, clv_rows_scale, (size_t n, const double *log_factor, double *to));
/** The sum of a × b, in a fixed order. */
CLV_KERNEL_DECLARE(double, clv_rows_dot, (size_t n, const double *a, const double *b));

#endif
