#include "engine/sampler/latent_sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/numerics/pinned.h"
#include "engine/sampler/latent_chain.h"
#include "engine/sampler/latent_state.h"
#include "engine/sampler/watch.h"

struct clv_latent_sampler {
  const clv_comm     *shards; /* borrowed */
  clv_latent_model    model;  /* borrowed */
  clv_latent_setting  setting;
  clv_blocks          blocks;
  size_t              n_latent, n_kept, n_row; /* n_row: doubles of one draw, phi and kept values */
  uint64_t           *kept;                    /* owned, [n_kept] */
  clv_latent_pass    *pass;                    /* owned */
  clv_latent_nuts    *nuts;                    /* owned */
  clv_metric_room    *room;                    /* owned */
  clv_latent_chain   *chain;                   /* owned, [num_chains] */
  float              *scale;                   /* owned, [n_own]: of all chains after the warm-up */
  double             *value;                   /* owned, [width]: scratch */
  clv_latent_summary *view;                    /* owned, [num_chains]: scratch */
  int64_t            *bits;                    /* owned, [n_latent × n_kept]: scratch */
  bool                is_settled;
  int                 first;    /* number of the oldest draw kept, over warm-up and sampling */
  int                 capacity; /* draws of one chain that there is room for */
  double             *row;      /* owned, [num_chains][capacity][n_row]: draws that no leg has taken */
  clv_draw_stat      *stat;     /* owned, [num_chains][capacity] */
  double             *leg_phi, *leg_kept; /* owned: the last leg */
  clv_draw_stat      *leg_stat;
};

static clv_status plan_check(const clv_latent_sampler *self) {
  const clv_sampler_plan *plan = &self->setting.plan;
  if (plan->num_chains < 1 || plan->num_chains > 65535 || plan->num_warmup < 0 || plan->num_samples < 0 ||
      plan->num_warmup > INT32_MAX / 4 || plan->num_samples > INT32_MAX / 4)
    return clv_fail(CLV_EUSAGE, "%d chains, %d warm-up and %d sampling draws are no plan", plan->num_chains,
                    plan->num_warmup, plan->num_samples);
  if (!(plan->target_accept > 0 && plan->target_accept < 1))
    return clv_fail(CLV_EUSAGE, "target_accept is %g; expected a number between 0 and 1, such as 0.8",
                    plan->target_accept);
  if (plan->max_tree_depth < 1 || plan->max_tree_depth > CLV_LATENT_DEPTH_MOST)
    return clv_fail(CLV_EUSAGE, "max_tree_depth is %d; with integrate: none expected 1 to %d",
                    plan->max_tree_depth, CLV_LATENT_DEPTH_MOST);
  if (self->setting.n_phi < 1 || self->n_latent < 1 || self->n_latent > CLV_LATENT_MOST)
    return clv_fail(CLV_EUSAGE,
                    "the model has %zu hyperparameters and %zu own parameters of a customer; "
                    "expected at least 1, and 1 to %u",
                    self->setting.n_phi, self->n_latent, CLV_LATENT_MOST);
  for (size_t k = 0; k < self->n_kept; k++)
    if (self->kept[k] >= self->blocks.n)
      return clv_fail(CLV_EUSAGE, "kept customer %zu is beyond the portfolio", k);
  return CLV_OK;
}

static clv_status sampler_build(clv_latent_sampler *self) {
  const clv_sampler_plan *plan   = &self->setting.plan;
  const size_t            chains = (size_t)plan->num_chains;
  clv_status              st     = CLV_OK;
  CLV_TRY(plan_check(self));
  CLV_TRY(clv_latent_pass_new(self->shards, &self->model, plan->max_tree_depth, &self->pass));
  CLV_TRY(clv_latent_nuts_new(self->pass, self->setting.n_phi, plan->max_tree_depth, &self->nuts));
  CLV_TRY(clv_metric_room_new(self->setting.n_phi, &self->room));
  CLV_TRY(clv_calloc(chains, sizeof *self->chain, (void **)&self->chain));
  for (size_t c = 0; c < chains; c++) CLV_TRY(clv_latent_chain_new(&self->setting, (int)c, &self->chain[c]));
  CLV_TRY(clv_calloc(clv_latent_pass_n_own(self->pass) + 1, sizeof *self->scale, (void **)&self->scale));
  CLV_TRY(clv_calloc(chains, sizeof *self->view, (void **)&self->view));
  CLV_TRY(clv_calloc(self->setting.width, sizeof *self->value, (void **)&self->value));
  CLV_TRY(clv_calloc(self->n_latent * self->n_kept + 1, sizeof *self->bits, (void **)&self->bits));
out:
  return st;
}

clv_status clv_latent_sampler_new(const clv_comm *shards, const clv_latent_model *model,
                                  const clv_sampler_plan *plan, const uint64_t *kept, size_t n_kept,
                                  clv_latent_sampler **out) {
  clv_latent_sampler *self = NULL;
  clv_status          st   = clv_calloc(1, sizeof *self, (void **)&self);
  if (st == CLV_OK) st = clv_calloc(n_kept + 1, sizeof *kept, (void **)&self->kept);
  if (st == CLV_OK) {
    if (n_kept > 0) memcpy(self->kept, kept, n_kept * sizeof *kept);
    self->shards   = shards;
    self->model    = *model;
    self->blocks   = model->ops->blocks(model->self);
    self->n_latent = model->ops->n_latent(model->self);
    self->n_kept   = n_kept;
    self->setting =
        (clv_latent_setting){.model   = &self->model,
                             .hyper   = clv_latent_model_hyper(model),
                             .plan    = *plan,
                             .n_phi   = model->ops->hyper->n_dim(model->self),
                             .n_block = (size_t)(self->blocks.last_block - self->blocks.first_block),
                             .width   = self->n_latent * CLV_LATENT_BLOCK};
    self->n_row = self->setting.n_phi + self->n_latent * n_kept;
    st          = sampler_build(self);
  }
  CLV_TRY(clv_comm_agree(shards, st));
  *out = self, self = NULL;
out:
  clv_latent_sampler_free(&self);
  return st;
}

void clv_latent_sampler_free(clv_latent_sampler **self) {
  if (self == NULL || *self == NULL) return;
  clv_latent_sampler *s = *self;
  for (int c = 0; s->chain != NULL && c < s->setting.plan.num_chains; c++)
    clv_latent_chain_free(&s->chain[c]);
  clv_latent_nuts_free(&s->nuts);
  clv_latent_pass_free(&s->pass);
  clv_metric_room_free(&s->room);
  free(s->chain), free(s->kept), free(s->scale), free(s->value), free(s->bits), free(s->view);
  free(s->row), free(s->stat), free(s->leg_phi), free(s->leg_kept), free(s->leg_stat);
  free(s);
  *self = NULL;
}

uint64_t clv_latent_sampler_bytes(size_t n_latent, uint64_t n_block, const clv_sampler_plan *plan) {
  const uint64_t value = clv_latent_room_bytes(plan->max_tree_depth) + sizeof(float) +
                         (uint64_t)plan->num_chains * clv_latent_chain_bytes();
  return value * n_latent * CLV_LATENT_BLOCK * n_block;
}

/* ---- draws that no leg has taken ---- */

static int draws_kept(const clv_latent_sampler *self, int c) {
  return clv_latent_chain_n_draw(&self->chain[c]) - self->first;
}

static int most_kept(const clv_latent_sampler *self) {
  int most = 0;
  for (int c = 0; c < self->setting.plan.num_chains; c++)
    if (draws_kept(self, c) > most) most = draws_kept(self, c);
  return most;
}

/* Room for `capacity` draws of each chain; those that are kept move along. */
static clv_status rows_widen(clv_latent_sampler *self, int capacity) {
  const size_t chains = (size_t)self->setting.plan.num_chains, to = (size_t)capacity,
               from = (size_t)self->capacity, n = self->n_row;
  double        *row  = NULL;
  clv_draw_stat *stat = NULL;
  clv_status     st   = CLV_OK;
  if (capacity <= self->capacity) return CLV_OK;
  CLV_TRY(clv_calloc(chains * to, n * sizeof *row, (void **)&row));
  CLV_TRY(clv_calloc(chains * to, sizeof *stat, (void **)&stat));
  for (size_t c = 0; c < chains && from > 0; c++) {
    memcpy(row + c * to * n, self->row + c * from * n, from * n * sizeof *row);
    memcpy(stat + c * to, self->stat + c * from, from * sizeof *stat);
  }
  free(self->row), free(self->stat);
  self->row = row, self->stat = stat, self->capacity = capacity;
  row = NULL, stat = NULL;
out:
  free(row), free(stat);
  return st;
}

/* The kept customers' values of chain c's present draw, on every rank: their owners' bits, added to zeros. */
static void kept_gather(clv_latent_sampler *self, int c, double *value) {
  const clv_latent_chain *chain = &self->chain[c];
  const size_t            n     = self->n_latent * self->n_kept;
  if (n == 0) return;
  memset(self->bits, 0, n * sizeof *self->bits);
  for (size_t k = 0; k < self->n_kept; k++) {
    const uint64_t customer = self->kept[k];
    if (customer < self->blocks.first || customer >= self->blocks.last) continue;
    const size_t b  = (size_t)(customer / CLV_LATENT_BLOCK - self->blocks.first_block);
    const size_t at = (size_t)(customer % CLV_LATENT_BLOCK);
    self->model.ops->latent_constrain(self->model.self, b, chain->place.phi,
                                      chain->place.own + b * self->setting.width, self->value);
    for (size_t l = 0; l < self->n_latent; l++)
      memcpy(&self->bits[l * self->n_kept + k], &self->value[l * CLV_LATENT_BLOCK + at], sizeof(double));
  }
  clv_comm_sum_i64(self->shards, self->bits, n);
  memcpy(value, self->bits, n * sizeof *value);
}

/* Field by field into zeroed memory: the padding is saved too and must not differ between ranks. */
static void draw_store(clv_latent_sampler *self, int c, const clv_draw_stat *stat) {
  const size_t   at  = (size_t)c * (size_t)self->capacity + (size_t)draws_kept(self, c) - 1;
  double        *row = self->row + at * self->n_row;
  clv_draw_stat *to  = &self->stat[at];
  CLV_CHECK(draws_kept(self, c) <= self->capacity);
  memset(to, 0, sizeof *to);
  to->lp = stat->lp, to->energy = stat->energy, to->energy_error = stat->energy_error;
  to->acceptance_rate = stat->acceptance_rate, to->step_size = stat->step_size;
  to->tree_depth = stat->tree_depth, to->n_steps = stat->n_steps;
  to->diverging = stat->diverging, to->reached_max_treedepth = stat->reached_max_treedepth;
  memcpy(row, self->chain[c].place.phi, self->setting.n_phi * sizeof *row);
  kept_gather(self, c, row + self->setting.n_phi);
  if (self->is_settled) clv_latent_chain_record(&self->chain[c], self->value);
}

/* ---- running ---- */

typedef struct watcher {
  const clv_latent_sampler *self;
  const clv_sampler_watch  *watch; /* may be NULL */
  clv_watch                 meeting;
} watcher;

static clv_sampler_progress sampler_progress(const clv_latent_sampler *self) {
  const clv_sampler_plan *plan   = &self->setting.plan;
  const bool              warmup = !self->is_settled;
  clv_sampler_progress    at     = {.warmup = warmup};
  for (int c = 0; c < plan->num_chains; c++) {
    const clv_latent_chain *chain = &self->chain[c];
    at.draws += clv_latent_chain_n_draw(chain) - (warmup ? 0 : plan->num_warmup);
    at.divergences += clv_latent_chain_n_diverging(chain);
    at.gradients += clv_latent_chain_n_gradient(chain);
    at.step_size += clv_latent_chain_epsilon(chain) / plan->num_chains;
  }
  at.draws_planned = (long)plan->num_chains * (warmup ? plan->num_warmup : plan->num_samples);
  return at;
}

static bool watcher_stops(void *context) {
  watcher *w    = context;
  bool     mine = false;
  if (w->watch != NULL && w->watch->round != NULL) {
    const clv_sampler_progress at = sampler_progress(w->self);
    mine                          = w->watch->round(w->watch->context, &at);
  }
  return clv_watch_stops(&w->meeting, mine);
}

/* Every chain in turn until it has made `goal` draws. */
static clv_status sampler_advance(clv_latent_sampler *self, int goal, const clv_sampler_watch *watch) {
  watcher               w    = {self, watch, clv_watch_of(self->shards)};
  const clv_latent_stop stop = {.context = &w, .now = watcher_stops};
  clv_status            st   = CLV_OK;
  for (int c = 0; c < self->setting.plan.num_chains; c++) {
    clv_latent_chain *chain = &self->chain[c];
    while (clv_latent_chain_n_draw(chain) < goal) {
      clv_draw_stat stat;
      CLV_TRY(clv_latent_chain_draw(chain, self->pass, self->nuts, &stop, self->room, &stat));
      draw_store(self, c, &stat);
    }
    CLV_TRY(clv_latent_chain_ready(chain, self->pass, self->nuts, &stop));
  }
out:
  return st;
}

static clv_status sampler_finish_warmup(clv_latent_sampler *self, const clv_sampler_watch *watch) {
  const int  warmup = self->setting.plan.num_warmup;
  clv_status st     = CLV_OK;
  if (self->is_settled || self->first < warmup) return CLV_OK;
  CLV_TRY(sampler_advance(self, warmup, watch)); /* num_warmup 0: start points and step sizes */
  clv_latent_chains_settle(self->chain, self->scale, self->room);
  self->is_settled = true;
out:
  return st;
}

static clv_status leg_make(clv_latent_sampler *self, size_t n_draw) {
  const size_t rows = (size_t)self->setting.plan.num_chains * n_draw, kept = self->n_latent * self->n_kept;
  clv_status   st = CLV_OK;
  free(self->leg_phi), free(self->leg_kept), free(self->leg_stat);
  self->leg_phi = self->leg_kept = NULL, self->leg_stat = NULL;
  CLV_TRY(clv_calloc(rows + 1, self->setting.n_phi * sizeof(double), (void **)&self->leg_phi));
  CLV_TRY(clv_calloc(rows + 1, (kept + 1) * sizeof(double), (void **)&self->leg_kept));
  CLV_TRY(clv_calloc(rows + 1, sizeof *self->leg_stat, (void **)&self->leg_stat));
out:
  return st;
}

/* The oldest n draws of each chain leave the sampler for the leg. */
static void leg_fill(clv_latent_sampler *self, size_t n) {
  const size_t phi = self->setting.n_phi, kept = self->n_latent * self->n_kept;
  for (size_t c = 0; c < (size_t)self->setting.plan.num_chains && n > 0; c++) {
    const size_t   capacity = (size_t)self->capacity;
    double        *row      = self->row + c * capacity * self->n_row;
    clv_draw_stat *stat     = self->stat + c * capacity;
    for (size_t d = 0; d < n; d++) {
      const double *from = row + d * self->n_row;
      memcpy(self->leg_phi + (c * n + d) * phi, from, phi * sizeof *from);
      if (kept > 0) memcpy(self->leg_kept + (c * n + d) * kept, from + phi, kept * sizeof *from);
    }
    memcpy(self->leg_stat + c * n, stat, n * sizeof *stat);
    memmove(row, row + n * self->n_row, (capacity - n) * self->n_row * sizeof *row);
    memmove(stat, stat + n, (capacity - n) * sizeof *stat);
  }
  self->first += (int)n;
}

clv_status clv_latent_sampler_run(clv_latent_sampler *self, int n_draw, const clv_sampler_watch *watch,
                                  clv_latent_leg *leg) {
  const clv_sampler_plan *plan = &self->setting.plan;
  clv_status              st   = CLV_OK;
  CLV_TRY(sampler_finish_warmup(self, watch));
  const bool warmup = !self->is_settled;
  const int  begin = warmup ? 0 : plan->num_warmup, first = self->first;
  const int  end  = warmup ? plan->num_warmup : begin + plan->num_samples;
  const int  n    = n_draw < 0 ? 0 : n_draw < end - first ? n_draw : end - first;
  const int  most = most_kept(self);
  st              = rows_widen(self, n > most ? n : most);
  if (st == CLV_OK) st = leg_make(self, (size_t)n);
  CLV_TRY(clv_comm_agree(self->shards, st));
  CLV_TRY(sampler_advance(self, first + n, watch));
  leg_fill(self, (size_t)n);
  CLV_TRY(sampler_finish_warmup(self, watch));
  leg->leg          = (clv_leg){.warmup  = warmup,
                                .first   = first - begin,
                                .n_draw  = n,
                                .n_chain = plan->num_chains,
                                .dim     = self->setting.n_phi,
                                .phi     = self->leg_phi,
                                .stat    = self->leg_stat};
  leg->n_kept_value = self->n_latent * self->n_kept;
  leg->kept         = self->leg_kept;
out:
  return st;
}

void clv_latent_sampler_tuning(const clv_latent_sampler *self, double *step_size, double *inv_metric) {
  const clv_metric *metric = &self->chain[0].metric;
  const size_t      dim    = metric->dim;
  const bool        dense  = clv_metric_is_dense(dim);
  *step_size               = self->is_settled ? clv_latent_chain_epsilon(&self->chain[0]) : (double)NAN;
  for (size_t i = 0; i < (dense ? dim * dim : dim) && inv_metric != NULL; i++)
    inv_metric[i] = self->is_settled ? metric->inverse[i] : (double)NAN;
}

void clv_latent_sampler_result(const clv_latent_sampler *self, size_t block, clv_latent_result *result) {
  const clv_sampler_plan *plan = &self->setting.plan;
  for (int c = 0; c < plan->num_chains; c++)
    self->view[c] = clv_latent_summary_at(&self->chain[c].summary, block * self->setting.width);
  for (size_t i = 0; i < self->setting.width; i++)
    result[i] = clv_latent_summary_result(self->view, (size_t)plan->num_chains, (size_t)plan->num_samples, i);
}

/* ---- the state ---- */

static clv_latent_state sampler_state(const clv_latent_sampler *self) {
  return (clv_latent_state){.setting    = &self->setting,
                            .chain      = self->chain,
                            .n_customer = self->blocks.n,
                            .is_settled = self->is_settled,
                            .first      = self->first,
                            .n_row      = self->n_row,
                            .capacity   = (size_t)self->capacity,
                            .row        = self->row,
                            .stat       = self->stat};
}

clv_status clv_latent_sampler_save(const clv_latent_sampler *self, void **bytes, size_t *n) {
  const clv_latent_state state = sampler_state(self);
  return clv_comm_agree(self->shards, clv_latent_state_save(&state, most_kept(self), bytes, n));
}

clv_status clv_latent_sampler_restore(clv_latent_sampler *self, const void *bytes, size_t n) {
  clv_latent_state state = sampler_state(self);
  int              kept, first;
  bool             is_settled;
  clv_status       st = clv_latent_state_check(&state, bytes, n, &kept, &first, &is_settled);
  if (st == CLV_OK) st = rows_widen(self, kept);
  CLV_TRY(clv_comm_agree(self->shards, st));
  self->first      = first;
  self->is_settled = is_settled;
  state            = sampler_state(self);
  clv_latent_state_restore(&state, bytes);
  for (int c = 0; is_settled && c < self->setting.plan.num_chains; c++) self->chain[c].scale = self->scale;
out:
  return st;
}

static size_t block_scale_bytes(const clv_latent_sampler *self) {
  return self->is_settled ? self->setting.width * sizeof *self->scale : 0;
}

size_t clv_latent_sampler_block_bytes(const clv_latent_sampler *self) {
  return block_scale_bytes(self) +
         (size_t)self->setting.plan.num_chains * clv_latent_chain_block_bytes(self->chain, !self->is_settled);
}

void clv_latent_sampler_block_pack(const clv_latent_sampler *self, size_t block, void *record) {
  const size_t bytes = clv_latent_chain_block_bytes(self->chain, !self->is_settled);
  char        *to    = record;
  memcpy(to, self->scale + block * self->setting.width, block_scale_bytes(self));
  to += block_scale_bytes(self);
  for (int c = 0; c < self->setting.plan.num_chains; c++, to += bytes)
    clv_latent_chain_block_pack(&self->chain[c], block, !self->is_settled, to);
}

void clv_latent_sampler_block_unpack(clv_latent_sampler *self, size_t block, const void *record) {
  const size_t bytes = clv_latent_chain_block_bytes(self->chain, !self->is_settled);
  const char  *from  = record;
  memcpy(self->scale + block * self->setting.width, from, block_scale_bytes(self));
  from += block_scale_bytes(self);
  for (int c = 0; c < self->setting.plan.num_chains; c++, from += bytes)
    clv_latent_chain_block_unpack(&self->chain[c], block, !self->is_settled, from);
}

clv_accumulator_cost clv_latent_sampler_cost(const clv_latent_sampler *self) {
  return clv_latent_pass_cost(self->pass);
}
