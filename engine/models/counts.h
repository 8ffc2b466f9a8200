#ifndef CLV_ENGINE_MODELS_COUNTS_H
#define CLV_ENGINE_MODELS_COUNTS_H

#include <stdint.h>

#include "comm/comm.h"

/** How many customers of each segment have which integer x, over all ranks: terms of a likelihood that depend
 * on x alone are summed over distinct values, not over customers. */
typedef struct clv_counts clv_counts;

/** Collective over `comm`. The same on every rank, whatever the split.
 *  @param segment  [n] or NULL (one segment)  @param x [n]  @param count [n] multiplicities, NULL: all one */
clv_status clv_counts_new(const clv_comm *comm, size_t n_segment, size_t n, const uint32_t *segment,
                          const uint32_t *x, const uint32_t *count, clv_counts **out);
void       clv_counts_free(clv_counts **self);

/** Customers of a segment, and those with x > 0. Not collective. */
double clv_counts_total(const clv_counts *self, size_t segment);
double clv_counts_positive(const clv_counts *self, size_t segment);

/** Distinct values of a segment, ascending, and how often each occurs. Borrowed. @return their number */
size_t clv_counts_values(const clv_counts *self, size_t segment, const uint32_t **x, const double **count);

/** Sum over customers with x >= less of log Gamma(a + x - less) - log Gamma(a), and its derivative in a. As
 * sums of logs weighted with the number of customers beyond each integer, so that nothing cancels for large
 * a; past 512 by differences of log Gamma.
 *  @param less  0, or 1 for terms in x - 1 of those who bought again */
double clv_counts_rising(const clv_counts *self, size_t segment, size_t less, double a, double *derivative);

#endif
