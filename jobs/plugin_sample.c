#include "jobs/plugin_sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/bg_family.h"
#include "engine/models/gamma_gamma.h"
#include "jobs/plugin_rows.h"

enum {
  N_WAY            = 3,
  DRAWN            = CLV_SAMPLE_MOST,
  DRAWN_SEGMENTS   = 3,
  DRAWN_COVARIATES = 2,
  PURCHASES_MOST   = 512,
  SEED             = 1905
};

struct clv_plugin_sample {
  clv_cell_columns      cell[N_WAY]; /* owned, by way */
  clv_customer_columns  customer[2]; /* owned: plain and reversed */
  char                **segment;     /* owned, each owned */
  clv_plugin_covariate *covariate;   /* owned; its names too, though the struct cannot say so */
  clv_plugin_facts      facts;
};

static clv_status customers_new(size_t n, size_t n_covariate, clv_customer_columns *c) {
  clv_status st;
  CLV_TRY(clv_calloc(n + 1, sizeof *c->x, (void **)&c->x));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->segment, (void **)&c->segment));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->t_x, (void **)&c->t_x));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->T, (void **)&c->T));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->spend, (void **)&c->spend));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->litt, (void **)&c->litt));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->n_spend, (void **)&c->n_spend));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->positive_spend, (void **)&c->positive_spend));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->log_spend, (void **)&c->log_spend));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->log_spend_ss, (void **)&c->log_spend_ss));
  if (n_covariate > 0) CLV_TRY(clv_calloc(n + 1, n_covariate * sizeof *c->covariate, (void **)&c->covariate));
  c->n = n;
out:
  return st;
}

static clv_status cells_new(size_t n, size_t n_covariate, clv_cell_columns *c) {
  clv_status st;
  CLV_TRY(clv_calloc(n + 1, sizeof *c->segment, (void **)&c->segment));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->x, (void **)&c->x));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->count, (void **)&c->count));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->t_x, (void **)&c->t_x));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->T, (void **)&c->T));
  if (n_covariate > 0) CLV_TRY(clv_calloc(n + 1, n_covariate * sizeof *c->covariate, (void **)&c->covariate));
  c->n = n;
out:
  return st;
}

/* ---- cells of customers ---- */

typedef struct history {
  const double *covariate; /* borrowed, [n_covariate] */
  size_t        n_covariate;
  double        t_x, T;
  uint32_t      segment, x;
} history;

static int number_compare(double a, double b) { return a < b ? -1 : a > b; }

static int history_compare(const void *a, const void *b) {
  const history *k = a, *l = b;
  int            order = k->segment != l->segment ? (k->segment < l->segment ? -1 : 1) : 0;
  if (order == 0 && k->x != l->x) order = k->x < l->x ? -1 : 1;
  if (order == 0) order = number_compare(k->t_x, l->t_x);
  if (order == 0) order = number_compare(k->T, l->T);
  for (size_t i = 0; order == 0 && i < k->n_covariate; i++)
    order = number_compare(k->covariate[i], l->covariate[i]);
  return order;
}

static void cell_set(clv_cell_columns *c, size_t i, const history *h, uint32_t count) {
  c->segment[i] = h->segment, c->x[i] = h->x, c->t_x[i] = h->t_x, c->T[i] = h->T, c->count[i] = count;
  if (h->n_covariate > 0)
    memcpy(c->covariate + i * h->n_covariate, h->covariate, h->n_covariate * sizeof *c->covariate);
}

static void cells_fill(clv_plugin_sample *self, const history *h, size_t n, uint32_t *count) {
  size_t m = 0;
  for (size_t i = 0; i < n; i++) {
    cell_set(&self->cell[CLV_WAY_SINGLE], i, &h[i], 1);
    if (i == 0 || history_compare(&h[i - 1], &h[i]) != 0)
      cell_set(&self->cell[CLV_WAY_PLAIN], m, &h[i], 1), count[m++] = 0;
    self->cell[CLV_WAY_PLAIN].count[m - 1] = ++count[m - 1];
  }
  self->cell[CLV_WAY_PLAIN].n = self->cell[CLV_WAY_REVERSED].n = m;
  for (size_t i = n; i-- > 0;)
    if (i + 1 == n || history_compare(&h[i], &h[i + 1]) != 0) {
      m--;
      /* as many as were counted */
      /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
      cell_set(&self->cell[CLV_WAY_REVERSED], (size_t)self->cell[CLV_WAY_PLAIN].n - 1 - m, &h[i], count[m]);
    }
}

static clv_status cells_make(clv_plugin_sample *self) {
  const clv_customer_columns *who = &self->customer[0];
  const size_t                n = (size_t)who->n, n_covariate = self->facts.n_covariate;
  history                    *h     = NULL;
  uint32_t                   *count = NULL;
  clv_status                  st;
  CLV_TRY(clv_alloc(n + 1, sizeof *h, (void **)&h));
  CLV_TRY(clv_alloc(n + 1, sizeof *count, (void **)&count));
  for (int way = 0; way < N_WAY; way++) CLV_TRY(cells_new(n, n_covariate, &self->cell[way]));
  for (size_t i = 0; i < n; i++)
    h[i] = (history){.covariate   = n_covariate > 0 ? who->covariate + i * n_covariate : NULL,
                     .n_covariate = n_covariate,
                     .t_x         = who->t_x[i],
                     .T           = who->T[i],
                     .segment     = who->segment[i],
                     .x           = who->x[i]};
  qsort(h, n, sizeof *h, history_compare);
  cells_fill(self, h, n, count);
out:
  free(h);
  free(count);
  return st;
}

static void customer_copy(const clv_customer_columns *from, size_t i, size_t n_covariate,
                          clv_customer_columns *to, size_t k) {
  to->x[k] = from->x[i], to->segment[k] = from->segment[i], to->t_x[k] = from->t_x[i], to->T[k] = from->T[i];
  to->spend[k] = from->spend[i], to->litt[k] = from->litt[i], to->n_spend[k] = from->n_spend[i];
  to->positive_spend[k] = from->positive_spend[i], to->log_spend[k] = from->log_spend[i];
  to->log_spend_ss[k] = from->log_spend_ss[i];
  if (n_covariate > 0)
    memcpy(to->covariate + k * n_covariate, from->covariate + i * n_covariate,
           n_covariate * sizeof *to->covariate);
}

/* Scales and the other layouts, once the customers are there. */
static clv_status sample_finish(clv_plugin_sample *self) {
  const clv_customer_columns *who = &self->customer[0];
  const size_t                n   = (size_t)who->n;
  double                      age = 0.0, spend = 0.0, spenders = 0.0;
  clv_status                  st;
  CLV_TRY(customers_new(n, self->facts.n_covariate, &self->customer[1]));
  for (size_t i = 0; i < n; i++) {
    customer_copy(who, i, self->facts.n_covariate, &self->customer[1], n - 1 - i);
    age += who->T[i] / (double)n;
    if (who->x[i] > 0 && who->spend[i] > 0.0) spend += who->spend[i], spenders += 1.0;
  }
  CLV_TRY(cells_make(self));
  self->facts.n_customer = n;
  self->facts.mean_T     = n > 0 ? age : 1.0;
  self->facts.mean_spend = spenders > 0.0 ? spend / spenders : 0.0;
out:
  return st;
}

static clv_status text_copy(const char *text, char **out) {
  return (*out = strdup(text)) != NULL ? CLV_OK : clv_fail(CLV_ENOMEM, "no memory for a name");
}

static clv_status names_new(clv_plugin_sample *self, size_t n_segment, size_t n_covariate) {
  clv_status st;
  CLV_TRY(clv_calloc(n_segment + 1, sizeof *self->segment, (void **)&self->segment));
  CLV_TRY(clv_calloc(n_covariate + 1, sizeof *self->covariate, (void **)&self->covariate));
  self->facts.n_segment = n_segment, self->facts.n_covariate = n_covariate;
  self->facts.segment = (const char *const *)self->segment, self->facts.covariate = self->covariate;
out:
  return st;
}

static clv_status covariate_name(clv_plugin_sample *self, size_t i, const char *name, double center,
                                 double scale) {
  char            *text = NULL;
  const clv_status st   = text_copy(name, &text);
  self->covariate[i]    = (clv_plugin_covariate){text, center, scale};
  return st;
}

/* ---- drawn ---- */

/* Means and squared deviations of the logs, as io/portfolio_make.c has them. */
static void amounts_set(clv_customer_columns *c, size_t i, const double *amount) {
  const uint32_t n     = c->x[i];
  double         total = 0.0, logs = 0.0, ss = 0.0;
  if (n == 0) return;
  for (uint32_t k = 0; k < n; k++) total += amount[k], logs += log(amount[k]);
  for (uint32_t k = 0; k < n; k++) ss += (log(amount[k]) - logs / n) * (log(amount[k]) - logs / n);
  c->n_spend[i] = n, c->spend[i] = c->positive_spend[i] = total / n;
  c->log_spend[i] = logs / n, c->log_spend_ss[i] = ss;
}

/* Ages and purchases on whole days, so that histories repeat. */
static void customer_draw(clv_customer_columns *c, size_t i) {
  static const double THETA[DRAWN_SEGMENTS][4] = {
      {0.3, 5.0, 0.8, 2.5}, {0.8, 6.0, 0.6, 3.0}, {1.5, 20.0, 1.2, 4.0}};
  static const double SPEND[3] = {6.0, 4.0, 90.0};
  double              time[PURCHASES_MOST], amount[PURCHASES_MOST], last = 0.0;
  clv_rng             rng  = clv_rng_at(SEED, CLV_RNG_SIMULATE, i, 0, 0);
  const uint32_t      g    = i % 16 < 10 ? 0 : i % 16 < 15 ? 1 : 2;
  const double        T    = floor(7.0 * (27.0 + 12.0 * clv_rng_uniform(&rng))) / 7.0;
  const size_t        n    = CLV_BG_NBD_PROCESS.simulate(THETA[g], T, &rng, time, PURCHASES_MOST);
  const uint32_t      most = n < PURCHASES_MOST ? (uint32_t)n : PURCHASES_MOST;
  c->segment[i] = g, c->T[i] = T;
  c->covariate[i * DRAWN_COVARIATES]     = 25.0 + 15.0 * (double)clv_rng_below(&rng, 3);
  c->covariate[i * DRAWN_COVARIATES + 1] = clv_rng_uniform(&rng) < 0.3 ? 1.0 : 0.0;
  CLV_GAMMA_GAMMA_SPEND.simulate(SPEND, most, &rng, amount);
  for (uint32_t k = 0; k < most; k++) {
    const double at = ceil(7.0 * time[k]) / 7.0;
    if (!(at > last) || at > T) continue; /* purchases of one day are one */
    c->litt[i] += log(at - last);
    amount[c->x[i]++] = amount[k];
    last              = at;
  }
  c->t_x[i] = last;
  amounts_set(c, i, amount);
}

clv_status clv_plugin_sample_draw(clv_plugin_sample **out) {
  static const char *const SEGMENT[DRAWN_SEGMENTS] = {"north", "south", "west"};
  clv_plugin_sample       *self                    = NULL;
  clv_status               st                      = clv_calloc(1, sizeof *self, (void **)&self);
  if (st < 0) return st;
  CLV_TRY(names_new(self, DRAWN_SEGMENTS, DRAWN_COVARIATES));
  for (size_t i = 0; i < DRAWN_SEGMENTS; i++) CLV_TRY(text_copy(SEGMENT[i], &self->segment[i]));
  CLV_TRY(covariate_name(self, 0, "age", 40.0, 12.25));
  CLV_TRY(covariate_name(self, 1, "channel=online", 0.0, 1.0));
  CLV_TRY(customers_new(DRAWN, DRAWN_COVARIATES, &self->customer[0]));
  for (size_t i = 0; i < DRAWN; i++) customer_draw(&self->customer[0], i);
  self->facts.time_unit = "week";
  CLV_TRY(sample_finish(self));
  *out = self, self = NULL;
out:
  clv_plugin_sample_free(&self);
  return st;
}

/* ---- read ---- */

clv_status clv_plugin_sample_read(const clv_portfolio *portfolio, clv_plugin_sample **out) {
  const clv_portfolio_facts *facts = clv_portfolio_facts_get(portfolio);
  const uint64_t             n    = facts->n_customer < CLV_SAMPLE_MOST ? facts->n_customer : CLV_SAMPLE_MOST;
  clv_plugin_sample         *self = NULL;
  clv_status                 st   = clv_calloc(1, sizeof *self, (void **)&self);
  if (st < 0) return st;
  CLV_TRY(names_new(self, (size_t)facts->n_segment, (size_t)facts->n_covariate));
  for (size_t i = 0; i < facts->n_segment; i++)
    CLV_TRY(text_copy(clv_portfolio_segment(portfolio, i), &self->segment[i]));
  for (size_t i = 0; i < facts->n_covariate; i++) {
    const clv_covariate *c = clv_portfolio_covariate(portfolio, i);
    CLV_TRY(covariate_name(self, i, c->name, c->center, c->scale));
  }
  CLV_TRY(clv_portfolio_read_customers(portfolio, 0, n, &self->customer[0]));
  self->facts.time_unit = facts->time_unit;
  CLV_TRY(sample_finish(self));
  *out = self, self = NULL;
out:
  clv_plugin_sample_free(&self);
  return st;
}

void clv_plugin_sample_free(clv_plugin_sample **self) {
  if (self == NULL || *self == NULL) return;
  for (int way = 0; way < N_WAY; way++) clv_cell_columns_free(&(*self)->cell[way]);
  for (int k = 0; k < 2; k++) clv_customer_columns_free(&(*self)->customer[k]);
  for (size_t i = 0; (*self)->segment != NULL && i < (*self)->facts.n_segment; i++) free((*self)->segment[i]);
  for (size_t i = 0; (*self)->covariate != NULL && i < (*self)->facts.n_covariate; i++)
    free((char *)(uintptr_t)(*self)->covariate[i].name);
  free((*self)->segment);
  free((*self)->covariate);
  free(*self);
  *self = NULL;
}

size_t clv_plugin_sample_customers(const clv_plugin_sample *self) { return (size_t)self->customer[0].n; }
size_t clv_plugin_sample_histories(const clv_plugin_sample *self) {
  return (size_t)self->cell[CLV_WAY_PLAIN].n;
}

void clv_plugin_sample_data(const clv_plugin_sample *self, clv_plugin_way way, bool latent, int rank,
                            int size, const clv_plugin_data *settings, clv_plugin_data *data) {
  const clv_cell_columns     *cell = &self->cell[way];
  const clv_customer_columns *who  = &self->customer[way == CLV_WAY_REVERSED];
  const clv_blocks            c    = clv_blocks_of(cell->n, rank, size),
                   w = latent ? clv_latent_blocks_of(who->n, rank, size) : clv_blocks_of(who->n, rank, size);
  *data              = *settings;
  const double rescale_factor = settings->facts.rescale_factor;
  const int    least          = settings->facts.min_transactions;
  data->facts = self->facts, data->facts.rescale_factor = rescale_factor,
  data->facts.min_transactions = least;
  data->blocks                 = w;
  data->cells     = clv_plugin_cells_view(cell, self->facts.n_covariate, (size_t)c.first, (size_t)c.last);
  data->customers = clv_plugin_customers_view(who, self->facts.n_covariate, (size_t)w.first, (size_t)w.last);
}
