#include "engine/models/latent_conformance.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "comm/accumulator.h"

enum { N_POINT = 3, SEED = 20090101, LOOKED_AT = 3, WIDTH = CLV_LATENT_BLOCK };

/* The model at one point. */
typedef struct probe {
  const clv_comm         *comm;  /* borrowed */
  const clv_latent_model *model; /* borrowed */
  clv_model               hyper;
  clv_accumulator        *sums; /* owned */
  clv_blocks              blocks;
  size_t                  n_phi, n_latent, width, n_sum, n_block;
  double                 *phi, *phi_gradient, *spare, *sum, *value; /* owned */
  double                 *z, *gradient;                             /* owned, [n_block][width] */
} probe;

static void probe_end(probe *p) {
  clv_accumulator_free(&p->sums);
  free(p->phi), free(p->phi_gradient), free(p->spare), free(p->sum), free(p->value);
  free(p->z), free(p->gradient);
}

static size_t rows_of(const clv_model *hyper) {
  return hyper->ops->n_block == NULL ? 0 : hyper->ops->n_block(hyper->self);
}

static void probe_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const probe *p = self;
  const size_t o = block * p->width;
  if (block < p->n_block)
    p->model->ops->block(p->model->self, block, phi, p->z + o, p->gradient + o, sum);
  else
    p->hyper.ops->block(p->model->self, block - p->n_block, n_chain, phi, sum);
}

static clv_status probe_begin(const clv_comm *comm, const clv_latent_model *model, probe *p) {
  clv_status st       = CLV_OK;
  p->comm             = comm;
  p->model            = model;
  p->hyper            = clv_latent_model_hyper(model);
  p->blocks           = model->ops->blocks(model->self);
  p->n_phi            = p->hyper.ops->n_dim(model->self);
  p->n_sum            = p->hyper.ops->n_sum(model->self);
  p->n_latent         = model->ops->n_latent(model->self);
  p->width            = p->n_latent * WIDTH;
  p->n_block          = (size_t)(p->blocks.last_block - p->blocks.first_block);
  const clv_summand w = {p, p->n_block + rows_of(&p->hyper), p->n_sum, p->n_phi, probe_block};
  if (p->n_phi < 1 || p->n_latent < 1 || p->n_latent > CLV_LATENT_MOST)
    return clv_fail(CLV_EUSAGE,
                    "model %s: %zu hyperparameters and %zu own parameters; expected at least 1, and 1 to %u",
                    p->hyper.ops->name, p->n_phi, p->n_latent, CLV_LATENT_MOST);
  CLV_TRY(clv_calloc(p->n_phi, sizeof(double), (void **)&p->phi));
  CLV_TRY(clv_calloc(p->n_phi, sizeof(double), (void **)&p->phi_gradient));
  CLV_TRY(clv_calloc(p->n_phi, sizeof(double), (void **)&p->spare));
  CLV_TRY(clv_calloc(p->n_sum + 1, sizeof(double), (void **)&p->sum));
  CLV_TRY(clv_calloc(clv_model_n_value(&p->hyper) + p->width + 1, sizeof(double), (void **)&p->value));
  CLV_TRY(clv_calloc(p->n_block * p->width + 1, sizeof(double), (void **)&p->z));
  CLV_TRY(clv_calloc(p->n_block * p->width + 1, sizeof(double), (void **)&p->gradient));
  CLV_TRY(clv_accumulator_new(comm, &w, 1, &p->sums));
out:
  return st;
}

/* Customers of my block. */
static size_t block_n(const probe *p, size_t block) {
  const uint64_t left = p->blocks.n - (p->blocks.first_block + block) * WIDTH;
  return left < WIDTH ? (size_t)left : WIDTH;
}

static void probe_place(probe *p, uint32_t point) {
  const clv_latent_model_ops *ops = p->model->ops;
  clv_model_start(&p->hyper, SEED, point, p->phi);
  for (size_t b = 0; b < p->n_block; b++) {
    double *z = p->z + b * p->width;
    memset(z, 0, p->width * sizeof *z);
    if (ops->latent_start != NULL) ops->latent_start(p->model->self, b, p->phi, z);
    for (size_t i = 0; i < block_n(p, b); i++) {
      clv_rng rng = clv_rng_at(SEED, CLV_RNG_START, (p->blocks.first_block + b) * WIDTH + i, point, 1);
      for (size_t k = 0; k < p->n_latent; k++) z[k * WIDTH + i] += 0.5 * clv_rng_normal(&rng);
    }
  }
}

/* Collective. */
static double density(probe *p, double *phi_gradient) {
  double log_density = NAN;
  CLV_CHECK(clv_accumulator_evaluate(p->sums, 1, p->phi, p->sum) == CLV_OK);
  p->hyper.ops->finish(p->model->self, p->phi, p->sum, &log_density, phi_gradient);
  return log_density;
}

/* Richardson's difference along *at, or along nothing on ranks where at is NULL. Collective. */
static double slope(probe *p, double *at) {
  const double h = 1e-3, kept = at == NULL ? 0.0 : *at;
  double       value[4];
  for (int k = 0; k < 4; k++) {
    const double step = (k < 2 ? h : 0.5 * h) * (k % 2 == 0 ? 1.0 : -1.0);
    if (at != NULL) *at = kept + step;
    value[k] = density(p, p->spare);
  }
  if (at != NULL) *at = kept;
  return (4.0 * (value[2] - value[3]) / h - (value[0] - value[1]) / (2.0 * h)) / 3.0;
}

static clv_status slope_check(const probe *p, const char *whose, size_t k, double found, double expected,
                              double level, double *worst) {
  const double off = fabs(found - expected) / (1e-6 + 1e-7 * fabs(expected) + 1e-10 * fabs(level));
  if (!(off <= 1.0))
    return clv_fail(CLV_EUSAGE, "model %s: the gradient of %s %zu is %.10g, finite differences give %.10g",
                    p->hyper.ops->name, whose, k, found, expected);
  *worst = fmax(*worst, off);
  return CLV_OK;
}

/* ---- names and values ---- */

static clv_status names_check(probe *p, double *worst) {
  const clv_latent_model_ops *ops = p->model->ops;
  (void)worst;
  for (size_t k = 0; k < p->n_latent; k++) {
    const char *name = ops->latent_name(p->model->self, k);
    if (name == NULL || name[0] == '\0' || strlen(name) >= CLV_NAME_MAX - 8)
      return clv_fail(CLV_EUSAGE, "model %s: own parameter %zu has no name, or one of more than %d letters",
                      p->hyper.ops->name, k, CLV_NAME_MAX - 9);
    for (size_t i = 0; i < k; i++)
      if (strcmp(name, ops->latent_name(p->model->self, i)) == 0)
        return clv_fail(CLV_EUSAGE, "model %s: two own parameters are named %s", p->hyper.ops->name, name);
  }
  return clv_conformance_names(&p->hyper);
}

static clv_status values_check(probe *p, double *worst) {
  (void)worst;
  probe_place(p, 0);
  return clv_conformance_values(&p->hyper, p->phi, 0, p->value, p->spare);
}

/* ---- gradients ---- */

static clv_status gradient_check(probe *p, double *worst) {
  clv_status st = CLV_OK;
  for (uint32_t point = 0; point < N_POINT; point++) {
    probe_place(p, point);
    const double level = density(p, p->phi_gradient);
    if (!isfinite(level))
      return clv_fail(CLV_EUSAGE, "model %s: the log-density at a start point is not finite",
                      p->hyper.ops->name);
    for (size_t i = 0; i < p->n_phi; i++)
      CLV_TRY(slope_check(p, "hyperparameter", i, p->phi_gradient[i], slope(p, &p->phi[i]), level, worst));
  }
out:
  return st;
}

/* Some customers of the first and the last block of each rank in turn: the same number of collective calls
 * everywhere. */
static clv_status customers_check(probe *p, double level, double *worst) {
  clv_status st = CLV_OK;
  for (int rank = 0; rank < clv_comm_size(p->comm); rank++)
    for (size_t t = 0; t < 2 * LOOKED_AT * p->n_latent; t++) {
      const bool   mine  = rank == clv_comm_rank(p->comm) && p->n_block > 0;
      const size_t block = mine && t % 2 == 1 ? p->n_block - 1 : 0, k = t / 2 % p->n_latent;
      const size_t n = mine ? block_n(p, block) : 1, i = (t / 2 / p->n_latent * 7919 + n - 1) % n;
      double      *at       = mine ? p->z + block * p->width + k * WIDTH + i : NULL;
      const double expected = slope(p, at);
      (void)density(p, p->spare); /* the gradient of the place itself again */
      if (mine && st == CLV_OK)
        st = slope_check(p, "own parameter", k, p->gradient[block * p->width + k * WIDTH + i], expected,
                         level, worst);
    }
  return clv_comm_agree(p->comm, st);
}

static clv_status own_check(probe *p, double *worst) {
  clv_status st = CLV_OK;
  for (uint32_t point = 0; point < N_POINT; point++) {
    probe_place(p, point);
    CLV_TRY(customers_check(p, density(p, p->phi_gradient), worst));
  }
out:
  return st;
}

/* An entry that keeps state, or reads what it never wrote, shows itself here. */
static clv_status again_check(probe *p, double *worst) {
  const size_t bytes = p->n_block * p->width * sizeof *p->gradient;
  double      *kept  = NULL;
  clv_status   st    = clv_alloc(bytes + 1, 1, (void **)&kept);
  (void)worst;
  CLV_TRY(clv_comm_agree(p->comm, st));
  probe_place(p, 0);
  const double one = density(p, p->phi_gradient);
  memcpy(kept, p->gradient, bytes);
  probe_place(p, 1);
  (void)density(p, p->spare);
  probe_place(p, 0);
  const double two = density(p, p->spare);
  if (memcmp(&one, &two, sizeof one) != 0 || memcmp(kept, p->gradient, bytes) != 0 ||
      memcmp(p->phi_gradient, p->spare, p->n_phi * sizeof *p->spare) != 0)
    st = clv_fail(CLV_EUSAGE,
                  "model %s: asked again at one point its log-density is %.17g, not %.17g, or its gradient "
                  "differs",
                  p->hyper.ops->name, two, one);
  st = clv_comm_agree(p->comm, st);
out:
  free(kept);
  return st;
}

/* Places without a customer; and finite reported values of those with one. */
static clv_status places_check(probe *p, double *worst) {
  clv_status st    = CLV_OK;
  double    *value = p->value;
  (void)worst;
  probe_place(p, 0);
  (void)density(p, p->phi_gradient);
  for (size_t b = 0; b < p->n_block && st == CLV_OK; b++) {
    const double *g = p->gradient + b * p->width, *z = p->z + b * p->width;
    p->model->ops->latent_constrain(p->model->self, b, p->phi, z, value);
    for (size_t j = 0; j < p->width && st == CLV_OK; j++) {
      if (j % WIDTH >= block_n(p, b) && g[j] != 0.0)
        st = clv_fail(CLV_EUSAGE, "model %s: a place without a customer has gradient %g, expected 0",
                      p->hyper.ops->name, g[j]);
      if (j % WIDTH < block_n(p, b) && !isfinite(value[j]))
        st = clv_fail(CLV_EUSAGE, "model %s: a customer's %s is not finite at a start point",
                      p->hyper.ops->name, p->model->ops->latent_name(p->model->self, j / WIDTH));
    }
  }
  return clv_comm_agree(p->comm, st);
}

/* Where a trajectory that diverges ends up. Collective. */
static clv_status edges_check(probe *p, double *worst) {
  static const double EDGE[] = {NAN, INFINITY, -INFINITY, 800.0, -800.0};
  (void)worst;
  probe_place(p, 0);
  for (size_t i = 0; i < p->n_phi + p->n_latent; i++)
    for (size_t e = 0; e < sizeof EDGE / sizeof *EDGE; e++) {
      const bool   first = p->blocks.first_block == 0 && p->n_block > 0;
      double      *at    = i < p->n_phi ? &p->phi[i] : first ? &p->z[(i - p->n_phi) * WIDTH] : NULL;
      const double kept  = at == NULL ? 0.0 : *at;
      if (at != NULL) *at = EDGE[e];
      const double value = density(p, p->spare);
      if (at != NULL) *at = kept;
      if (value == INFINITY || (!isfinite(EDGE[e]) && isfinite(value)))
        return clv_fail(CLV_EUSAGE, "model %s: the log-density is %g where coordinate %zu is %g",
                        p->hyper.ops->name, value, i, EDGE[e]);
    }
  return CLV_OK;
}

/* ---- the same customers on several ranks, and in another order ---- */

typedef struct dealt {
  const probe           *whole;
  const clv_latent_deal *deal;
  bool                  *differs; /* the gradient of a customer; borrowed */
} dealt;

/* Which part a block is of; rows of phi alone come after its customers. */
static const clv_latent_model *dealt_find(const clv_latent_deal *deal, size_t *block, size_t *first,
                                          size_t *n) {
  const clv_latent_model *part = deal->part;
  for (;; part++) {
    const clv_blocks b     = part->ops->blocks(part->self);
    const clv_model  hyper = clv_latent_model_hyper(part);
    *first = (size_t)b.first_block, *n = (size_t)(b.last_block - b.first_block);
    if (*block < *n + rows_of(&hyper)) return part;
    *block -= *n + rows_of(&hyper);
  }
}

static void dealt_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const dealt            *d = self;
  const probe            *p = d->whole;
  size_t                  first, n;
  const clv_latent_model *part = dealt_find(d->deal, &block, &first, &n);
  if (block >= n) {
    part->ops->hyper->block(part->self, block - n, n_chain, phi, sum);
    return;
  }
  const size_t o = (first + block) * p->width;
  part->ops->block(part->self, block, phi, p->z + o, p->value, sum);
  *d->differs = *d->differs || memcmp(p->value, p->gradient + o, p->width * sizeof *p->value) != 0;
}

static clv_status deal_sizes(const probe *p, const clv_latent_deal *deal, size_t *n_block) {
  *n_block = 0;
  for (size_t k = 0; k < deal->n; k++) {
    const clv_latent_model *part  = &deal->part[k];
    const clv_model         hyper = clv_latent_model_hyper(part);
    const clv_blocks        b     = part->ops->blocks(part->self);
    if (hyper.ops->n_dim(part->self) != p->n_phi || hyper.ops->n_sum(part->self) != p->n_sum ||
        part->ops->n_latent(part->self) != p->n_latent)
      return clv_fail(CLV_EUSAGE, "model %s: n_dim, n_sum or n_latent depends on the customers of a rank",
                      p->hyper.ops->name);
    *n_block += (size_t)(b.last_block - b.first_block) + rows_of(&hyper);
  }
  return CLV_OK;
}

/* To the last bit, whichever rank finishes. */
static clv_status deal_check(probe *p, const clv_latent_deal *deal) {
  bool             differs = false;
  const dealt      d       = {p, deal, &differs};
  clv_accumulator *sums    = NULL;
  size_t           n_block;
  clv_status       st = deal_sizes(p, deal, &n_block);
  if (st < 0) return st;
  const clv_summand what = {&d, n_block, p->n_sum, p->n_phi, dealt_block};
  probe_place(p, 0);
  const double one = density(p, p->phi_gradient);
  CLV_TRY(clv_accumulator_new(p->comm, &what, 1, &sums));
  CLV_CHECK(clv_accumulator_evaluate(sums, 1, p->phi, p->sum) == CLV_OK);
  for (size_t k = 0; k < deal->n && st == CLV_OK; k++) {
    double two = NAN;
    deal->part[k].ops->hyper->finish(deal->part[k].self, p->phi, p->sum, &two, p->spare);
    if (differs || memcmp(&one, &two, sizeof one) != 0 ||
        memcmp(p->phi_gradient, p->spare, p->n_phi * sizeof *p->spare) != 0)
      st = clv_fail(CLV_EUSAGE,
                    "model %s: with its customers dealt to %zu ranks its log-density is %.17g, not %.17g, or "
                    "its gradient differs",
                    p->hyper.ops->name, deal->n, two, one);
  }
out:
  clv_accumulator_free(&sums);
  return st;
}

/* Where customer i's parameter k lies. */
static size_t place_of(const probe *p, uint64_t i, size_t k) {
  return (size_t)(i / WIDTH) * p->width + k * WIDTH + (size_t)(i % WIDTH);
}

static bool is_near(double a, double b, double level) {
  return fabs(a - b) <= 1e-11 * (1.0 + fabs(level)) + 1e-9 * fabs(a);
}

static clv_status order_compare(probe *p, probe *other) {
  const uint64_t n = p->blocks.n;
  probe_place(p, 0);
  memcpy(other->phi, p->phi, p->n_phi * sizeof *p->phi);
  for (uint64_t i = 0; i < n; i++)
    for (size_t k = 0; k < p->n_latent; k++) other->z[place_of(p, n - 1 - i, k)] = p->z[place_of(p, i, k)];
  const double one = density(p, p->phi_gradient), two = density(other, other->phi_gradient);
  bool         same = fabs(one - two) <= 1e-11 * (1.0 + fabs(one));
  for (size_t i = 0; i < p->n_phi; i++)
    same = same && is_near(p->phi_gradient[i], other->phi_gradient[i], one);
  for (uint64_t i = 0; i < n; i++)
    for (size_t k = 0; k < p->n_latent; k++)
      same = same && is_near(p->gradient[place_of(p, i, k)], other->gradient[place_of(p, n - 1 - i, k)], 1.0);
  if (same) return CLV_OK;
  return clv_fail(CLV_EUSAGE,
                  "model %s: with its customers in another order its log-density is %.15g, not %.15g, or its "
                  "gradient differs",
                  p->hyper.ops->name, two, one);
}

static clv_status order_check(probe *p, const clv_latent_model *reversed) {
  probe      other = {0};
  clv_status st    = probe_begin(p->comm, reversed, &other);
  if (st == CLV_OK && (other.n_phi != p->n_phi || other.width != p->width || other.blocks.n != p->blocks.n))
    st =
        clv_fail(CLV_EUSAGE, "model %s: its dimensions depend on the order of customers", p->hyper.ops->name);
  if (st == CLV_OK) st = order_compare(p, &other);
  probe_end(&other);
  return st;
}

/* ---- the report ---- */

static clv_status table_check(const clv_latent_model *model) {
  const char *fault = clv_latent_model_ops_fault(model->ops);
  return fault == NULL ? CLV_OK : clv_fail(CLV_EUSAGE, "model: its %s", fault);
}

typedef struct check {
  const char *what;
  clv_status (*run)(probe *p, double *worst);
} check;

static const check CHECKS[] = {
    {"distinct names of variables", names_check},
    {"gradient against finite differences", gradient_check},
    {"gradient of customers' own parameters", own_check},
    {"the same bits when asked again", again_check},
    {"finite values and prior draws", values_check},
    {"places without a customer", places_check},
    {"NaN and far coordinates", edges_check},
};

clv_status clv_latent_conformance_run(const clv_comm *comm, const clv_latent_plan *plan,
                                      clv_conformance_report *report) {
  probe      p  = {0};
  clv_status st = CLV_OK;
  *report       = (clv_conformance_report){0};
  CLV_TRY(clv_comm_agree(comm, table_check(plan->model)));
  CLV_TRY(clv_comm_agree(comm, probe_begin(comm, plan->model, &p)));
  for (size_t k = 0; k < sizeof CHECKS / sizeof *CHECKS; k++) {
    double     worst = 0.0;
    clv_status found = clv_comm_agree(comm, CHECKS[k].run(&p, &worst));
    clv_comm_max_f64(comm, &worst, 1);
    clv_conformance_add(report, CHECKS[k].what, found);
    if (worst > 0.0) clv_conformance_figure(report, worst);
    report->worst.gradient = fmax(report->worst.gradient, worst);
  }
  for (size_t k = 0; k < plan->n_deal; k++)
    clv_conformance_add(report, "customers dealt to several ranks", deal_check(&p, &plan->deal[k]));
  if (plan->reversed != NULL)
    clv_conformance_add(report, "customers in another order", order_check(&p, plan->reversed));
  st = clv_comm_agree(comm, clv_conformance_fault(report));
out:
  probe_end(&p);
  return st;
}

clv_status clv_latent_conformance_check(const clv_comm *comm, const clv_latent_model *model, double *worst) {
  const clv_latent_plan  plan = {.model = model};
  clv_conformance_report report;
  const clv_status       st = clv_latent_conformance_run(comm, &plan, &report);
  if (worst != NULL) *worst = report.worst.gradient;
  return st;
}
