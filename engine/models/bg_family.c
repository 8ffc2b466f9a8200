#include "engine/models/bg_family.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/beta_pair.h"
#include "engine/models/bg_batch_kernel.h"
#include "engine/models/bg_family_kernel.h"
#include "engine/models/counts.h"
#include "engine/models/hierarchy.h"
#include "engine/models/purchase_rows.h"
#include "engine/numerics/pinned.h"

enum { R, ALPHA, A, B, N_PARAMETER, TERMS = CLV_BG_TERMS };

static const char *const PARAMETER[N_PARAMETER]  = {"r", "alpha", "a", "b"};
static const char *const COORDINATE[N_PARAMETER] = {"log r", "log(r / alpha)", "logit(a / (a + b))",
                                                    "log(a + b)"};

/* u = log r, log(r/alpha), logit(a/(a+b)), log(a+b). */
static void coordinates_natural(const double *u, double *theta, double *jacobian) {
  double pair[2][2];
  theta[R]     = clv_exp(u[0]);
  theta[ALPHA] = clv_exp(u[0] - u[1]);
  clv_beta_pair_natural(u + 2, theta + A, jacobian == NULL ? NULL : pair);
  if (jacobian == NULL) return;
  const double d[N_PARAMETER][N_PARAMETER] = {
      {1, 0, 0, 0}, {1, -1, 0, 0}, {0, 0, pair[0][0], pair[0][1]}, {0, 0, pair[1][0], pair[1][1]}};
  memcpy(jacobian, d, sizeof d);
}

static double coordinates_log_determinant(unsigned named, const double *u, double *gradient) {
  gradient[0] = gradient[1] = 0.0;
  return clv_beta_pair_log_determinant(named >> A, u + 2, gradient + 2);
}

static bool coordinates_from_slots(unsigned named, const double *slot, double *u) {
  u[0] = slot[R];
  u[1] = (named >> ALPHA & 1u) != 0 ? u[0] - slot[ALPHA] : slot[ALPHA];
  return clv_beta_pair_from_slots(named >> A, slot + A, u + 2);
}

const clv_coordinates CLV_BG_COORDINATES = {
    .n               = N_PARAMETER,
    .parameter       = PARAMETER,
    .coordinate      = COORDINATE,
    .natural         = coordinates_natural,
    .log_determinant = coordinates_log_determinant,
    .from_slots      = coordinates_from_slots,
    .shapes          = 1u << R | 1u << A | 1u << B,
};

/* alpha exp(-gamma'w); a exp(gamma'w), b exp(gamma'w). */
const clv_effect CLV_BG_EFFECT[CLV_BG_EFFECTS] = {
    {.on = CLV_ON_PURCHASES, .direction = {[ALPHA] = -1.0}},
    {.on = CLV_ON_DROPOUT, .direction = {[A] = 1.0, [B] = 1.0}}};

typedef struct bg_family {
  clv_purchase_rows *rows;   /* owned */
  clv_counts        *counts; /* owned, of all ranks */
  clv_isa            isa;
  bool               early; /* customers may leave right after the first purchase */
} bg_family;

static size_t likelihood_n_block(const void *self) { return ((const bg_family *)self)->rows->n_block; }

static void likelihood_touched(const void *self, size_t block, size_t *first, size_t *last) {
  clv_purchase_rows_touched(((const bg_family *)self)->rows, block, first, last);
}

static clv_bg_rows rows_at(const clv_purchase_rows *rows, size_t first, size_t n, bool alike) {
  return (clv_bg_rows){.n          = n,
                       .x          = rows->x + first,
                       .t_x        = rows->t_x + first,
                       .T          = rows->T + first,
                       .count      = rows->count + first,
                       .alike      = alike,
                       .at_recency = rows->at_recency + first,
                       .at_age     = rows->at_age + first};
}

/* Those who bought again: each for himself, then those with doubles. */
static void buyers_sum(const bg_family *l, const clv_purchase_run *run, const double *theta, double *able) {
  double      recency[2 * CLV_ROW_TABLE_MOST], age[2 * CLV_ROW_TABLE_MOST];
  clv_bg_rows part[2] = {
      rows_at(l->rows, run->first_buyer, run->n_single, true),
      rows_at(l->rows, run->first_buyer + run->n_single, run->n_buyer - run->n_single, false)};
  if (run->has_tables) {
    CLV_KERNEL_PICK(clv_bg_table, l->isa)
    (run->n_recency, l->rows->recency + run->first_recency, theta[ALPHA], recency);
    CLV_KERNEL_PICK(clv_bg_table, l->isa)(run->n_age, l->rows->age + run->first_age, theta[ALPHA], age);
  }
  for (size_t k = 0; k < 2; k++) {
    part[k].recency = run->has_tables ? recency : NULL, part[k].n_recency = run->n_recency;
    part[k].age = run->has_tables ? age : NULL, part[k].n_age = run->n_age;
    CLV_KERNEL_PICK(clv_bg_able, l->isa)(&part[k], theta, able);
  }
}

/* One run under one chain's parameters: terms as likelihood_finish takes them. */
static void run_sum(const bg_family *l, const clv_purchase_run *run, const double *theta, double *total) {
  const clv_bg_rows      onces     = rows_at(l->rows, run->first_once, run->n_once, l->rows->alike);
  const clv_bg_recencies recencies = {run->n_recency, l->rows->recency + run->first_recency,
                                      l->rows->recency_count + run->first_recency,
                                      l->rows->recency_x + run->first_recency};
  const double           shifted[N_PARAMETER] = {theta[R], theta[ALPHA], theta[A],
                                       l->early ? theta[B] : theta[B] - 1.0};
  double                 able[TERMS] = {0.0}, once[2] = {0.0, 0.0}, recent[3] = {0.0, 0.0, 0.0};
  buyers_sum(l, run, shifted, able);
  CLV_KERNEL_PICK(clv_bg_recent, l->isa)(&recencies, theta, recent);
  if (l->early)
    CLV_KERNEL_PICK(clv_bg_able, l->isa)(&onces, shifted, able);
  else
    CLV_KERNEL_PICK(clv_bg_onces, l->isa)(&onces, theta, once);
  total[0] += able[0] - recent[0] - theta[R] * once[0];
  total[1] += able[1] + recent[1] + once[0];
  total[2] += recent[2] - able[2] + theta[R] * once[1];
  total[3] += able[3];
  total[4] += able[4];
}

static void likelihood_block(const void *self, size_t block, size_t n_chain, const double *theta,
                             double *sum) {
  const bg_family         *l    = self;
  const clv_purchase_rows *rows = l->rows;
  for (size_t k = rows->block_run[block]; k < rows->block_run[block + 1]; k++)
    for (size_t c = 0; c < n_chain; c++) {
      const size_t at = c * rows->n_segment + rows->run[k].segment;
      run_sum(l, &rows->run[k], theta + at * N_PARAMETER, sum + at * TERMS);
    }
}

/* Fader, Hardie & Lee 2005, eq. 6, its sums over customers put together; docs/model_architecture.md shows the
 * steps, there too for those who may leave early (Batislam, Denizel & Filiztekin 2007). */
static double likelihood_finish(const void *self, size_t segment, const double *theta, const double *sum,
                                double *gradient) {
  const bg_family *l     = self;
  const double     early = l->early ? 1.0 : 0.0, ab = theta[A] + theta[B], log_alpha = clv_log(theta[ALPHA]);
  const double     all = clv_counts_total(l->counts, segment);
  /* alpha^r of those last seen at 0 cancels where their recency would have its term */
  const double customers = l->early ? clv_counts_positive(l->counts, segment) : all;
  double       by_r, by_b, by_ab;
  const double rising_r  = clv_counts_rising(l->counts, segment, 0, theta[R], &by_r);
  const double rising_b  = clv_counts_rising(l->counts, segment, l->early ? 0 : 1, theta[B], &by_b);
  const double rising_ab = clv_counts_rising(l->counts, segment, 0, ab + early, &by_ab);
  by_ab += early * all / ab;
  gradient[R]     = customers * log_alpha + by_r - sum[1];
  gradient[ALPHA] = customers * theta[R] / theta[ALPHA] - sum[2];
  gradient[A]     = sum[3] - by_ab;
  gradient[B]     = by_b - by_ab + sum[4];
  return customers * theta[R] * log_alpha + rising_r + rising_b - rising_ab + sum[0] -
         (l->early ? all * clv_log(ab) : 0.0);
}

static void likelihood_free(void *self) {
  bg_family *l = self;
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
  bool                     early;
} source;

static clv_status likelihood_new(const void *context, size_t n_segment, const uint32_t *segment,
                                 clv_likelihood *out) {
  const source   *from  = context;
  const clv_comm *comm  = from->data->comm;
  clv_cells       cells = *from->data->cells;
  bg_family      *l     = NULL;
  clv_status      st    = clv_calloc(1, sizeof *l, (void **)&l);
  const size_t    n     = (size_t)(cells.blocks.last - cells.blocks.first);
  cells.segment = segment, cells.n_segment = n_segment;
  if (st == CLV_OK) {
    l->isa   = clv_isa_best();
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

clv_status clv_bg_hierarchy_new(const char *name, const clv_purchase_data *data, clv_likelihood *likelihood,
                                clv_model *out) {
  double     age = 1.0;
  clv_status st  = CLV_OK;
  CLV_TRY(clv_mean_age(data->comm, data->cells, &age));
  const clv_slot_default slot[N_PARAMETER] = {
      {{CLV_PRIOR_NORMAL, {-0.5, 1.25, 0}},
       "r from 0.05 to 7: purchase rates from wildly to hardly different between customers"},
      {{CLV_PRIOR_NORMAL, {-clv_log(age), 2.0, 0}},
       "0.02 to 50 purchases in the mean observed age, were nobody to leave"},
      {{CLV_PRIOR_NORMAL, {-1.0, 1.5, 0}}, "mean dropout probability from 2 % to 88 % a purchase"},
      {{CLV_PRIOR_NORMAL, {1.0, 1.25, 0}},
       "dropout probabilities from U-shaped to alike: a + b from 0.2 to 33"},
  };
  const clv_hierarchy_plan plan = {.name        = name,
                                   .coordinates = &CLV_BG_COORDINATES,
                                   .slot        = slot,
                                   .priors      = data->priors,
                                   .comm        = data->comm,
                                   .pooled      = data->cells->pooled};
  CLV_TRY(clv_comm_agree(data->comm, clv_hierarchy_new(likelihood, &plan, out)));
out:
  return st;
}

void clv_bg_batch_gradient(const clv_batch_kind *kind, clv_isa isa, const clv_batch *batch, double *value,
                           double *by_log_theta) {
  CLV_KERNEL_PICK(clv_bg_batch, isa)(kind, batch, value, by_log_theta);
}

static clv_status family_new(const clv_process_ops *process, bool early, const clv_purchase_data *data,
                             clv_model *out) {
  const source        from       = {data, early};
  clv_regression_plan plan       = clv_purchases_regression(data, process);
  clv_likelihood      likelihood = {0};
  clv_regression     *regression = NULL;
  clv_status          st         = CLV_OK;
  plan.data.make = likelihood_new, plan.data.context = &from;
  plan.data.batch = clv_bg_batch_gradient, plan.data.kind = (clv_batch_kind){1, early ? 1.0 : 0.0};
  CLV_TRY(clv_regression_likelihood(&plan, &regression, &likelihood));
  CLV_TRY(clv_bg_hierarchy_new(process->name, data, &likelihood, out));
  clv_regression_wrap(&regression, out);
out:
  clv_likelihood_free(&likelihood);
  clv_regression_free(&regression);
  return st;
}

clv_status clv_bg_nbd_new(const clv_purchase_data *data, clv_model *out) {
  return family_new(&CLV_BG_NBD_PROCESS, false, data, out);
}

clv_status clv_mbg_nbd_new(const clv_purchase_data *data, clv_model *out) {
  return family_new(&CLV_MBG_NBD_PROCESS, true, data, out);
}

void clv_bg_alive_draws(const double *theta, size_t stride, size_t n_draw, const clv_customer *who,
                        bool early, double *alive) {
  const clv_bg_seen seen = {(double)who->x, who->t_x, who->T, early ? 1.0 : 0.0};
  CLV_KERNEL_PICK(clv_bg_alive, clv_isa_best())(theta, stride, n_draw, &seen, alive);
}
