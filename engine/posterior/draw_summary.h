#ifndef CLV_ENGINE_POSTERIOR_DRAW_SUMMARY_H
#define CLV_ENGINE_POSTERIOR_DRAW_SUMMARY_H

#include <stddef.h>

#include "comm/status.h"

enum { CLV_QUANTILE_MAX = 32 };

/** Mean, sample standard deviation and type-7 quantiles (Hyndman & Fan 1996, The American Statistician 50(4))
 * of draws, over and over for many customers. Time goes with the number of draws: quantiles
 * are looked for near where they were in the draws before, else draws are dealt into buckets and only the
 * buckets that hold a quantile are sorted. What comes out does not depend on which way was taken. Not
 * collective; one object per thread. */
typedef struct clv_draw_summary clv_draw_summary;

/** @param n_kind  kinds of draws: those of one kind are spread alike, such as one quantity of many customers
 *  @param quantile  [n_quantile <= CLV_QUANTILE_MAX] in [0, 1], copied */
clv_status clv_draw_summary_new(size_t n_value, size_t n_kind, const double *quantile, size_t n_quantile,
                                clv_draw_summary **out);
void       clv_draw_summary_free(clv_draw_summary **self);

/** Numbers of a summary: 2 + n_quantile. */
size_t clv_draw_summary_width(const clv_draw_summary *self);

/** @param kind  < n_kind; a matter of speed alone
 *  @param value  [n_value] may hold infinities: quantiles are then those of the extended reals
 *  @param[out] out  [clv_draw_summary_width] */
void clv_draw_summary_of(clv_draw_summary *self, size_t kind, const double *value, double *out);

#endif
