#include "engine/models/cnbd.h"

#include <math.h>
#include <stdlib.h>

#include "engine/models/bg_family.h"
#include "engine/models/cnbd_process.h"
#include "engine/models/counts.h"
#include "engine/models/purchase_rows.h"
#include "engine/numerics/pinned.h"

enum { R, ALPHA, A, B, N_PARAMETER, TERMS = 5 };

typedef struct cnbd {
  clv_purchase_rows *rows;   /* owned */
  clv_counts        *counts; /* owned, of all ranks */
  int                k;
  bool               early; /* customers may leave right after the first purchase */
} cnbd;

static size_t likelihood_n_block(const void *self) { return ((const cnbd *)self)->rows->n_block; }

static void likelihood_touched(const void *self, size_t block, size_t *first, size_t *last) {
  clv_purchase_rows_touched(((const cnbd *)self)->rows, block, first, last);
}

/* Rows [first, first + n) under one chain's parameters. With n = r+kx, w = alpha+T, d = alpha+t_x and S and D
 * the odds of being alive and dead: [0] log(S+D) - n log w, [1] its derivative in r, [2] in alpha, [3]
 * P(dead), [4] P(dead) / (b+x-1+m). Functions are pinned and scalar: the same bits everywhere. */
static void rows_sum(const cnbd *l, size_t first, size_t n, const double *theta, double *sum) {
  const clv_purchase_rows *rows = l->rows;
  for (size_t i = first; i < first + n; i++) {
    if (!(rows->count[i] > 0.0)) continue;
    const double          x = rows->x[i], phases = theta[R] + (double)l->k * x, count = rows->count[i];
    const double          w = theta[ALPHA] + rows->T[i], d = theta[ALPHA] + rows->t_x[i];
    const double          y = (rows->T[i] - rows->t_x[i]) / w, log_w = clv_log(w);
    const clv_cnbd_stages stages = clv_cnbd_stages_of(l->k, phases, y);
    double                total = stages.log_sum, dead = 0.0, rho = 0.0, left = 1.0;
    if (x > 0.0 || l->early) {
      left              = theta[B] + (x - (l->early ? 0.0 : 1.0));
      rho               = clv_log1p((rows->T[i] - rows->t_x[i]) / d);
      const double odds = clv_log(theta[A] / left) + phases * rho;
      dead              = clv_sigmoid(odds - total);
      total             = clv_log_sum_exp(total, odds);
    }
    const double alive = 1.0 - dead;
    sum[0] += count * (total - phases * log_w);
    sum[1] += count * (alive * stages.by_n + dead * rho - log_w);
    sum[2] -= count * (phases / w + alive * stages.by_y * y / w + dead * phases * (y / d));
    sum[3] += count * dead;
    sum[4] += count * dead / left;
  }
}

static void likelihood_block(const void *self, size_t block, size_t n_chain, const double *theta,
                             double *sum) {
  const cnbd              *l    = self;
  const clv_purchase_rows *rows = l->rows;
  for (size_t i = rows->block_run[block]; i < rows->block_run[block + 1]; i++)
    for (size_t c = 0; c < n_chain; c++) {
      const clv_purchase_run *run = &rows->run[i];
      const size_t            at  = c * rows->n_segment + run->segment;
      rows_sum(l, run->first_once, run->n_once, theta + at * N_PARAMETER, sum + at * TERMS);
      rows_sum(l, run->first_buyer, run->n_buyer, theta + at * N_PARAMETER, sum + at * TERMS);
    }
}

/* Sum over customers of log Gamma(r + k x) - log Gamma(r) - x log Gamma(k). */
static double phases_rising(const cnbd *l, size_t segment, double r, double *by_r) {
  const uint32_t *x;
  const double   *count;
  const size_t    n        = clv_counts_values(l->counts, segment, &x, &count);
  const double    log_at_r = clv_lgamma(r), slope_at_r = clv_digamma(r), each = clv_lgamma((double)l->k);
  double          sum = 0.0;
  *by_r               = 0.0;
  for (size_t i = 0; i < n; i++) {
    const double phases = r + (double)l->k * (double)x[i];
    if (x[i] == 0) continue;
    sum += count[i] * (clv_lgamma(phases) - log_at_r - (double)x[i] * each);
    *by_r += count[i] * (clv_digamma(phases) - slope_at_r);
  }
  return sum;
}

/* Reutterer, Platzer & Schroeder 2021, its likelihood's sums over customers put together. */
static double likelihood_finish(const void *self, size_t segment, const double *theta, const double *sum,
                                double *gradient) {
  const cnbd  *l   = self;
  const double all = clv_counts_total(l->counts, segment), early = l->early ? 1.0 : 0.0;
  const double a = theta[A], b = theta[B], log_alpha = clv_log(theta[ALPHA]);
  double       by_r, by_b, by_ab;
  const double rising    = phases_rising(l, segment, theta[R], &by_r);
  const double rising_b  = clv_counts_rising(l->counts, segment, 0, b + early, &by_b);
  const double rising_ab = clv_counts_rising(l->counts, segment, 0, a + b + early, &by_ab);
  by_b += early * all / b;
  by_ab += early * all / (a + b);
  gradient[R]     = all * log_alpha + by_r + sum[1];
  gradient[ALPHA] = all * theta[R] / theta[ALPHA] + sum[2];
  gradient[A]     = sum[3] / a - by_ab;
  gradient[B]     = by_b - by_ab - sum[4];
  return all * theta[R] * log_alpha + rising + rising_b - rising_ab + sum[0] +
         early * all * (clv_log(b) - clv_log(a + b));
}

static void likelihood_free(void *self) {
  cnbd *l = self;
  if (l == NULL) return;
  clv_purchase_rows_free(&l->rows);
  clv_counts_free(&l->counts);
  free(l);
}

static const clv_likelihood_ops LIKELIHOOD = {
    .n_parameter = N_PARAMETER,
    .n_term      = TERMS,
    .n_block     = likelihood_n_block,
    .block       = likelihood_block,
    .finish      = likelihood_finish,
    .touched     = likelihood_touched,
    .free        = likelihood_free,
};

/* What a likelihood is made of, with whichever segments. */
typedef struct source {
  const clv_purchase_data *data;
  int                      k;
  bool                     early;
} source;

static clv_status likelihood_new(const void *context, size_t n_segment, const uint32_t *segment,
                                 clv_likelihood *out) {
  const source   *from  = context;
  const clv_comm *comm  = from->data->comm;
  clv_cells       cells = *from->data->cells;
  cnbd           *l     = NULL;
  clv_status      st    = clv_calloc(1, sizeof *l, (void **)&l);
  const size_t    n     = (size_t)(cells.blocks.last - cells.blocks.first);
  cells.segment = segment, cells.n_segment = n_segment;
  if (st == CLV_OK) {
    l->k     = from->k;
    l->early = from->early;
    st       = clv_purchase_rows_new(&cells, &l->rows);
  }
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(clv_counts_new(comm, n_segment, n, segment, cells.x, cells.count, &l->counts));
  *out = (clv_likelihood){.ops = &LIKELIHOOD, .self = l, .n_segment = n_segment};
  l    = NULL;
out:
  likelihood_free(l);
  return st;
}

clv_status clv_cnbd_new(int k, bool early, const clv_purchase_data *data, clv_model *out) {
  CLV_CHECK(k >= 1 && k <= CLV_ERLANG_MOST);
  const clv_process_ops *process    = early ? &CLV_MBG_CNBD_PROCESS[k - 1] : &CLV_BG_CNBD_PROCESS[k - 1];
  const source           from       = {data, k, early};
  clv_regression_plan    plan       = clv_purchases_regression(data, process);
  clv_likelihood         likelihood = {0};
  clv_regression        *regression = NULL;
  clv_status             st         = CLV_OK;
  plan.data.make = likelihood_new, plan.data.context = &from;
  plan.data.batch = clv_bg_batch_gradient, plan.data.kind = (clv_batch_kind){k, early ? 1.0 : 0.0};
  CLV_TRY(clv_regression_likelihood(&plan, &regression, &likelihood));
  CLV_TRY(clv_bg_hierarchy_new(process->name, data, &likelihood, out));
  clv_regression_wrap(&regression, out);
out:
  clv_likelihood_free(&likelihood);
  clv_regression_free(&regression);
  return st;
}
