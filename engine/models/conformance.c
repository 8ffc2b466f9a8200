#include "engine/models/conformance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/accumulator.h"

enum { N_POINT = 4, SEED = 20050224 };

/* One model under test, with room for N_POINT points. */
typedef struct probe {
  const clv_model *model; /* borrowed */
  clv_accumulator *sums;  /* owned */
  size_t           dim, n_sum, n_value;
  double          *slab; /* owned: the arrays below */
  double          *phi, *sum, *gradient, *value, *moved, *spare;
} probe;

static void probe_end(probe *p) {
  clv_accumulator_free(&p->sums);
  free(p->slab);
  p->slab = NULL;
}

static clv_status probe_begin(const clv_comm *comm, const clv_model *model, probe *p) {
  const clv_model_ops *ops = model->ops;
  clv_status           st  = CLV_OK;
  *p                       = (probe){.model   = model,
                                     .dim     = ops->n_dim(model->self),
                                     .n_sum   = ops->n_sum(model->self),
                                     .n_value = clv_model_n_value(model)};
  const clv_summand what   = {.self    = model->self,
                              .n_block = ops->n_block(model->self),
                              .n_sum   = p->n_sum,
                              .n_dim   = p->dim,
                              .block   = ops->block};
  CLV_TRY(clv_accumulator_new(comm, &what, N_POINT, &p->sums));
  CLV_TRY(clv_calloc(N_POINT * p->dim + N_POINT * p->n_sum + 3 * p->dim + p->n_value, sizeof *p->slab,
                     (void **)&p->slab));
  p->phi      = p->slab;
  p->sum      = p->phi + N_POINT * p->dim;
  p->gradient = p->sum + N_POINT * p->n_sum;
  p->moved    = p->gradient + p->dim;
  p->spare    = p->moved + p->dim;
  p->value    = p->spare + p->dim;
  for (uint32_t k = 0; k < N_POINT; k++) clv_model_start(model, SEED, k, p->phi + k * p->dim);
out:
  return st;
}

/* Log density and gradient at one point. Collective. */
static double density_at(probe *p, const double *phi, double *gradient) {
  double log_density = NAN;
  CLV_CHECK(clv_accumulator_evaluate(p->sums, 1, phi, p->sum) == CLV_OK);
  p->model->ops->finish(p->model->self, phi, p->sum, &log_density, gradient);
  return log_density;
}

static clv_status table_check(const clv_model *model) {
  const char *fault = clv_model_ops_fault(model->ops);
  return fault == NULL ? CLV_OK : clv_fail(CLV_EUSAGE, "model: its %s", fault);
}

clv_status clv_conformance_names(const clv_model *model) {
  const size_t n = model->ops->n_variable(model->self);
  if (model->ops->n_dim(model->self) == 0)
    return clv_fail(CLV_EUSAGE, "model %s: it has no coordinates", model->ops->name);
  for (size_t i = 0; i < n; i++) {
    clv_variable one, other;
    model->ops->variable(model->self, i, &one);
    if (one.name[0] == '\0' || one.length == 0)
      return clv_fail(CLV_EUSAGE, "model %s: variable %zu has no name or no length", model->ops->name, i);
    for (size_t j = 0; j < i; j++) {
      model->ops->variable(model->self, j, &other);
      if (strcmp(one.name, other.name) == 0)
        return clv_fail(CLV_EUSAGE, "model %s: two variables are named %s", model->ops->name, one.name);
    }
  }
  return CLV_OK;
}

static clv_status names_check(probe *p, clv_conformance *found) {
  (void)found;
  return clv_conformance_names(p->model);
}

static double central_difference(probe *p, const double *phi, size_t i, double h) {
  memcpy(p->moved, phi, p->dim * sizeof *phi);
  p->moved[i]     = phi[i] + h;
  const double up = density_at(p, p->moved, p->spare);
  p->moved[i]     = phi[i] - h;
  return (up - density_at(p, p->moved, p->spare)) / (2.0 * h);
}

/* Richardson: the error falls with h^4; h balances it against rounding of the log density. */
static clv_status gradient_check(probe *p, clv_conformance *found) {
  for (size_t k = 0; k < N_POINT; k++) {
    const double *phi   = p->phi + k * p->dim;
    const double  value = density_at(p, phi, p->gradient);
    if (!isfinite(value))
      return clv_fail(CLV_EUSAGE, "model %s: the log density at a start point is not finite",
                      p->model->ops->name);
    for (size_t i = 0; i < p->dim; i++) {
      const double h = 1e-3, wide = central_difference(p, phi, i, h);
      const double slope = (4.0 * central_difference(p, phi, i, 0.5 * h) - wide) / 3.0;
      const double off   = fabs(slope - p->gradient[i]) / (1e-6 + 1e-7 * fabs(slope) + 1e-10 * fabs(value));
      if (!(off <= 1.0))
        return clv_fail(CLV_EUSAGE,
                        "model %s: coordinate %zu of the gradient is %.10g, finite differences give %.10g",
                        p->model->ops->name, i, p->gradient[i], slope);
      found->gradient = fmax(found->gradient, off);
    }
  }
  return CLV_OK;
}

/* An entry that keeps state, or reads what it never wrote, shows itself here. */
static clv_status again_check(probe *p, clv_conformance *found) {
  (void)found;
  for (size_t k = 0; k < N_POINT; k++) {
    const double *phi = p->phi + k * p->dim, one = density_at(p, phi, p->gradient);
    for (size_t i = 0; i < p->dim; i++) p->spare[i] = NAN;
    (void)density_at(p, p->phi + (k + 1) % N_POINT * p->dim, p->moved);
    const double two = density_at(p, phi, p->spare);
    if (memcmp(&one, &two, sizeof one) != 0 || memcmp(p->gradient, p->spare, p->dim * sizeof *p->spare) != 0)
      return clv_fail(
          CLV_EUSAGE,
          "model %s: asked again at one point its log density is %.17g, not %.17g, or its gradient differs",
          p->model->ops->name, two, one);
  }
  return CLV_OK;
}

/* Several chains in one pass: the bits of each alone. */
static clv_status chains_check(probe *p, clv_conformance *found) {
  const size_t width = p->n_sum;
  double      *alone = NULL;
  clv_status   st    = CLV_OK;
  (void)found;
  CLV_TRY(clv_calloc(width + 1, sizeof *alone, (void **)&alone));
  for (size_t k = 0; k < N_POINT; k++) {
    CLV_CHECK(clv_accumulator_evaluate(p->sums, 1, p->phi + k * p->dim, alone) == CLV_OK);
    CLV_CHECK(clv_accumulator_evaluate(p->sums, N_POINT, p->phi, p->sum) == CLV_OK);
    if (memcmp(alone, p->sum + k * width, width * sizeof *alone) != 0)
      st = clv_fail(CLV_EUSAGE, "model %s: the sums of chain %zu differ when several chains share a pass",
                    p->model->ops->name, k);
  }
out:
  free(alone);
  return st;
}

clv_status clv_conformance_values(const clv_model *model, const double *phi, uint32_t draw, double *value,
                                  double *moved) {
  const clv_model_ops *ops = model->ops;
  clv_rng              rng = clv_rng_at(SEED, CLV_RNG_PRIOR, 0, 0, draw);
  ops->constrain(model->self, phi, value);
  for (size_t i = 0; i < clv_model_n_value(model); i++)
    if (!isfinite(value[i]))
      return clv_fail(CLV_EUSAGE, "model %s: reported value %zu is not finite at a start point", ops->name,
                      i);
  if (ops->prior_draw == NULL) return CLV_OK;
  ops->prior_draw(model->self, &rng, moved);
  for (size_t i = 0; i < ops->n_dim(model->self); i++)
    if (!isfinite(moved[i]))
      return clv_fail(CLV_EUSAGE, "model %s: coordinate %zu of a prior draw is not finite", ops->name, i);
  return CLV_OK;
}

static clv_status values_check(probe *p, clv_conformance *found) {
  clv_status st = CLV_OK;
  (void)found;
  for (uint32_t k = 0; k < N_POINT && st == CLV_OK; k++)
    st = clv_conformance_values(p->model, p->phi + k * p->dim, k, p->value, p->moved);
  return st;
}

/* Where a trajectory that diverges ends up. */
static clv_status edges_check(probe *p, clv_conformance *found) {
  static const double EDGE[] = {NAN, INFINITY, -INFINITY, 300.0, -300.0, 800.0, -800.0};
  (void)found;
  for (size_t i = 0; i < p->dim; i++)
    for (size_t e = 0; e < sizeof EDGE / sizeof *EDGE; e++) {
      memcpy(p->moved, p->phi, p->dim * sizeof *p->phi);
      p->moved[i]        = EDGE[e];
      const double value = density_at(p, p->moved, p->spare);
      if (value == INFINITY || (!isfinite(EDGE[e]) && isfinite(value)))
        return clv_fail(CLV_EUSAGE, "model %s: the log density is %g where coordinate %zu is %g",
                        p->model->ops->name, value, i, EDGE[e]);
    }
  return CLV_OK;
}

static clv_status variant_check(probe *p, probe *other, clv_conformance *found) {
  const char *name = p->model->ops->name;
  if (p->dim != other->dim) return clv_fail(CLV_EUSAGE, "model %s: variants differ in dimension", name);
  for (size_t k = 0; k < N_POINT; k++) {
    const double *phi = p->phi + k * p->dim;
    const double  one = density_at(p, phi, p->gradient), two = density_at(other, phi, other->gradient);
    double        off = fabs(one - two) / (1e-11 * (1.0 + fabs(one)));
    for (size_t i = 0; i < p->dim; i++) {
      const double by = fabs(p->gradient[i] - other->gradient[i]) /
                        (1e-11 * (1.0 + fabs(one)) + 1e-9 * fabs(p->gradient[i]));
      if (!(by <= off)) off = by; /* a NaN too */
    }
    if (!(off <= 1.0) || isnan(two))
      return clv_fail(CLV_EUSAGE,
                      "model %s: built another way its log density is %.15g, not %.15g, or its "
                      "gradient differs",
                      name, two, one);
    found->variant = fmax(found->variant, off);
  }
  return CLV_OK;
}

/* ---- the same rows dealt to ranks ---- */

typedef struct dealt {
  const clv_conformance_deal *deal;
  size_t                      finisher; /* which part turns sums into the log density */
} dealt;

static size_t dealt_n_block(const dealt *d) {
  size_t n = 0;
  for (size_t k = 0; k < d->deal->n; k++) n += d->deal->part[k].ops->n_block(d->deal->part[k].self);
  return n;
}

static void dealt_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const dealt     *d    = self;
  const clv_model *part = d->deal->part;
  size_t           n;
  while (block >= (n = part->ops->n_block(part->self))) block -= n, part++;
  part->ops->block(part->self, block, n_chain, phi, sum);
}

/* To the last bit, whichever rank finishes. */
static clv_status deal_compare(const clv_comm *comm, probe *p, const dealt *d) {
  const clv_summand what = {
      .self = d, .n_block = dealt_n_block(d), .n_sum = p->n_sum, .n_dim = p->dim, .block = dealt_block};
  const clv_model *part = &d->deal->part[d->finisher];
  clv_accumulator *sums = NULL;
  clv_status       st   = clv_accumulator_new(comm, &what, 1, &sums);
  for (size_t k = 0; st == CLV_OK && k < N_POINT; k++) {
    const double *phi = p->phi + k * p->dim, one = density_at(p, phi, p->gradient);
    double        two = NAN;
    CLV_CHECK(clv_accumulator_evaluate(sums, 1, phi, p->sum) == CLV_OK);
    part->ops->finish(part->self, phi, p->sum, &two, p->spare);
    if (memcmp(&one, &two, sizeof one) != 0 || memcmp(p->gradient, p->spare, p->dim * sizeof *p->spare) != 0)
      st = clv_fail(CLV_EUSAGE,
                    "model %s: with its rows dealt to %zu ranks its log density is %.17g, not %.17g, or its "
                    "gradient differs",
                    p->model->ops->name, d->deal->n, two, one);
  }
  clv_accumulator_free(&sums);
  return st;
}

static clv_status deal_check(const clv_comm *comm, probe *p, const clv_conformance_deal *deal) {
  for (size_t k = 0; k < deal->n; k++) {
    const clv_model *part = &deal->part[k];
    const dealt      d    = {deal, k};
    if (part->ops->n_dim(part->self) != p->dim || part->ops->n_sum(part->self) != p->n_sum)
      return clv_fail(CLV_EUSAGE, "model %s: n_dim or n_sum depends on the rows that a rank holds",
                      p->model->ops->name);
    const clv_status st = deal_compare(comm, p, &d);
    if (st < 0) return st;
  }
  return CLV_OK;
}

/* ---- the report ---- */

void clv_conformance_add(clv_conformance_report *report, const char *what, clv_status st) {
  CLV_CHECK(report->n < CLV_CONFORMANCE_ITEMS);
  clv_conformance_item *item = &report->item[report->n++];
  *item                      = (clv_conformance_item){.what = what, .status = st};
  if (st < 0) snprintf(item->sentence, sizeof item->sentence, "%.255s", clv_message());
  clv_message_clear();
}

void clv_conformance_figure(clv_conformance_report *report, double worst) {
  clv_conformance_item *item = &report->item[report->n - 1];
  if (item->status == CLV_OK)
    snprintf(item->sentence, sizeof item->sentence, "at most %.2g of what is allowed", worst);
}

typedef struct check {
  const char *what;
  clv_status (*run)(probe *p, clv_conformance *found);
} check;

static const check CHECKS[] = {
    {"distinct names of variables", names_check},    {"gradient against finite differences", gradient_check},
    {"the same bits when asked again", again_check}, {"several chains in one pass", chains_check},
    {"finite values and prior draws", values_check}, {"NaN and far coordinates", edges_check},
};

static void ways_run(const clv_comm *comm, const clv_conformance_plan *plan, probe *first,
                     clv_conformance_report *report) {
  for (size_t k = 0; k < plan->n_deal; k++)
    clv_conformance_add(report, plan->deal[k].n == 1 ? "rows on one rank" : "rows dealt to several ranks",
                        deal_check(comm, first, &plan->deal[k]));
  for (size_t k = 1; k < plan->n_model; k++) {
    probe      other = {0};
    clv_status st    = clv_comm_agree(comm, probe_begin(comm, &plan->model[k], &other));
    if (st == CLV_OK) st = variant_check(first, &other, &report->worst);
    probe_end(&other);
    clv_conformance_add(report, plan->way == NULL ? "built another way" : plan->way[k], st);
    clv_conformance_figure(report, report->worst.variant);
  }
}

clv_status clv_conformance_fault(const clv_conformance_report *report) {
  for (size_t i = 0; i < report->n; i++)
    if (report->item[i].status < 0) return clv_fail(report->item[i].status, "%s", report->item[i].sentence);
  return CLV_OK;
}

clv_status clv_conformance_run(const clv_comm *comm, const clv_conformance_plan *plan,
                               clv_conformance_report *report) {
  probe      first = {0};
  clv_status st    = CLV_OK;
  CLV_CHECK(plan->n_model >= 1);
  *report = (clv_conformance_report){0};
  st      = clv_comm_agree(comm, table_check(plan->model));
  if (st < 0) return st;
  CLV_TRY(clv_comm_agree(comm, probe_begin(comm, plan->model, &first)));
  for (size_t k = 0; k < sizeof CHECKS / sizeof *CHECKS; k++) {
    clv_conformance_add(report, CHECKS[k].what, CHECKS[k].run(&first, &report->worst));
    if (CHECKS[k].run == gradient_check) clv_conformance_figure(report, report->worst.gradient);
  }
  ways_run(comm, plan, &first, report);
  st = clv_comm_agree(comm, clv_conformance_fault(report));
out:
  probe_end(&first);
  return st;
}

clv_status clv_conformance_check(const clv_comm *comm, const clv_model *model, size_t n_model,
                                 clv_conformance *found) {
  const clv_conformance_plan plan = {.model = model, .n_model = n_model};
  clv_conformance_report     report;
  const clv_status           st = clv_conformance_run(comm, &plan, &report);
  if (found != NULL) *found = report.worst;
  return st;
}
