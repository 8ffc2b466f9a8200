#include "engine/models/bg_bb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/beta_pair.h"
#include "engine/models/bg_bb_kernel.h"
#include "engine/models/counts.h"
#include "engine/models/hierarchy.h"
#include "engine/models/purchase_rows.h"
#include "engine/numerics/pinned.h"

enum { ALPHA, BETA, GAMMA, DELTA, N_PARAMETER, TERMS = 1 + N_PARAMETER };

static const char *const PARAMETER[N_PARAMETER]  = {"alpha", "beta", "gamma", "delta"};
static const char *const COORDINATE[N_PARAMETER] = {"logit(alpha / (alpha + beta))", "log(alpha + beta)",
                                                    "logit(gamma / (gamma + delta))", "log(gamma + delta)"};

static void coordinates_natural(const double *u, double *theta, double *jacobian) {
  double buying[2][2], leaving[2][2];
  clv_beta_pair_natural(u, theta, buying);
  clv_beta_pair_natural(u + 2, theta + 2, leaving);
  if (jacobian == NULL) return;
  memset(jacobian, 0, sizeof(double) * N_PARAMETER * N_PARAMETER);
  for (size_t i = 0; i < 2; i++)
    for (size_t j = 0; j < 2; j++) {
      jacobian[i * N_PARAMETER + j]             = buying[i][j];
      jacobian[(i + 2) * N_PARAMETER + (j + 2)] = leaving[i][j];
    }
}

static double coordinates_log_determinant(unsigned named, const double *u, double *gradient) {
  return clv_beta_pair_log_determinant(named, u, gradient) +
         clv_beta_pair_log_determinant(named >> GAMMA, u + 2, gradient + 2);
}

static bool coordinates_from_slots(unsigned named, const double *slot, double *u) {
  return clv_beta_pair_from_slots(named, slot, u) &&
         clv_beta_pair_from_slots(named >> GAMMA, slot + 2, u + 2);
}

const clv_coordinates CLV_BG_BB_COORDINATES = {
    .n               = N_PARAMETER,
    .parameter       = PARAMETER,
    .coordinate      = COORDINATE,
    .natural         = coordinates_natural,
    .log_determinant = coordinates_log_determinant,
    .from_slots      = coordinates_from_slots,
    .shapes          = (1u << N_PARAMETER) - 1u,
};

/* Histories up to the last purchase depend on whole numbers alone: how often he bought, passed and lived. */
typedef struct bg_bb {
  clv_purchase_rows *rows;                    /* owned */
  clv_counts        *bought, *passed, *lived; /* owned, of all ranks: x, t_x - x, t_x */
  clv_isa            isa;
} bg_bb;

static size_t likelihood_n_block(const void *self) { return ((const bg_bb *)self)->rows->n_block; }

static void likelihood_touched(const void *self, size_t block, size_t *first, size_t *last) {
  clv_purchase_rows_touched(((const bg_bb *)self)->rows, block, first, last);
}

static clv_bg_bb_rows rows_of(const clv_purchase_rows *rows, size_t first, size_t n) {
  return (clv_bg_bb_rows){n, rows->x + first, rows->t_x + first, rows->T + first, rows->count + first};
}

/* [0] log of the chance of the silence since the last purchase, [1] to [4] its derivatives. */
static void likelihood_block(const void *self, size_t block, size_t n_chain, const double *theta,
                             double *sum) {
  const bg_bb             *l    = self;
  const clv_purchase_rows *rows = l->rows;
  for (size_t k = rows->block_run[block]; k < rows->block_run[block + 1]; k++) {
    const clv_purchase_run *run  = &rows->run[k];
    const clv_bg_bb_rows    once = rows_of(rows, run->first_once, run->n_once),
                         buyer   = rows_of(rows, run->first_buyer, run->n_buyer);
    for (size_t c = 0; c < n_chain; c++) {
      const size_t  at  = c * rows->n_segment + run->segment;
      const double *own = theta + at * N_PARAMETER;
      CLV_KERNEL_PICK(clv_bg_bb_silences, l->isa)(&once, own, sum + at * TERMS);
      CLV_KERNEL_PICK(clv_bg_bb_silences, l->isa)(&buyer, own, sum + at * TERMS);
    }
  }
}

static double likelihood_finish(const void *self, size_t segment, const double *theta, const double *sum,
                                double *gradient) {
  const bg_bb *l = self;
  double       by_alpha, by_beta, by_trials, by_delta, by_life;
  const double before = clv_counts_rising(l->bought, segment, 0, theta[ALPHA], &by_alpha) +
                        clv_counts_rising(l->passed, segment, 0, theta[BETA], &by_beta) -
                        clv_counts_rising(l->lived, segment, 0, theta[ALPHA] + theta[BETA], &by_trials) +
                        clv_counts_rising(l->lived, segment, 0, theta[DELTA], &by_delta) -
                        clv_counts_rising(l->lived, segment, 0, theta[GAMMA] + theta[DELTA], &by_life);
  gradient[ALPHA] = by_alpha - by_trials + sum[1 + ALPHA];
  gradient[BETA]  = by_beta - by_trials + sum[1 + BETA];
  gradient[GAMMA] = sum[1 + GAMMA] - by_life;
  gradient[DELTA] = by_delta - by_life + sum[1 + DELTA];
  return before + sum[0];
}

static void likelihood_free(void *self) {
  bg_bb *l = self;
  if (l == NULL) return;
  clv_purchase_rows_free(&l->rows);
  clv_counts_free(&l->bought);
  clv_counts_free(&l->passed);
  clv_counts_free(&l->lived);
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

static bool is_whole(double t) { return t >= 0.0 && floor(t) == t; } /* NaN is not */

static clv_status cells_check(const clv_cells *cells, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!is_whole(cells->t_x[i]) || !is_whole(cells->T[i]))
      return clv_fail(
          CLV_EDATA,
          "model.purchases: bg_bb counts opportunities, but this portfolio's times are not whole numbers; "
          "set data.time_unit and data.merge_unit to the opportunity (day, week, month or year) and run "
          "clv prepare");
    if (!((double)cells->x[i] <= cells->t_x[i] && cells->t_x[i] <= cells->T[i]))
      return clv_fail(
          CLV_EDATA,
          "model.purchases: bg_bb has at most one purchase at an opportunity, but a customer of this "
          "portfolio has more; set data.merge_unit to the opportunity, as data.time_unit, and run clv "
          "prepare");
    if (cells->T[i] > CLV_BG_BB_OPPORTUNITIES_MOST)
      return clv_fail(CLV_EDATA,
                      "model.purchases: bg_bb takes at most %d opportunities, this portfolio has %.0f; use "
                      "a longer data.merge_unit and data.time_unit",
                      CLV_BG_BB_OPPORTUNITIES_MOST, cells->T[i]);
  }
  return CLV_OK;
}

static clv_status counts_make(bg_bb *l, const clv_comm *comm, const clv_cells *cells) {
  const size_t n     = (size_t)(cells->blocks.last - cells->blocks.first);
  uint32_t    *whole = NULL;
  clv_status   st    = CLV_OK;
  CLV_TRY(clv_comm_agree(comm, clv_alloc(2 * n + 1, sizeof *whole, (void **)&whole)));
  uint32_t *lived = whole + n;
  for (size_t i = 0; i < n; i++) {
    lived[i] = (uint32_t)cells->t_x[i];
    whole[i] = lived[i] - cells->x[i];
  }
  CLV_TRY(clv_counts_new(comm, cells->n_segment, n, cells->segment, cells->x, cells->count, &l->bought));
  CLV_TRY(clv_counts_new(comm, cells->n_segment, n, cells->segment, whole, cells->count, &l->passed));
  CLV_TRY(clv_counts_new(comm, cells->n_segment, n, cells->segment, lived, cells->count, &l->lived));
out:
  free(whole);
  return st;
}

/* From clv_purchase_data, with whichever segments. */
static clv_status likelihood_new(const void *context, size_t n_segment, const uint32_t *segment,
                                 clv_likelihood *out) {
  const clv_purchase_data *data  = context;
  clv_cells                cells = *data->cells;
  bg_bb                   *l     = NULL;
  clv_status               st    = clv_calloc(1, sizeof *l, (void **)&l);
  cells.segment = segment, cells.n_segment = n_segment;
  if (st == CLV_OK) st = clv_purchase_rows_new(&cells, &l->rows);
  CLV_TRY(clv_comm_agree(data->comm, st));
  l->isa = clv_isa_best();
  CLV_TRY(counts_make(l, data->comm, &cells));
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
      {{CLV_PRIOR_NORMAL, {-clv_log(age), 2.0, 0}},
       "odds of a purchase that give 0.02 to 50 in the mean observed age, were nobody to leave"},
      {{CLV_PRIOR_NORMAL, {1.0, 1.25, 0}},
       "purchase probabilities from U-shaped to alike: alpha + beta from 0.2 to 33"},
      {{CLV_PRIOR_NORMAL, {-clv_log(age), 2.0, 0}},
       "odds of leaving that give a lifetime of 0.02 to 50 mean observed ages"},
      {{CLV_PRIOR_NORMAL, {1.0, 1.25, 0}},
       "dropout probabilities from U-shaped to alike: gamma + delta from 0.2 to 33"},
  };
  const clv_hierarchy_plan plan = {.name        = "bg_bb",
                                   .coordinates = &CLV_BG_BB_COORDINATES,
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
  CLV_KERNEL_PICK(clv_bg_bb_batch, isa)(batch, value, by_log_theta);
}

clv_status clv_bg_bb_new(const clv_purchase_data *data, clv_model *out) {
  const size_t        n          = (size_t)(data->cells->blocks.last - data->cells->blocks.first);
  clv_regression_plan plan       = clv_purchases_regression(data, &CLV_BG_BB_PROCESS);
  clv_likelihood      likelihood = {0};
  clv_regression     *regression = NULL;
  clv_status          st         = CLV_OK;
  plan.data.make = likelihood_new, plan.data.context = data, plan.data.batch = batch_gradient;
  CLV_TRY(clv_comm_agree(data->comm, cells_check(data->cells, n)));
  CLV_TRY(clv_regression_likelihood(&plan, &regression, &likelihood));
  CLV_TRY(hierarchy_new(data, &likelihood, out));
  clv_regression_wrap(&regression, out);
out:
  clv_likelihood_free(&likelihood);
  clv_regression_free(&regression);
  return st;
}
