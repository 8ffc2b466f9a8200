#include "engine/models/gamma_value_latent.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "engine/models/gamma_value.h"
#include "engine/models/gamma_value_grid.h"
#include "engine/models/gamma_value_latent_kernel.h"
#include "engine/numerics/pinned.h"

enum { N = 2, N_PARAMETER = CLV_GAMMA_LATENT_PHI, TERMS = CLV_GAMMA_LATENT_TERMS, WIDTH = CLV_LATENT_BLOCK };
enum { SUMS = CLV_GAMMA_LATENT_SUMS, EM_MOST = 40, EM_BLOCKS_MOST = 4, MOMENTS = 6 };
static const double DIFFERENCE = 0.05, TERM_MOST = 20.0, EM_DONE = 0.01;

typedef struct gamma_latent {
  clv_blocks blocks;
  clv_slots  slots;                   /* one population: phi are its coordinates */
  double     origin[N_PARAMETER];     /* phi_0 of the centring */
  double     volume[SUMS];            /* the logs of all customers' deviations at phi_0, and their slopes */
  double     log_sums;                /* of the logs of all amounts, over all ranks */
  double    *number, *log_mean, *gap; /* owned, [n_block][WIDTH] */
  float     *centring;                /* owned, [n_block][TERMS][WIDTH] */
  clv_isa    isa;
} gamma_latent;

static size_t gamma_n_dim(const void *self) { return self == NULL ? 0 : N_PARAMETER; }
static size_t gamma_n_sum(const void *self) { return self == NULL ? 0 : SUMS; }
static size_t gamma_n_latent(const void *self) { return self == NULL ? 0 : N; }

static clv_blocks gamma_blocks(const void *self) { return ((const gamma_latent *)self)->blocks; }

static clv_gamma_value_prior prior_at(const double *phi) {
  double theta[N_PARAMETER];
  CLV_GAMMA_VALUE_COORDINATES.natural(phi, theta, NULL);
  return clv_gamma_value_prior_of(theta);
}

static clv_gamma_latent_scales scales_of(const gamma_latent *m, const double *phi) {
  const clv_gamma_value_prior p  = prior_at(phi);
  clv_gamma_latent_scales     to = {
          .mean = {phi[0], phi[1]}, .sd = {p.sd[0], p.sd[1]}, .rho = p.rho, .root = sqrt(p.rest)};
  for (size_t k = 0; k < N_PARAMETER; k++) to.moved[k] = phi[k] - m->origin[k];
  return to;
}

static clv_gamma_latent_rows rows_of(const gamma_latent *m, size_t block) {
  const size_t o = block * WIDTH;
  return (clv_gamma_latent_rows){WIDTH, m->number + o, m->log_mean + o, m->gap + o, m->centring + o * TERMS};
}

static void gamma_block(const void *self, size_t block, const double *phi, const double *z, double *gradient,
                        double *sum) {
  const gamma_latent           *m    = self;
  const clv_gamma_latent_rows   rows = rows_of(m, block);
  const clv_gamma_latent_scales to   = scales_of(m, phi);
  CLV_KERNEL_PICK(clv_gamma_value_latent, m->isa)(&rows, &to, z, gradient, sum);
}

static void gamma_finish(const void *self, const double *phi, const double *sum, double *log_density,
                         double *gradient) {
  const gamma_latent *m = self;
  *log_density          = sum[0] + m->volume[0] - m->log_sums;
  for (size_t k = 0; k < N_PARAMETER; k++) {
    gradient[k] = sum[1 + k] + m->volume[1 + k];
    *log_density += m->volume[1 + k] * (phi[k] - m->origin[k]);
  }
  *log_density += clv_slots_log_density(&m->slots, phi, gradient);
  if (*log_density == INFINITY) *log_density = NAN;
}

static void gamma_variable(const void *self, size_t i, clv_variable *out) {
  (void)self;
  *out = (clv_variable){.length = 1};
  snprintf(out->name, sizeof out->name, "%s", CLV_GAMMA_VALUE_COORDINATES.parameter[i]);
}

static void gamma_constrain(const void *self, const double *phi, double *value) {
  (void)self;
  CLV_GAMMA_VALUE_COORDINATES.natural(phi, value, NULL);
}

/* Spread around the centring's population, by half a unit of each coordinate. */
static void gamma_start(const void *self, clv_rng *rng, double *phi) {
  const gamma_latent *m = self;
  for (size_t k = 0; k < N_PARAMETER; k++) phi[k] = m->origin[k] + clv_rng_uniform(rng) - 0.5;
}

static void gamma_prior_draw(const void *self, clv_rng *rng, double *phi) {
  clv_slots_draw(&((const gamma_latent *)self)->slots, rng, phi);
}

static int gamma_prior_line(const void *self, size_t i, char *line, size_t size) {
  if (i >= N_PARAMETER) return 0;
  clv_slots_line(&((const gamma_latent *)self)->slots, i, line, size);
  return 1;
}

static const char *gamma_latent_name(const void *self, size_t k) {
  (void)self;
  return k == 0 ? "log_alpha" : "log_beta";
}

/* See the kernel's header for the notation. */
static void gamma_latent_constrain(const void *self, size_t block, const double *phi, const double *z,
                                   double *value) {
  const gamma_latent           *m    = self;
  const clv_gamma_latent_rows   rows = rows_of(m, block);
  const clv_gamma_latent_scales to   = scales_of(m, phi);
  const double                  s = to.sd[1] * to.root, drift = to.sd[1] * to.rho;
  for (size_t i = 0; i < WIDTH; i++) {
    double term[2];
    for (size_t t = 0; t < 2; t++) {
      term[t] = rows.centring[t * WIDTH + i];
      for (size_t k = 0; k < N_PARAMETER; k++)
        term[t] += to.moved[k] * rows.centring[(2 + N_PARAMETER * t + k) * WIDTH + i];
    }
    const double A = term[0] + clv_exp(term[1]) * z[i], a = to.mean[0] + to.sd[0] * A;
    const double over = 1.0 / (1.0 + rows.number[i] * clv_exp(a) * s * s);
    const double D    = rows.log_mean[i] - to.mean[1] - drift * A;
    const double e    = rows.log_mean[i] + (s * sqrt(over) * z[WIDTH + i] - D * over);
    value[i] = a, value[WIDTH + i] = a - e;
  }
}

static void gamma_free(void *self) {
  gamma_latent *m = self;
  if (m == NULL) return;
  free(m->number), free(m->log_mean), free(m->gap), free(m->centring);
  free(m);
}

static const clv_model_ops HYPER = {.abi        = CLV_MODEL_ABI,
                                    .name       = "gamma_value",
                                    .n_dim      = gamma_n_dim,
                                    .n_sum      = gamma_n_sum,
                                    .finish     = gamma_finish,
                                    .n_variable = gamma_n_dim,
                                    .variable   = gamma_variable,
                                    .constrain  = gamma_constrain,
                                    .start      = gamma_start,
                                    .prior_draw = gamma_prior_draw,
                                    .prior_line = gamma_prior_line,
                                    .free       = gamma_free};

static const clv_latent_model_ops LATENT = {.abi              = CLV_LATENT_ABI,
                                            .hyper            = &HYPER,
                                            .n_latent         = gamma_n_latent,
                                            .blocks           = gamma_blocks,
                                            .block            = gamma_block,
                                            .latent_name      = gamma_latent_name,
                                            .latent_constrain = gamma_latent_constrain};

/* The sum of the logs of all amounts, and the scale of the default priors; exact over all ranks. */
static clv_status scales_sum(const clv_comm *comm, const clv_amounts *a, double *log_sums, double *typical) {
  clv_exact_sum *sum = NULL;
  double         all[3];
  clv_status     st = CLV_OK;
  CLV_TRY(clv_comm_agree(comm, clv_exact_sum_new(3, &sum)));
  for (uint64_t i = 0; i < a->blocks.last - a->blocks.first; i++) {
    if (a->n[i] == 0) continue;
    clv_exact_sum_add_at(sum, 0, a->n[i] * a->mean_log[i]);
    clv_exact_sum_add_at(sum, 1, a->mean[i]);
    clv_exact_sum_add_at(sum, 2, 1.0);
  }
  CLV_TRY(clv_exact_sum_total(sum, comm, all));
  *log_sums = all[0];
  *typical  = all[2] > 0.0 ? all[1] / all[2] : a->rescale_factor;
out:
  clv_exact_sum_free(&sum);
  return st;
}

static clv_status columns_fill(const clv_amounts *a, gamma_latent *m) {
  const size_t room = (size_t)(a->blocks.last_block - a->blocks.first_block) * WIDTH + 1;
  clv_status   st   = CLV_OK;
  CLV_TRY(clv_calloc(room, sizeof *m->number, (void **)&m->number));
  CLV_TRY(clv_calloc(room, sizeof *m->log_mean, (void **)&m->log_mean));
  CLV_TRY(clv_calloc(room, sizeof *m->gap, (void **)&m->gap));
  CLV_TRY(clv_calloc(room, TERMS * sizeof *m->centring, (void **)&m->centring));
  for (uint64_t i = 0; i < a->blocks.last - a->blocks.first; i++) {
    if (a->n[i] == 0) continue;
    const clv_gamma_value_record r = clv_gamma_value_record_of(a->n[i], a->mean[i], a->mean_log[i]);
    m->number[i] = r.n, m->log_mean[i] = r.log_mean, m->gap[i] = r.gap;
  }
out:
  return st;
}

/* ---- the centring ---- */

static clv_gamma_value_record record_at(const gamma_latent *m, size_t i) {
  return (clv_gamma_value_record){m->number[i], m->log_mean[i], m->gap[i]};
}

/* Mean of A under a population, and the log of its deviation, by the grid. */
static void spread_of(const gamma_latent *m, size_t i, const clv_gamma_value_prior *p, double *term) {
  const clv_gamma_value_record r = record_at(m, i);
  clv_gamma_value_result       found;
  clv_gamma_value_integrate(p, &r, m->isa, 0, &found);
  term[0] = found.moment[0];
  term[1] = 0.5 * clv_log(found.moment[2] - found.moment[0] * found.moment[0]);
}

/* phi_0's population, and those a step up and down in each coordinate. */
typedef struct surroundings {
  clv_gamma_value_prior at[1 + 2 * N_PARAMETER];
} surroundings;

static surroundings surroundings_of(const double *phi) {
  surroundings s;
  s.at[0] = prior_at(phi);
  for (size_t k = 0; k < 2 * N_PARAMETER; k++) {
    double moved[N_PARAMETER];
    memcpy(moved, phi, sizeof moved);
    moved[k / 2] += k % 2 == 0 ? DIFFERENCE : -DIFFERENCE;
    s.at[1 + k] = prior_at(moved);
  }
  return s;
}

/* One customer's terms; the population's own where he has no amounts, or where anything is not finite. */
static void customer_terms(const gamma_latent *m, size_t i, const surroundings *s, double *term) {
  bool finite = m->number[i] > 0.0;
  if (finite) spread_of(m, i, &s->at[0], term);
  for (size_t k = 0; k < N_PARAMETER && finite; k++) {
    double up[2], down[2];
    spread_of(m, i, &s->at[1 + 2 * k], up);
    spread_of(m, i, &s->at[2 + 2 * k], down);
    for (size_t t = 0; t < 2; t++) term[2 + N_PARAMETER * t + k] = (up[t] - down[t]) / (2.0 * DIFFERENCE);
  }
  for (size_t k = 0; k < TERMS && finite; k++) finite = fabs(term[k]) < TERM_MOST;
  for (size_t k = 0; k < TERMS && !finite; k++) term[k] = 0.0;
}

static void block_centre(gamma_latent *m, size_t block, const surroundings *s, double *volume) {
  float *to = m->centring + block * WIDTH * TERMS;
  for (size_t i = 0; i < WIDTH; i++) {
    double term[TERMS];
    customer_terms(m, block * WIDTH + i, s, term);
    for (size_t k = 0; k < TERMS; k++) to[k * WIDTH + i] = (float)term[k];
    volume[0] += (double)to[WIDTH + i];
    for (size_t k = 0; k < N_PARAMETER; k++) volume[1 + k] += (double)to[(2 + N_PARAMETER + k) * WIDTH + i];
  }
}

/* One step of EM from moments, added up over customers: their number, A, E, A^2, E^2, A E. */
static bool population_step(const double *sum, double *phi) {
  const clv_gamma_value_prior p = prior_at(phi);
  const double                n = sum[0], A = sum[1] / n, E = sum[2] / n;
  const double vA = sum[3] / n - A * A, vE = sum[4] / n - E * E, rho = (sum[5] / n - A * E) / sqrt(vA * vE);
  const double next[N_PARAMETER]  = {phi[0] + p.sd[0] * A, phi[1] + p.sd[1] * E, phi[2] + 0.5 * clv_log(vA),
                                     phi[3] + 0.5 * clv_log(vE), 0.5 * (clv_log1p(rho) - clv_log1p(-rho))};
  const double least[N_PARAMETER] = {-5.0, -100.0, -2.5, -2.5, -1.5},
               most[N_PARAMETER]  = {5.0, 100.0, 0.5, 0.5, 1.5};
  double change                   = 0.0;
  for (size_t k = 0; k < N_PARAMETER; k++)
    if (!isfinite(next[k])) return true; /* without amounts: the priors' middle stays */
  for (size_t k = 0; k < N_PARAMETER; k++) {
    const double to = fmin(fmax(next[k], least[k]), most[k]);
    change          = fmax(change, fabs(to - phi[k]));
    phi[k]          = to;
  }
  return change < EM_DONE;
}

static void moments_add(const gamma_latent *m, size_t block, const clv_gamma_value_prior *p,
                        clv_exact_sum *sum) {
  double total[MOMENTS] = {0};
  for (size_t i = block * WIDTH; i < (block + 1) * WIDTH; i++) {
    const clv_gamma_value_record r = record_at(m, i);
    clv_gamma_value_result       found;
    if (!(r.n > 0.0)) continue;
    clv_gamma_value_integrate(p, &r, m->isa, 0, &found);
    total[0] += 1.0;
    for (size_t k = 0; k + 1 < MOMENTS; k++) total[1 + k] += found.moment[k];
  }
  clv_exact_sum_add(sum, total);
}

/* phi_0 by EM over a few blocks spread over the portfolio: it need not be exact. Collective. */
static clv_status population_find(const clv_comm *comm, gamma_latent *m) {
  const clv_blocks *b      = &m->blocks;
  const uint64_t    stride = (b->n_block + EM_BLOCKS_MOST - 1) / EM_BLOCKS_MOST;
  clv_exact_sum    *sum    = NULL;
  double            total[MOMENTS];
  clv_status        st = CLV_OK;
  CLV_TRY(clv_comm_agree(comm, clv_exact_sum_new(MOMENTS, &sum)));
  for (int step = 0; step < EM_MOST && b->n_block > 0; step++) {
    const clv_gamma_value_prior p = prior_at(m->origin);
    clv_exact_sum_clear(sum);
    for (uint64_t k = 0; k < b->n_block; k += stride)
      if (k >= b->first_block && k < b->last_block) moments_add(m, (size_t)(k - b->first_block), &p, sum);
    CLV_TRY(clv_exact_sum_total(sum, comm, total));
    if (population_step(total, m->origin)) break;
  }
out:
  clv_exact_sum_free(&sum);
  return st;
}

static clv_status customers_centre(const clv_comm *comm, gamma_latent *m) {
  clv_exact_sum *sum = NULL;
  clv_status     st  = CLV_OK;
  CLV_TRY(population_find(comm, m));
  CLV_TRY(clv_comm_agree(comm, clv_exact_sum_new(SUMS, &sum)));
  const surroundings s = surroundings_of(m->origin);
  for (size_t b = 0; b < (size_t)(m->blocks.last_block - m->blocks.first_block); b++) {
    double volume[SUMS] = {0};
    block_centre(m, b, &s, volume);
    clv_exact_sum_add(sum, volume);
  }
  CLV_TRY(clv_exact_sum_total(sum, comm, m->volume));
out:
  clv_exact_sum_free(&sum);
  return st;
}

clv_status clv_gamma_value_latent_new(const clv_comm *comm, const clv_amounts *amounts,
                                      const clv_prior_texts *priors, clv_latent_model *out) {
  clv_slot_default slot[N_PARAMETER];
  gamma_latent    *m = NULL;
  double           log_sums, typical;
  clv_status       st = CLV_OK;
  CLV_TRY(scales_sum(comm, amounts, &log_sums, &typical));
  clv_gamma_value_slots(typical, slot);
  st = clv_calloc(1, sizeof *m, (void **)&m);
  if (st == CLV_OK) {
    m->blocks = amounts->blocks;
    m->isa    = clv_isa_best();
    st        = clv_slots_fill(&CLV_GAMMA_VALUE_COORDINATES, slot, priors, &m->slots);
  }
  if (st == CLV_OK) st = columns_fill(amounts, m);
  CLV_TRY(clv_comm_agree(comm, st));
  m->log_sums = log_sums;
  for (size_t k = 0; k < N_PARAMETER; k++) m->origin[k] = slot[k].prior.argument[0];
  CLV_TRY(customers_centre(comm, m));
  *out = (clv_latent_model){.ops = &LATENT, .self = m};
  m    = NULL;
out:
  gamma_free(m);
  return st;
}
