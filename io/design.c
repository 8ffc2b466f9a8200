#include "io/design.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"

/* Share of a column's variance that others leave unexplained, below which nothing is its own: rounding alone
 * leaves 1e-15. */
static const double UNEXPLAINED_LEAST = 1e-10;
/* Weight, in standard deviations, above which another column is named as part of the sum. */
static const double WEIGHT_LEAST = 1e-6;

/* Sums of products [j][k], k <= j, then sums of columns; of values divided by their largest distance from the
 * centre, so that nothing leaves the window of exact sums. */
static size_t product_at(size_t j, size_t k) { return j * (j + 1) / 2 + k; }

static void row_add(clv_exact_sum *sum, const clv_design *d, const clv_covariate *covariate, size_t i) {
  const double *w = d->row(d->context, i);
  double        z[CLV_COVARIATE_MAX];
  for (size_t j = 0; j < d->n_covariate; j++) {
    z[j] = (w[j] - covariate[j].center) / covariate[j].scale;
    if (z[j] == 0.0) continue; /* most indicators are */
    clv_exact_sum_add_at(sum, product_at(d->n_covariate, j), z[j]);
    for (size_t k = 0; k <= j; k++)
      if (z[k] != 0.0) clv_exact_sum_add_at(sum, product_at(j, k), z[j] * z[k]);
  }
}

static clv_status sums_make(const clv_comm *comm, const clv_design *d, const clv_covariate *covariate,
                            double *total, int64_t *n) {
  clv_exact_sum *sum = NULL;
  clv_status     st  = clv_exact_sum_new(product_at(d->n_covariate + 1, 0), &sum);
  CLV_TRY(clv_comm_agree(comm, st));
  for (size_t i = 0; i < d->n; i++) row_add(sum, d, covariate, i);
  *n = (int64_t)d->n;
  clv_comm_sum_i64(comm, n, 1);
  CLV_TRY(clv_exact_sum_total(sum, comm, total));
out:
  clv_exact_sum_free(&sum);
  return st;
}

/* Column j is the sum of those before it whose weights are not nil: solved from the factor's rows. */
static clv_status collinear(const clv_covariate *covariate, const double *factor, size_t j) {
  char   others[512] = "";
  double weight[CLV_COVARIATE_MAX];
  for (size_t k = j; k-- > 0;) {
    weight[k] = factor[product_at(j, k)];
    for (size_t l = k + 1; l < j; l++) weight[k] -= weight[l] * factor[product_at(l, k)];
    weight[k] /= factor[product_at(k, k)];
  }
  for (size_t k = 0, used = 0; k < j && used + 1 < sizeof others; k++) {
    if (fabs(weight[k]) < WEIGHT_LEAST) continue;
    const int n =
        snprintf(others + used, sizeof others - used, "%s'%.80s'", used == 0 ? "" : ", ", covariate[k].name);
    if (n > 0) used += (size_t)n;
  }
  return clv_fail(
      CLV_EDATA,
      "covariate '%s' follows exactly from %s, so their effects cannot be told apart; take one of "
      "them out of customers.covariates",
      covariate[j].name, others);
}

/* Cholesky factor of the correlations, in place; it stops at the first column that follows from others. */
static clv_status factor_make(const clv_covariate *covariate, size_t n, double *c) {
  for (size_t j = 0; j < n; j++) {
    for (size_t k = 0; k <= j; k++) {
      double sum = c[product_at(j, k)];
      for (size_t l = 0; l < k; l++) sum -= c[product_at(j, l)] * c[product_at(k, l)];
      if (k < j) {
        c[product_at(j, k)] = sum / c[product_at(k, k)];
        continue;
      }
      if (!(sum > UNEXPLAINED_LEAST)) return collinear(covariate, c, j);
      c[product_at(j, j)] = sqrt(sum);
    }
  }
  return CLV_OK;
}

clv_status clv_design_measure(const clv_comm *comm, const clv_design *design, const bool *is_indicator,
                              clv_covariate *covariate) {
  const size_t k   = design->n_covariate;
  double      *sum = NULL, sd[CLV_COVARIATE_MAX];
  int64_t      n   = 0;
  clv_status   st  = CLV_OK;
  CLV_CHECK(k <= CLV_COVARIATE_MAX);
  if (k == 0) return CLV_OK;
  CLV_TRY(clv_comm_agree(comm, clv_alloc(product_at(k + 1, 0), sizeof *sum, (void **)&sum)));
  CLV_TRY(sums_make(comm, design, covariate, sum, &n));
  if (n == 0) goto out; /* nobody is left: said elsewhere */
  const double *mean = sum + product_at(k, 0);
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j <= i; j++)
      sum[product_at(i, j)] = sum[product_at(i, j)] / (double)n - mean[i] / (double)n * (mean[j] / (double)n);
  for (size_t i = 0; i < k; i++) sd[i] = sqrt(sum[product_at(i, i)]);
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j <= i; j++) sum[product_at(i, j)] /= sd[i] * sd[j];
  CLV_TRY(factor_make(covariate, k, sum)); /* the same on every rank */
  for (size_t i = 0; i < k; i++) covariate[i].scale = is_indicator[i] ? 1.0 : covariate[i].scale * sd[i];
out:
  free(sum);
  return st;
}
