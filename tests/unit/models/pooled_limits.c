/* Partial pooling where another answer is known: one segment is the complete model; tau -> 0 is it too, for
 * any number of segments; a segment without information is sampled non-centred; drawing from the prior and
 * evaluating it are inverse. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/accumulator.h"
#include "engine/models/bg_family.h"
#include "engine/models/pooled.h"
#include "engine/models/whitening.h"
#include "engine/numerics/dense.h"
#include "segments_made.h"

enum { N = 4, DIM_MOST = N * (SEGMENTS_N + 2), SUM_MOST = 64 };

#define EXPECT(condition) \
  if (!(condition)) CLV_TRY(clv_fail(CLV_EFAULT, "line %d: " #condition, __LINE__))

typedef struct result {
  double log_density, log_likelihood, gradient[DIM_MOST];
} result;

static clv_status evaluate(const clv_comm *comm, const clv_model *model, const double *phi, result *out) {
  const clv_model_ops *ops   = model->ops;
  const size_t         n_sum = ops->n_sum(model->self), dim = ops->n_dim(model->self);
  const clv_summand    what = {model->self, ops->n_block(model->self), n_sum, dim, ops->block};
  clv_accumulator     *sums = NULL;
  double               sum[SUM_MOST];
  clv_status           st = CLV_OK;
  CLV_CHECK(dim <= DIM_MOST && n_sum <= SUM_MOST);
  CLV_TRY(clv_accumulator_new(comm, &what, 1, &sums));
  CLV_TRY(clv_accumulator_evaluate(sums, 1, phi, sum));
  ops->finish(model->self, phi, sum, &out->log_density, out->gradient);
  out->log_likelihood = ops->log_likelihood(model->self, phi, sum);
out:
  clv_accumulator_free(&sums);
  return st;
}

static clv_status bg_nbd_make(const clv_comm *comm, const clv_cells *cells, clv_model *out) {
  return clv_bg_nbd_new(&(clv_purchase_data){comm, cells, NULL}, out);
}

static bool is_near(double x, double y, double tolerance) {
  return fabs(x - y) <= tolerance * (1.0 + fabs(y));
}

/* With one segment nothing is learned of a population: the same coordinates, names and bits. */
static clv_status one_segment(const clv_comm *comm, const segments_made *m) {
  clv_cells  cells  = segments_cells(comm, m, true);
  clv_model  pooled = {0}, complete = {0};
  double     phi[N];
  result     a, b;
  clv_status st = CLV_OK;
  cells.segment = NULL, cells.n_segment = 1;
  CLV_TRY(bg_nbd_make(comm, &cells, &pooled));
  cells.pooled = false;
  CLV_TRY(bg_nbd_make(comm, &cells, &complete));
  EXPECT(pooled.ops->n_dim(pooled.self) == N && pooled.ops->n_variable(pooled.self) == N);
  clv_model_start(&pooled, 1, 0, phi);
  CLV_TRY(evaluate(comm, &pooled, phi, &a));
  CLV_TRY(evaluate(comm, &complete, phi, &b));
  EXPECT(memcmp(&a.log_density, &b.log_density, sizeof(double)) == 0);
  EXPECT(memcmp(a.gradient, b.gradient, N * sizeof(double)) == 0);
out:
  clv_model_free(&pooled);
  clv_model_free(&complete);
  return st;
}

static const double T = -9.0; /* coordinate of tau = 7e-23 */

/* Segments cannot differ: all are at m, and the gradient in m is the complete model's but for tau's prior. */
static clv_status no_spread(const clv_comm *comm, const segments_made *m) {
  clv_cells    cells  = segments_cells(comm, m, true);
  clv_model    pooled = {0}, complete = {0};
  double       phi[DIM_MOST] = {0.0}, value[3 * DIM_MOST], typical[N], square = 0.0;
  const size_t at_m = N * SEGMENTS_N;
  result       a, b;
  clv_status   st = CLV_OK;
  CLV_TRY(bg_nbd_make(comm, &cells, &pooled));
  cells.segment = NULL, cells.n_segment = 1;
  CLV_TRY(bg_nbd_make(comm, &cells, &complete));
  clv_model_start(&complete, 1, 0, phi + at_m);
  for (size_t i = 0; i < at_m; i++) phi[i] = sin((double)i), square += phi[i] * phi[i];
  for (size_t i = 0; i < N; i++) phi[at_m + N + i] = T;
  CLV_TRY(evaluate(comm, &pooled, phi, &a));
  CLV_TRY(evaluate(comm, &complete, phi + at_m, &b));
  EXPECT(is_near(a.log_likelihood, b.log_likelihood, 1e-11)); /* rounding of other sums */
  for (size_t i = 0; i < N; i++) EXPECT(is_near(a.gradient[at_m + i], b.gradient[i], 1e-8));
  /* what is left of the segments' coordinates is a standard normal; of tau, its half normal's constant and
   * d tau / dt */
  const double half_log_2pi = 0.91893853320467274178;
  const double log_tau      = log(CLV_TAU_SD) + T + 0.25 * (T * sqrt(1.0 + T * T) + asinh(T) - T * T);
  const double of_tau =
      log(2.0) - half_log_2pi - log(CLV_TAU_SD) + log_tau + log(1.0 + 0.5 * (sqrt(1.0 + T * T) - T));
  EXPECT(is_near(a.log_density,
                 b.log_density - 0.5 * square - (double)at_m * half_log_2pi + (double)N * of_tau, 1e-11));
  pooled.ops->constrain(pooled.self, phi, value);
  complete.ops->constrain(complete.self, phi + at_m, typical);
  for (size_t k = 0; k < N; k++) {
    for (size_t g = 0; g < SEGMENTS_N; g++) EXPECT(is_near(value[k * SEGMENTS_N + g], typical[k], 1e-12));
    EXPECT(is_near(value[N * SEGMENTS_N + k], typical[k], 1e-15));
  }
out:
  clv_model_free(&pooled);
  clv_model_free(&complete);
  return st;
}

static clv_status whitening_ends(void) {
  const double  m[N] = {0.3, -1.0, 2.0, 0.1}, tau[N] = {0.5, 0.1, 2.0, 0.7}, xi[N] = {0.4, -1.3, 0.2, 2.0};
  clv_whitening w = {{0.0}, {0.0}, {0.0}};
  clv_whitened  at;
  double        back[N], square = 0.0;
  clv_status    st = CLV_OK;
  clv_whitening_apply(&w, N, m, tau, xi, &at); /* nothing known: non-centred */
  for (size_t i = 0; i < N; i++) {
    EXPECT(at.e[i] == xi[i] && at.u[i] == m[i] + tau[i] * xi[i]);
    square += xi[i] * xi[i];
  }
  EXPECT(is_near(at.log_prior, -0.5 * square - N * 0.91893853320467274178, 1e-15));
  for (size_t i = 0; i < N; i++) w.estimate[i] = 0.2 * (double)i, w.information[i * N + i] = 1e10;
  clv_whitening_apply(&w, N, m, tau, xi, &at); /* much known: centred, whatever m and tau are */
  for (size_t i = 0; i < N; i++) EXPECT(fabs(at.u[i] - w.estimate[i] - 1e-5 * xi[i]) < 1e-7);
  w.information[1] = w.information[N] = 3e9, w.score[2] = 17.0;
  clv_whitening_apply(&w, N, m, tau, xi, &at);
  clv_whitening_invert(&w, N, m, tau, at.e, back);
  for (size_t i = 0; i < N; i++) EXPECT(is_near(back[i], xi[i], 1e-6)); /* e is far larger than its spread */
out:
  return st;
}

/* |det A| by elimination; A is not kept. */
static double determinant(double a[N][N]) {
  double product = 1.0;
  for (size_t k = 0; k < N; k++) {
    product *= fabs(a[k][k]);
    for (size_t i = k + 1; i < N; i++)
      for (size_t j = N; j-- > k;) a[i][j] -= a[i][k] / a[k][k] * a[k][j];
  }
  return product;
}

/* The density of xi is that of e times |de / dxi|; e is linear in xi, so differences are exact. */
static clv_status whitening_volume(void) {
  static const double  m[N] = {0.3, -1.0, 2.0, 0.1}, tau[N] = {0.5, 0.1, 2.0, 0.7};
  static const double  root[N][N] = {{3, 0, 0, 0}, {1, 2, 0, 0}, {0.5, -1, 7, 0}, {4, 0.3, -2, 0.1}};
  const double         xi[N]      = {0.4, -1.3, 0.2, 2.0};
  static clv_whitening w          = {{0.1, 0.2, 0.3, 0.4}, {1.0, -2.0, 0.5, 3.0}, {0.0}};
  clv_whitened         at, moved;
  double               slope[N][N], log_normal = 0.0;
  clv_status           st = CLV_OK;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) w.information[i * N + j] = clv_dense_dot(N, root[i], root[j]);
  clv_whitening_apply(&w, N, m, tau, xi, &at);
  for (size_t j = 0; j < N; j++) {
    double to[N];
    memcpy(to, xi, sizeof to);
    to[j] += 1.0;
    clv_whitening_apply(&w, N, m, tau, to, &moved);
    for (size_t i = 0; i < N; i++) slope[i][j] = moved.e[i] - at.e[i];
    log_normal -= 0.5 * at.e[j] * at.e[j] + 0.91893853320467274178;
  }
  EXPECT(is_near(at.log_prior, log_normal + log(determinant(slope)), 1e-12));
out:
  return st;
}

/* Draws from the prior: (u - m) / tau of the segments is standard normal. */
static clv_status prior_draws(const clv_comm *comm, const segments_made *m) {
  enum { DRAWS = 4000 };
  const clv_cells cells = segments_cells(comm, m, true);
  clv_model       model = {0};
  double          phi[DIM_MOST], value[3 * DIM_MOST], mean = 0.0, square = 0.0;
  clv_status      st = CLV_OK;
  CLV_TRY(bg_nbd_make(comm, &cells, &model));
  for (uint32_t d = 0; d < DRAWS; d++) {
    clv_rng rng = clv_rng_at(3, CLV_RNG_PRIOR, 0, 0, d);
    model.ops->prior_draw(model.self, &rng, phi);
    model.ops->constrain(model.self, phi, value);
    /* log r of the last and best known segment, against the typical segment's */
    const double e = (log(value[SEGMENTS_N - 1]) - log(value[N * SEGMENTS_N])) / value[N * SEGMENTS_N + N];
    mean += e / DRAWS, square += e * e / DRAWS;
  }
  EXPECT(fabs(mean) < 4.0 / sqrt(DRAWS));               /* 4 standard errors */
  EXPECT(fabs(square - 1.0) < 4.0 * sqrt(2.0 / DRAWS)); /* likewise */
out:
  clv_model_free(&model);
  return st;
}

int main(int argc, char **argv) {
  clv_comm      *comm = NULL;
  segments_made *m    = NULL;
  clv_status     st   = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  CLV_TRY(clv_comm_world(&comm));
  CLV_TRY(clv_alloc(1, sizeof *m, (void **)&m));
  segments_fill(m, 2);
  CLV_TRY(one_segment(comm, m));
  CLV_TRY(no_spread(comm, m));
  CLV_TRY(whitening_ends());
  CLV_TRY(whitening_volume());
  CLV_TRY(prior_draws(comm, m));
out:
  if (st < 0 && clv_comm_rank(comm) == 0) fprintf(stderr, "%s\n", clv_message());
  free(m);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return st < 0;
}
