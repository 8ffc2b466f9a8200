#include "engine/posterior/forecast.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/numerics/pinned.h"
#include "engine/posterior/draw_summary.h"

/* Nodes in T. The residual process depends on T smoothly, but how far its nearest singularity is (T = -alpha
 * for the BG/NBD) only the draws know: the fewest nodes and the shift of the logarithm are chosen at the
 * start so that values between nodes agree with direct calls (tests/unit/forecast). */
enum { NODES_MOST = 65 };
static const double INTERPOLATION_ERROR_MOST = 1e-9;
static const size_t TABLE_BYTES_MOST         = (size_t)512 << 20;

/* Residual process of alive customers with one (segment, x): value[draw][function][node]. */
typedef struct table {
  uint64_t key;   /* segment << 32 | x */
  double  *value; /* borrowed from the slab; NULL: too few customers for a table to pay */
} table;

struct clv_forecast {
  clv_forecast_plan plan;
  clv_theta_draws  *theta_draws, *spend_draws; /* owned; the latter NULL without a spend model */
  clv_theta_view    theta, spend_theta;        /* of the customer at hand */
  size_t            n_function;                /* expected and discounted per horizon, and forever */
  size_t            n_quantity, n_summary;
  bool              has_forever;
  double            node[NODES_MOST], weight[NODES_MOST]; /* of T's transform, and barycentric */
  double            shift;                                /* of T inside the logarithm */
  size_t            n_node;
  table            *table; /* owned [n_table], ascending keys */
  size_t            n_table;
  double           *slab;  /* owned: shared tables */
  double           *spare; /* owned: the table of a key that is not shared */
  uint64_t          spare_key;
  const double     *spare_w; /* borrowed: his covariates who it was made for */
  bool              has_spare;
  double           *draws;                     /* owned [n_quantity][n_draw] */
  double           *alive;                     /* owned [n_draw] */
  double            span[CLV_HORIZON_MAX + 1]; /* horizons, and forever */
  double           *residual;                  /* owned [n_function][n_draw] at the T at hand */
  clv_draw_summary *summary;                   /* owned */
};

static double transform(const clv_forecast *self, double T) { return clv_log(T + self->shift); }
static double transform_back(const clv_forecast *self, double u) { return clv_exp(u) - self->shift; }

/* Chebyshev points of the second kind, with the ends; weights alternate and are halved there (Berrut &
 * Trefethen 2004, eq. 5.4). Cosines by halving an angle and adding it: the C library's depend on the CPU.
 * @param n  2^k + 1 or 3 2^k + 1 */
static void nodes_place(clv_forecast *self, size_t n, double shift) {
  self->shift      = shift;
  self->n_node     = n;
  const double low = transform(self, self->plan.T_least), high = transform(self, self->plan.T_most);
  const bool   by_3 = (n - 1) % 3 == 0;
  double       step = by_3 ? 0.5 : 0.0, before = 1.0, cosine = 1.0;
  for (size_t k = by_3 ? 3 : 2; k < n - 1; k *= 2) step = sqrt(0.5 + 0.5 * step);
  for (size_t k = 0; k < n; k++) {
    self->node[k]     = 0.5 * (low + high) + 0.5 * (high - low) * cosine;
    self->weight[k]   = (k % 2 == 0 ? 1.0 : -1.0) * (k == 0 || k + 1 == n ? 0.5 : 1.0);
    const double next = k == 0 ? step : 2.0 * step * cosine - before;
    before = cosine, cosine = next;
  }
}

/* Lagrange basis at T: value at T = sum of basis[k] × value at node k. */
static void basis_at(const clv_forecast *self, double T, double basis[NODES_MOST]) {
  const double u   = transform(self, T);
  double       sum = 0.0;
  for (size_t k = 0; k < self->n_node; k++) {
    const double distance = u - self->node[k];
    if (distance == 0.0 || self->n_node == 1) {
      memset(basis, 0, NODES_MOST * sizeof *basis);
      basis[k] = 1.0;
      return;
    }
    basis[k] = self->weight[k] / distance;
    sum += basis[k];
  }
  for (size_t k = 0; k < self->n_node; k++) basis[k] /= sum;
}

void clv_forecast_free(clv_forecast **self) {
  if (self == NULL || *self == NULL) return;
  clv_theta_draws_free(&(*self)->theta_draws);
  clv_theta_draws_free(&(*self)->spend_draws);
  free((*self)->table);
  free((*self)->slab);
  free((*self)->spare);
  free((*self)->draws);
  free((*self)->residual);
  free((*self)->alive);
  clv_draw_summary_free(&(*self)->summary);
  free(*self);
  *self = NULL;
}

size_t                 clv_forecast_n_quantity(const clv_forecast *self) { return self->n_quantity; }
size_t                 clv_forecast_n_draw(const clv_forecast *self) { return self->plan.n_draw; }
const clv_process_ops *clv_forecast_process(const clv_forecast *self) { return self->plan.process; }
size_t clv_forecast_width(const clv_forecast *self) { return self->n_quantity * self->n_summary; }

/* From here on, until the next call, parameters are those of a customer of this segment with covariates w. */
static void theta_set(clv_forecast *self, size_t segment, const double *w) {
  self->theta = clv_theta_draws_of(self->theta_draws, segment, w);
  if (self->plan.spend != NULL) self->spend_theta = clv_theta_draws_of(self->spend_draws, segment, w);
}

static const double *theta_at(const clv_forecast *self, size_t draw) {
  return self->theta.at + draw * self->theta.stride;
}

static const double *spend_theta_at(const clv_forecast *self, size_t draw) {
  return self->spend_theta.at + draw * self->spend_theta.stride;
}

/* Money is then not purchases times a mean amount. */
static bool has_worth(const clv_forecast *self) {
  return self->plan.spend != NULL && self->plan.spend->worth != NULL;
}

static clv_spans spans_of(const clv_forecast *self) {
  return (clv_spans){self->plan.delta, self->plan.n_horizon + self->has_forever, self->span};
}

/* Everything the residual process is asked for, at one set of updated parameters. @param[out] value, `stride`
 * apart */
static void functions_evaluate(const clv_forecast *self, const double *updated, double *value,
                               size_t stride) {
  const clv_forecast_plan *p        = &self->plan;
  const bool               is_asked = p->spend != NULL && !has_worth(self);
  for (size_t h = 0; h < p->n_horizon; h++) {
    value[(2 * h) * stride]     = p->process->expected(updated, p->horizon[h]);
    value[(2 * h + 1) * stride] = is_asked ? p->process->discounted(updated, p->delta, p->horizon[h]) : 0.0;
  }
  if (self->has_forever)
    value[2 * p->n_horizon * stride] = is_asked ? p->process->discounted(updated, p->delta, INFINITY) : 0.0;
}

/* value [n_draw][n_function][n_node] for draws [first, last) */
static void table_fill(const clv_forecast *self, uint64_t key, size_t first, size_t last, double *value) {
  clv_customer who = {.x = (uint32_t)key};
  for (size_t s = first; s < last; s++)
    for (size_t k = 0; k < self->n_node; k++) {
      double updated[CLV_PARAMETER_MAX];
      who.T = transform_back(self, self->node[k]);
      if (self->n_node == 1) who.T = self->plan.T_least;
      self->plan.process->update(theta_at(self, s), &who, updated);
      functions_evaluate(self, updated, value + s * self->n_function * self->n_node + k, self->n_node);
    }
}

/* Largest relative error between nodes, for one draw's residual process. */
static double interpolation_error(const clv_forecast *self, size_t draw, uint32_t x) {
  enum { FUNCTIONS_MOST = 2 * CLV_HORIZON_MAX + 1 };
  double       at_node[FUNCTIONS_MOST * NODES_MOST], direct[FUNCTIONS_MOST], basis[NODES_MOST], most = 0.0;
  double       updated[CLV_PARAMETER_MAX];
  clv_customer who = {.x = x};
  for (size_t k = 0; k < self->n_node; k++) {
    who.T = transform_back(self, self->node[k]);
    self->plan.process->update(theta_at(self, draw), &who, updated);
    functions_evaluate(self, updated, at_node + k, self->n_node);
  }
  for (size_t k = 0; k + 1 < self->n_node; k++) {
    who.T = transform_back(self, 0.5 * (self->node[k] + self->node[k + 1]));
    self->plan.process->update(theta_at(self, draw), &who, updated);
    functions_evaluate(self, updated, direct, 1);
    basis_at(self, who.T, basis);
    for (size_t f = 0; f < self->n_function; f++) {
      double sum = 0.0;
      for (size_t j = 0; j < self->n_node; j++) sum += basis[j] * at_node[f * self->n_node + j];
      if (direct[f] != 0.0) most = fmax(most, fabs(sum / direct[f] - 1.0));
    }
  }
  return most;
}

static bool nodes_suffice_at(clv_forecast *self, size_t draw, size_t segment, const double *w) {
  static const uint32_t X[] = {0, 2, 30};
  theta_set(self, segment, w);
  for (size_t k = 0; k < sizeof X / sizeof *X; k++)
    if (!(interpolation_error(self, draw, X[k]) <= INTERPOLATION_ERROR_MOST)) return false;
  return true;
}

static bool nodes_suffice(clv_forecast *self) {
  enum { PROBES = 6, VECTORS = 8 };
  const clv_forecast_plan *p       = &self->plan;
  const size_t             vectors = p->n_vector < VECTORS ? p->n_vector : VECTORS;
  for (size_t i = 0; i < PROBES; i++) {
    const size_t draw = i * (p->n_draw - 1) / (PROBES - 1), segment = i % p->n_segment;
    if (!nodes_suffice_at(self, draw, segment, NULL)) return false;
    for (size_t v = 0; v < vectors; v++)
      if (!nodes_suffice_at(self, draw, segment, p->vector + v * p->n_vector / vectors * p->n_covariate))
        return false;
  }
  return true;
}

/* Over T, for a segment and an x, and for covariates where they act. */
static bool has_tables(const clv_forecast *self) {
  const clv_forecast_plan *p = &self->plan;
  return !p->process->by_recency && (p->shift.shifts == NULL || p->n_vector > 0);
}

/* A function of the plan alone, so that every rank and every call has the same nodes. */
static void nodes_choose(clv_forecast *self) {
  static const size_t COUNT[] = {9, 13, 17, 25, 33, 49, NODES_MOST};
  static const double SHARE[] = {1.0 / 64, 1.0 / 16, 1.0 / 4, 1.0 / 256};
  const double        most    = self->plan.T_most;
  if (!(most > self->plan.T_least) || !has_tables(self)) {
    self->shift   = 1.0;
    self->n_node  = 1;
    self->node[0] = transform(self, self->plan.T_least);
    return;
  }
  for (size_t n = 0; n < sizeof COUNT / sizeof *COUNT; n++)
    for (size_t k = 0; k < sizeof SHARE / sizeof *SHARE; k++) {
      nodes_place(self, COUNT[n], most * SHARE[k]);
      if (nodes_suffice(self)) return;
    }
}

clv_status clv_forecast_new(const clv_forecast_plan *plan, clv_forecast **out) {
  clv_forecast *self = NULL;
  clv_status    st   = CLV_OK;
  CLV_CHECK(plan->n_horizon >= 1 && plan->n_horizon <= CLV_HORIZON_MAX &&
            plan->n_quantile <= CLV_QUANTILE_MAX && plan->n_draw > 0);
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->plan        = *plan;
  self->has_forever = plan->spend != NULL && plan->delta > 0.0;
  memcpy(self->span, plan->horizon, plan->n_horizon * sizeof *self->span);
  self->span[plan->n_horizon] = INFINITY;
  self->n_function            = 2 * plan->n_horizon + self->has_forever;
  self->n_quantity =
      1 + plan->n_horizon + (plan->spend != NULL ? 1 + plan->n_horizon + self->has_forever : 0);
  self->n_summary            = 2 + plan->n_quantile;
  const clv_theta_plan theta = {plan->n_draw, plan->n_segment, plan->process->n_parameter, plan->theta,
                                plan->shift};
  CLV_TRY(clv_theta_draws_new(&theta, &self->theta_draws));
  if (plan->spend != NULL)
    CLV_TRY(clv_theta_draws_new(&(clv_theta_plan){plan->n_draw, plan->n_segment, plan->spend->n_parameter,
                                                  plan->spend_theta, plan->spend_shift},
                                &self->spend_draws));
  nodes_choose(self);
  CLV_TRY(
      clv_alloc(plan->n_draw, self->n_function * self->n_node * sizeof *self->spare, (void **)&self->spare));
  CLV_TRY(clv_alloc(plan->n_draw, self->n_quantity * sizeof *self->draws, (void **)&self->draws));
  CLV_TRY(clv_alloc(plan->n_draw, self->n_function * sizeof *self->residual, (void **)&self->residual));
  CLV_TRY(clv_alloc(plan->n_draw, sizeof *self->alive, (void **)&self->alive));
  CLV_TRY(
      clv_draw_summary_new(plan->n_draw, self->n_quantity, plan->quantile, plan->n_quantile, &self->summary));
  *out = self, self = NULL;
out:
  clv_forecast_free(&self);
  return st;
}

static int more_first(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x > y ? -1 : x < y;
}

/* Histories a key must have to get a table: as many as a table has nodes, more where memory is short. A
 * function of the portfolio alone, so that a customer's bits do not depend on the ranks. */
static clv_status histories_least(const clv_forecast *self, const clv_forecast_key *key, size_t n,
                                  uint64_t *least) {
  const size_t bytes = self->plan.n_draw * self->n_function * self->n_node * sizeof *self->slab;
  const size_t most  = TABLE_BYTES_MOST / bytes;
  uint64_t    *count = NULL;
  clv_status   st    = CLV_OK;
  CLV_TRY(clv_alloc(n + 1, sizeof *count, (void **)&count));
  for (size_t i = 0; i < n; i++) count[i] = key[i].n;
  qsort(count, n, sizeof *count, more_first);
  *least = self->plan.process->by_recency ? UINT64_MAX : self->n_node; /* tables are over T alone */
  if (n > most && count[most] >= *least) *least = count[most] + 1;
out:
  free(count);
  return st;
}

static clv_status tables_place(clv_forecast *self, const clv_forecast_key *key, size_t n) {
  const size_t one    = self->plan.n_draw * self->n_function * self->n_node;
  uint64_t     least  = 0;
  size_t       n_full = 0, used = 0;
  clv_status   st = CLV_OK;
  CLV_TRY(histories_least(self, key, n, &least));
  for (size_t i = 0; i < n; i++) n_full += key[i].n >= least;
  CLV_TRY(clv_calloc(n + 1, sizeof *self->table, (void **)&self->table));
  CLV_TRY(clv_calloc(n_full * one + 1, sizeof *self->slab, (void **)&self->slab));
  for (size_t i = 0; i < n; i++)
    self->table[i] = (table){.key   = (uint64_t)key[i].segment << 32 | key[i].x,
                             .value = key[i].n >= least ? self->slab + used++ * one : NULL};
out:
  return st;
}

clv_status clv_forecast_tabulate(clv_forecast *self, const clv_comm *comm, const clv_forecast_key *key,
                                 size_t n) {
  const size_t one  = self->plan.n_draw * self->n_function * self->n_node;
  const int    size = clv_comm_size(comm);
  clv_status   st   = CLV_OK;
  CLV_TRY(clv_comm_agree(comm, tables_place(self, key, n)));
  for (size_t i = 0, k = 0; i < n; i++)
    if (self->table[i].value != NULL && (int)(k++ % (size_t)size) == clv_comm_rank(comm)) {
      theta_set(self, (size_t)(self->table[i].key >> 32), NULL);
      table_fill(self, self->table[i].key, 0, self->plan.n_draw, self->table[i].value);
    }
  for (size_t i = 0, k = 0; i < n; i++)
    if (self->table[i].value != NULL)
      clv_comm_broadcast(comm, self->table[i].value, one * sizeof *self->slab, (int)(k++ % (size_t)size));
  self->n_table = n;
out:
  return st;
}

static int key_compare(const void *a, const void *b) {
  const uint64_t x = ((const table *)a)->key, y = ((const table *)b)->key;
  return x < y ? -1 : x > y;
}

/* The table of a key that is not shared, kept while customers with the same follow each other. */
static const double *spare_find(clv_forecast *self, uint64_t key, const double *w) {
  const bool is_same = self->has_spare && self->spare_key == key && (w == NULL) == (self->spare_w == NULL) &&
                       (w == NULL || clv_vector_compare(w, self->spare_w, self->plan.n_covariate) == 0);
  if (!is_same) table_fill(self, key, 0, self->plan.n_draw, self->spare);
  self->has_spare = true;
  self->spare_key = key;
  self->spare_w   = w;
  return self->spare;
}

static const double *table_find(clv_forecast *self, const clv_forecast_row *row) {
  const table  wanted = {.key = (uint64_t)row->segment << 32 | row->who.x};
  const table *found  = NULL;
  if (!has_tables(self)) return NULL;
  if (self->n_table > 0)
    found = bsearch(&wanted, self->table, self->n_table, sizeof *self->table, key_compare);
  if (found != NULL) return found->value; /* which may be none */
  return spare_find(self, wanted.key, self->plan.shift.shifts == NULL ? NULL : row->covariate);
}

static void residual_direct(clv_forecast *self, const clv_forecast_row *row) {
  for (size_t s = 0; s < self->plan.n_draw; s++) {
    double updated[CLV_PARAMETER_MAX];
    self->plan.process->update(theta_at(self, s), &row->who, updated);
    functions_evaluate(self, updated, self->residual + s, self->plan.n_draw);
  }
}

/* residual [n_function][n_draw] at this (segment, x, T). */
static void residual_at(clv_forecast *self, const clv_forecast_row *row) {
  const double *value = table_find(self, row);
  double        basis[NODES_MOST];
  if (value == NULL) {
    residual_direct(self, row);
    return;
  }
  basis_at(self, row->who.T, basis);
  for (size_t s = 0; s < self->plan.n_draw; s++)
    for (size_t f = 0; f < self->n_function; f++) {
      const double *at  = value + (s * self->n_function + f) * self->n_node;
      double        sum = 0.0;
      for (size_t k = 0; k < self->n_node; k++) sum += basis[k] * at[k];
      self->residual[f * self->plan.n_draw + s] = sum;
    }
}

/* ---- one customer's quantities under each draw ---- */

static double *quantity(double *draws, const clv_forecast *self, size_t i) {
  return draws + i * self->plan.n_draw;
}

static void purchases_of(clv_forecast *self, const clv_forecast_row *row, double *draws) {
  const clv_forecast_plan *p = &self->plan;
  clv_draws_p_alive(&self->theta, p->n_draw, p->process, &row->who, self->alive);
  memcpy(quantity(draws, self, 0), self->alive, p->n_draw * sizeof *draws);
  for (size_t h = 0; h < p->n_horizon; h++) {
    const double *residual = self->residual + 2 * h * p->n_draw;
    double       *to       = quantity(draws, self, 1 + h);
    for (size_t s = 0; s < p->n_draw; s++) to[s] = self->alive[s] * residual[s];
  }
}

/* Spend and lifetime values of one draw, as clv_spend_ops.worth gives them. */
static void worth_put(const clv_forecast *self, size_t s, const double *worth, double *draws) {
  const size_t first              = 1 + self->plan.n_horizon;
  quantity(draws, self, first)[s] = worth[0];
  for (size_t h = 0; h < self->plan.n_horizon + self->has_forever; h++)
    quantity(draws, self, first + 1 + h)[s] = self->plan.margin * worth[1 + h];
}

static void money_of(clv_forecast *self, const clv_forecast_row *row, double *draws) {
  const clv_forecast_plan *p     = &self->plan;
  const size_t             first = 1 + p->n_horizon;
  double                  *spend = quantity(draws, self, first);
  const clv_spans          spans = spans_of(self);
  double                   worth[CLV_HORIZON_MAX + 2];
  for (size_t s = 0; has_worth(self) && s < p->n_draw; s++) {
    p->spend->worth(spend_theta_at(self, s), &row->who, &spans, worth);
    worth_put(self, s, worth, draws);
  }
  if (has_worth(self)) return;
  clv_draws_spend(&self->spend_theta, p->n_draw, p->spend, &row->who, spend);
  for (size_t h = 0; h < p->n_horizon + self->has_forever; h++) {
    const double *residual = self->residual + (h < p->n_horizon ? 2 * h + 1 : 2 * p->n_horizon) * p->n_draw;
    double       *to       = quantity(draws, self, first + 1 + h);
    for (size_t s = 0; s < p->n_draw; s++) to[s] = p->margin * spend[s] * self->alive[s] * residual[s];
  }
}

static int row_covariates_compare(const clv_forecast_row *x, const clv_forecast_row *y) {
  return x->covariate == NULL || y->covariate == NULL
             ? 0
             : clv_vector_compare(x->covariate, y->covariate, x->n_covariate);
}

static int row_compare(const void *a, const void *b) {
  const clv_forecast_row *x = a, *y = b;
  if (x->segment != y->segment) return x->segment < y->segment ? -1 : 1;
  const int covariates = row_covariates_compare(x, y);
  if (covariates != 0) return covariates;
  if (x->who.x != y->who.x) return x->who.x < y->who.x ? -1 : 1;
  if (x->who.T != y->who.T) return x->who.T < y->who.T ? -1 : 1;
  if (x->who.t_x != y->who.t_x) return x->who.t_x < y->who.t_x ? -1 : 1;
  if (x->who.spend != y->who.spend) return x->who.spend < y->who.spend ? -1 : 1;
  return x->who.log_spend < y->who.log_spend ? -1 : x->who.log_spend > y->who.log_spend;
}

/* All that spend models look at. */
static bool has_same_amounts(const clv_customer *x, const clv_customer *y) {
  return x->spend == y->spend && x->n_spend == y->n_spend && x->positive_spend == y->positive_spend &&
         x->log_spend == y->log_spend && x->log_spend_ss == y->log_spend_ss;
}

/* How much of what was computed for the customer before serves this one too. */
typedef enum shared { NOTHING, RESIDUAL, HISTORY, EVERYTHING } shared;

static shared shared_with(const clv_forecast *self, const clv_forecast_row *before,
                          const clv_forecast_row *row) {
  if (before == NULL || before->segment != row->segment || row_covariates_compare(before, row) != 0 ||
      before->who.x != row->who.x || before->who.T != row->who.T)
    return NOTHING;
  if (before->who.t_x != row->who.t_x) return self->plan.process->by_recency ? NOTHING : RESIDUAL;
  if (has_same_amounts(&before->who, &row->who)) return EVERYTHING;
  return self->plan.process->by_amounts ? NOTHING : HISTORY;
}

static void row_forecast(clv_forecast *self, const clv_forecast_row *row, shared how, double *out) {
  const size_t purchases = 1 + self->plan.n_horizon;
  theta_set(self, row->segment, row->covariate);
  if (how < RESIDUAL) residual_at(self, row);
  if (how < HISTORY) {
    purchases_of(self, row, self->draws);
    for (size_t i = 0; i < purchases; i++)
      clv_draw_summary_of(self->summary, i, quantity(self->draws, self, i), out + i * self->n_summary);
  }
  if (self->plan.spend == NULL) return;
  money_of(self, row, self->draws);
  for (size_t i = purchases; i < self->n_quantity; i++)
    clv_draw_summary_of(self->summary, i, quantity(self->draws, self, i), out + i * self->n_summary);
}

clv_status clv_forecast_summarise(clv_forecast *self, size_t n, clv_forecast_row *row, double *result) {
  const size_t            width  = clv_forecast_width(self);
  const clv_forecast_row *before = NULL;
  double                 *last   = NULL;
  qsort(row, n, sizeof *row, row_compare);
  if (self->spare_w != NULL) self->has_spare = false; /* whose covariates may be gone */
  for (size_t i = 0; i < n; i++) {
    const shared how = shared_with(self, before, &row[i]);
    double      *out = result + (size_t)row[i].place * width;
    if (how >= HISTORY) memcpy(out, last, width * sizeof *out);
    if (how < EVERYTHING) row_forecast(self, &row[i], how, out);
    before = &row[i];
    last   = out;
  }
  return CLV_OK;
}

clv_status clv_forecast_draws(clv_forecast *self, const clv_forecast_row *row, double *draws) {
  theta_set(self, row->segment, row->covariate);
  if (self->spare_w != NULL) self->has_spare = false;
  residual_at(self, row);
  purchases_of(self, row, draws);
  if (self->plan.spend != NULL) money_of(self, row, draws);
  return CLV_OK;
}

clv_theta_view clv_forecast_theta(const clv_forecast *self) { return self->theta; }

static void worth_of_new(const clv_forecast *self, size_t s, double *worth) {
  const clv_forecast_plan *p     = &self->plan;
  const clv_spans          spans = spans_of(self);
  if (has_worth(self)) {
    p->spend->worth_new(spend_theta_at(self, s), &spans, worth);
    return;
  }
  worth[0] = p->spend->expected_new(spend_theta_at(self, s));
  for (size_t h = 0; h < spans.n; h++)
    worth[1 + h] = worth[0] * p->process->discounted_new(theta_at(self, s), p->delta, spans.length[h]);
}

void clv_forecast_new_customer(clv_forecast *self, uint32_t segment, double *result) {
  const clv_forecast_plan *p = &self->plan;
  theta_set(self, segment, NULL);
  for (size_t s = 0; s < p->n_draw; s++) {
    quantity(self->draws, self, 0)[s] = 1.0;
    for (size_t h = 0; h < p->n_horizon; h++)
      quantity(self->draws, self, 1 + h)[s] = p->process->expected_new(theta_at(self, s), p->horizon[h]);
    if (p->spend == NULL) continue;
    double worth[CLV_HORIZON_MAX + 2];
    worth_of_new(self, s, worth);
    worth_put(self, s, worth, self->draws);
  }
  for (size_t i = 0; i < self->n_quantity; i++)
    clv_draw_summary_of(self->summary, i, quantity(self->draws, self, i), result + i * self->n_summary);
}
