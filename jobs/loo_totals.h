#ifndef CLV_JOBS_LOO_TOTALS_H
#define CLV_JOBS_LOO_TOTALS_H

#include "comm/exact_sum.h"

/** Pareto shapes by how far their estimates are to be trusted: up to 0.5, up to the threshold, up to 1,
 * above. */
enum { CLV_LOO_GRADES = 4 };

/** Sums over customers of one part's leave-one-out, the same bits on any number of ranks. */
typedef struct clv_loo_totals {
  clv_exact_sum *sum; /* owned: elpd, its square, p_loo */
  int64_t        n, grade[CLV_LOO_GRADES];
  double         threshold, worst_k;
} clv_loo_totals;

/** What they come to. */
typedef struct clv_loo_figures {
  double  elpd, se, p_loo, worst_k;
  int64_t n, grade[CLV_LOO_GRADES];
} clv_loo_figures;

/** @param threshold  shape above which an estimate is not to be trusted. Not collective. */
clv_status clv_loo_totals_new(double threshold, clv_loo_totals *out);
void       clv_loo_totals_free(clv_loo_totals *self);

/** One customer; a NaN elpd is none. Not collective. */
void clv_loo_totals_add(clv_loo_totals *self, double elpd, double p_loo, double k);

/** Collective, synchronising. */
clv_status clv_loo_totals_finish(clv_loo_totals *self, const clv_comm *comm, clv_loo_figures *out);

/** Standard error of a sum of n terms, from their sum and the sum of their squares. Pure. */
double clv_sum_error(double n, double sum, double square);

#endif
