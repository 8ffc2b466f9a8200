#include "engine/models/pareto_nbd.h"

#include <stdlib.h>
#include <string.h>

#include "engine/models/counts.h"
#include "engine/models/hierarchy.h"
#include "engine/models/pareto_nbd_kernel.h"
#include "engine/numerics/pinned.h"

enum { R, ALPHA, S, BETA, N_PARAMETER, TERMS = CLV_PARETO_NBD_TERMS };

static const char *const PARAMETER[N_PARAMETER]  = {"r", "alpha", "s", "beta"};
static const char *const COORDINATE[N_PARAMETER] = {"log r", "log(r / alpha)", "log s", "log(s / beta)"};

/* u = log r, log(r/alpha), log s, log(s/beta). */
static void coordinates_natural(const double *u, double *theta, double *jacobian) {
  static const double D[N_PARAMETER][N_PARAMETER] = {
      {1, 0, 0, 0}, {1, -1, 0, 0}, {0, 0, 1, 0}, {0, 0, 1, -1}};
  theta[R]     = clv_exp(u[0]);
  theta[ALPHA] = clv_exp(u[0] - u[1]);
  theta[S]     = clv_exp(u[2]);
  theta[BETA]  = clv_exp(u[2] - u[3]);
  if (jacobian != NULL) memcpy(jacobian, D, sizeof D);
}

/* 1 for every choice of slots. */
static double coordinates_log_determinant(unsigned named, const double *u, double *gradient) {
  (void)named, (void)u;
  memset(gradient, 0, N_PARAMETER * sizeof *gradient);
  return 0.0;
}

static bool coordinates_from_slots(unsigned named, const double *slot, double *u) {
  u[0] = slot[R];
  u[1] = (named >> ALPHA & 1u) != 0 ? u[0] - slot[ALPHA] : slot[ALPHA];
  u[2] = slot[S];
  u[3] = (named >> BETA & 1u) != 0 ? u[2] - slot[BETA] : slot[BETA];
  return true;
}

const clv_coordinates CLV_PARETO_COORDINATES = {
    .n               = N_PARAMETER,
    .parameter       = PARAMETER,
    .coordinate      = COORDINATE,
    .natural         = coordinates_natural,
    .log_determinant = coordinates_log_determinant,
    .from_slots      = coordinates_from_slots,
    .shapes          = 1u << R | 1u << S,
};

typedef struct pareto_nbd {
  clv_purchase_rows *rows;   /* owned */
  clv_counts        *counts; /* owned, of all ranks */
  clv_isa            isa;
} pareto_nbd;

static size_t likelihood_n_block(const void *self) { return ((const pareto_nbd *)self)->rows->n_block; }

static void likelihood_touched(const void *self, size_t block, size_t *first, size_t *last) {
  clv_purchase_rows_touched(((const pareto_nbd *)self)->rows, block, first, last);
}

static void rows_sum(const pareto_nbd *l, size_t first, size_t n, const double *theta, double *sum) {
  const clv_purchase_rows  *rows = l->rows;
  const clv_pareto_nbd_rows part = {n, rows->x + first, rows->t_x + first, rows->T + first,
                                    rows->count + first};
  CLV_KERNEL_PICK(clv_pareto_nbd_sums, l->isa)(&part, theta, sum);
}

static void likelihood_block(const void *self, size_t block, size_t n_chain, const double *theta,
                             double *sum) {
  const pareto_nbd        *l    = self;
  const clv_purchase_rows *rows = l->rows;
  for (size_t k = rows->block_run[block]; k < rows->block_run[block + 1]; k++)
    for (size_t c = 0; c < n_chain; c++) {
      const clv_purchase_run *run = &rows->run[k];
      const size_t            at  = c * rows->n_segment + run->segment;
      rows_sum(l, run->first_once, run->n_once, theta + at * N_PARAMETER, sum + at * TERMS);
      rows_sum(l, run->first_buyer, run->n_buyer, theta + at * N_PARAMETER, sum + at * TERMS);
    }
}

static double likelihood_finish(const void *self, size_t segment, const double *theta, const double *sum,
                                double *gradient) {
  const pareto_nbd *l         = self;
  const double      customers = clv_counts_total(l->counts, segment);
  const double      log_alpha = clv_log(theta[ALPHA]), log_beta = clv_log(theta[BETA]);
  double            by_r;
  const double      rising = clv_counts_rising(l->counts, segment, 0, theta[R], &by_r);
  gradient[R]              = customers * log_alpha + by_r - sum[1];
  gradient[ALPHA]          = customers * theta[R] / theta[ALPHA] - sum[2];
  gradient[S]              = customers * log_beta + sum[3] / theta[S] - sum[4];
  gradient[BETA]           = customers * theta[S] / theta[BETA] - sum[5];
  return customers * (theta[R] * log_alpha + theta[S] * log_beta) + rising + sum[0];
}

static void likelihood_free(void *self) {
  pareto_nbd *l = self;
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

/* From clv_purchase_data, with whichever segments. */
static clv_status likelihood_new(const void *context, size_t n_segment, const uint32_t *segment,
                                 clv_likelihood *out) {
  const clv_purchase_data *data  = context;
  clv_cells                cells = *data->cells;
  pareto_nbd              *l     = NULL;
  clv_status               st    = clv_calloc(1, sizeof *l, (void **)&l);
  const size_t             n     = (size_t)(cells.blocks.last - cells.blocks.first);
  cells.segment = segment, cells.n_segment = n_segment;
  if (st == CLV_OK) {
    l->isa = clv_isa_best();
    st     = clv_purchase_rows_new(&cells, &l->rows);
  }
  CLV_TRY(clv_comm_agree(data->comm, st));
  CLV_TRY(clv_counts_new(data->comm, n_segment, n, segment, cells.x, cells.count, &l->counts));
  *out = (clv_likelihood){.ops = &LIKELIHOOD, .self = l, .n_segment = n_segment};
  l    = NULL;
out:
  likelihood_free(l);
  return st;
}

static clv_status hierarchy_new(const clv_purchase_data *data, clv_likelihood *likelihood, clv_model *out) {
  double     age = 1.0;
  clv_status st  = CLV_OK;
  CLV_TRY(clv_mean_age(data->comm, data->cells, &age));
  const clv_slot_default slot[N_PARAMETER] = {
      {{CLV_PRIOR_NORMAL, {-0.5, 1.25, 0}},
       "r from 0.05 to 7: purchase rates from wildly to hardly different between customers"},
      {{CLV_PRIOR_NORMAL, {-clv_log(age), 2.0, 0}},
       "0.02 to 50 purchases in the mean observed age, were nobody to leave"},
      {{CLV_PRIOR_NORMAL, {-0.5, 1.25, 0}},
       "s from 0.05 to 7: dropout rates from wildly to hardly different between customers"},
      {{CLV_PRIOR_NORMAL, {-clv_log(age), 2.0, 0}},
       "mean lifetime, at the mean dropout rate, from 0.02 to 50 mean observed ages"},
  };
  const clv_hierarchy_plan plan = {.name        = "pareto_nbd",
                                   .coordinates = &CLV_PARETO_COORDINATES,
                                   .slot        = slot,
                                   .priors      = data->priors,
                                   .comm        = data->comm,
                                   .pooled      = data->cells->pooled};
  CLV_TRY(clv_comm_agree(data->comm, clv_hierarchy_new(likelihood, &plan, out)));
out:
  return st;
}

static void batch_gradient(const clv_batch_kind *kind, clv_isa isa, const clv_batch *batch, double *value,
                           double *by_log_theta) {
  (void)kind; /* there is one */
  CLV_KERNEL_PICK(clv_pareto_nbd_batch, isa)(batch, value, by_log_theta);
}

clv_status clv_pareto_nbd_new(const clv_purchase_data *data, clv_model *out) {
  clv_regression_plan plan       = clv_purchases_regression(data, &CLV_PARETO_NBD_PROCESS);
  clv_likelihood      likelihood = {0};
  clv_regression     *regression = NULL;
  clv_status          st         = CLV_OK;
  plan.data.make = likelihood_new, plan.data.context = data, plan.data.batch = batch_gradient;
  CLV_TRY(clv_regression_likelihood(&plan, &regression, &likelihood));
  CLV_TRY(hierarchy_new(data, &likelihood, out));
  clv_regression_wrap(&regression, out);
out:
  clv_likelihood_free(&likelihood);
  clv_regression_free(&regression);
  return st;
}
