#include "jobs/loo_totals.h"

#include <math.h>

enum { ELPD, SQUARE, P_LOO, SUMS };

clv_status clv_loo_totals_new(double threshold, clv_loo_totals *out) {
  *out = (clv_loo_totals){.threshold = threshold, .worst_k = -INFINITY};
  return clv_exact_sum_new(SUMS, &out->sum);
}

void clv_loo_totals_free(clv_loo_totals *self) { clv_exact_sum_free(&self->sum); }

void clv_loo_totals_add(clv_loo_totals *self, double elpd, double p_loo, double k) {
  const double value[SUMS] = {elpd, elpd * elpd, p_loo};
  if (isnan(elpd)) return;
  clv_exact_sum_add(self->sum, value);
  self->n++;
  self->grade[k <= 0.5 ? 0 : k <= self->threshold ? 1 : k <= 1.0 ? 2 : 3]++;
  self->worst_k = fmax(self->worst_k, k);
}

double clv_sum_error(double n, double sum, double square) {
  const double variance = square / n - (sum / n) * (sum / n);
  return n > 0.0 ? sqrt(n * fmax(variance, 0.0)) : NAN;
}

clv_status clv_loo_totals_finish(clv_loo_totals *self, const clv_comm *comm, clv_loo_figures *out) {
  double     total[SUMS];
  int64_t    count[1 + CLV_LOO_GRADES] = {self->n};
  clv_status st                        = CLV_OK;
  for (int i = 0; i < CLV_LOO_GRADES; i++) count[1 + i] = self->grade[i];
  clv_comm_sum_i64(comm, count, 1 + CLV_LOO_GRADES);
  out->worst_k = self->worst_k;
  clv_comm_max_f64(comm, &out->worst_k, 1);
  CLV_TRY(clv_exact_sum_total(self->sum, comm, total));
  out->n     = count[0];
  out->elpd  = total[ELPD];
  out->p_loo = total[P_LOO];
  out->se    = clv_sum_error((double)out->n, total[ELPD], total[SQUARE]);
  for (int i = 0; i < CLV_LOO_GRADES; i++) out->grade[i] = count[1 + i];
out:
  return st;
}
