#include "engine/sampler/latent_chain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/numerics/pinned.h"
#include "engine/sampler/chain.h"

/* Floats of one value during the warm-up: its scale, and two estimators of four. */
enum { LEARNED = 9, REGION = CLV_LATENT_KEPT * sizeof(double) };

/* Lies in the slab: no pointers, eight-byte multiples. */
struct clv_latent_head {
  clv_step_size step;
  int64_t       n_gradient, n_diverging; /* n_diverging: of this phase */
  int32_t       is_started, is_search_due, is_learning_due, has_moved;
  int32_t       n_draw, foreground, n_metric, pad;
};

static size_t chain_n_own(const clv_latent_chain *self) {
  return self->setting->n_block * self->setting->width;
}

static void chain_cut(clv_slab *slab, clv_latent_chain *self) {
  const size_t n_phi = self->setting->n_phi;
  self->head         = clv_slab_take(slab, sizeof *self->head);
  clv_metric_cut(slab, n_phi, &self->metric);
  for (int i = 0; i < 2; i++) clv_moments_cut(slab, n_phi, clv_metric_is_dense(n_phi), &self->moments[i]);
}

static void own_cut(clv_latent_chain *self, double *memory) {
  const size_t n      = chain_n_own(self);
  float       *region = (float *)(memory + n);
  self->place.own     = memory;
  self->scale         = region;
  for (size_t i = 0; i < 2; i++) {
    float *at    = region + (1 + 4 * i) * n;
    self->own[i] = (clv_latent_moments){at, at + n, at + 2 * n, at + 3 * n};
  }
  self->summary = clv_latent_summary_of(memory + n, n);
}

clv_status clv_latent_chain_new(const clv_latent_setting *setting, int number, clv_latent_chain *out) {
  clv_latent_chain self  = {.setting = setting, .number = number};
  clv_slab         count = {0};
  clv_status       st    = CLV_OK;
  _Static_assert(LEARNED * sizeof(float) <= REGION, "the warm-up fits the summary's memory");
  chain_cut(&count, &self);
  self.bytes = count.used;
  /* phi lies behind the slab: its memory is exchanged with the room's, the slab's is not. */
  CLV_TRY(clv_calloc(count.used + setting->n_phi * sizeof(double), 1, &self.slab));
  CLV_TRY(clv_calloc(chain_n_own(&self) + 1, sizeof(double) + REGION, &self.own_slab));
  clv_slab slab = {.base = self.slab};
  chain_cut(&slab, &self);
  self.place.phi = clv_slab_doubles(&slab, setting->n_phi);
  own_cut(&self, self.own_slab);
  *out = self;
  self = (clv_latent_chain){0};
out:
  clv_latent_chain_free(&self);
  return st;
}

void clv_latent_chain_free(clv_latent_chain *self) {
  free(self->slab), free(self->own_slab);
  *self = (clv_latent_chain){0};
}

size_t clv_latent_chain_bytes(void) { return sizeof(double) + REGION; }

/* Attempt 0 is clv_model_start; the next ones take further numbers. */
static void chain_start_point(clv_latent_chain *self, uint32_t attempt) {
  const clv_latent_setting   *set   = self->setting;
  const clv_latent_model_ops *ops   = set->model->ops;
  const uint32_t              chain = (uint32_t)self->number;
  clv_rng                     rng   = clv_rng_at(set->plan.seed, CLV_RNG_START, 0, chain, attempt);
  if (attempt == 0)
    clv_model_start(&set->hyper, set->plan.seed, chain, self->place.phi);
  else if (set->hyper.ops->start != NULL)
    set->hyper.ops->start(set->hyper.self, &rng, self->place.phi);
  else
    for (size_t i = 0; i < set->n_phi; i++) self->place.phi[i] = 2.0 * clv_rng_uniform(&rng) - 1.0;
  memset(self->place.own, 0, chain_n_own(self) * sizeof *self->place.own);
  for (size_t b = 0; ops->latent_start != NULL && b < set->n_block; b++)
    ops->latent_start(set->model->self, b, self->place.phi, self->place.own + b * set->width);
}

/* A first metric: of phi from the gradient's size alone, as chain.c does; customers' own coordinates are of
 * order one by the model's choice. */
static void chain_first_metric(clv_latent_chain *self, const double *gradient) {
  const bool adapts = self->setting->plan.num_warmup >= CLV_WARMUP_FEWEST;
  double    *scale  = self->moments[0].mean_x; /* nothing is there yet */
  for (size_t i = 0; i < self->setting->n_phi; i++) {
    const double size = fabs(gradient[i]);
    scale[i]          = !adapts ? 1.0 : 1.0 / (size < 1e-10 ? 1e-10 : size > 1e10 ? 1e10 : size);
  }
  clv_metric_set_diagonal(&self->metric, scale);
  clv_moments_clear(&self->moments[0]);
  for (size_t k = 0; k < chain_n_own(self); k++) self->scale[k] = 1.0f;
}

static clv_status chain_start(clv_latent_chain *self, clv_latent_pass *pass) {
  clv_latent_found found = {0};
  clv_status       st    = CLV_OK;
  for (uint32_t attempt = 0; attempt < CLV_CHAIN_STARTS; attempt++) {
    chain_start_point(self, attempt);
    CLV_TRY(clv_latent_pass_look(pass, &self->place, NULL, NULL, &found));
    bool finite = isfinite(found.log_density) && isfinite(found.kinetic);
    for (size_t i = 0; i < self->setting->n_phi; i++) finite = finite && isfinite(found.gradient[i]);
    if (!finite) continue;
    chain_first_metric(self, found.gradient);
    self->head->is_started = self->head->is_search_due = 1;
    self->head->step.epsilon                           = 1.0;
    return CLV_OK;
  }
  st = clv_chain_lost(self->number, found.log_density, found.gradient, self->setting->n_phi);
out:
  return st;
}

static clv_latent_start chain_from(const clv_latent_chain *self, double epsilon, uint32_t attempt) {
  return (clv_latent_start){.from    = &self->place,
                            .metric  = &self->metric,
                            .scale   = self->scale,
                            .epsilon = epsilon,
                            .seed    = self->setting->plan.seed,
                            .chain   = (uint32_t)self->number,
                            .draw    = (uint32_t)self->head->n_draw,
                            .attempt = attempt};
}

/* Double or halve, with fresh momenta, until one step's acceptance crosses 0.8; see clv_step_search. */
static clv_status chain_search(clv_latent_chain *self, clv_latent_nuts *nuts, const clv_latent_stop *stop) {
  double     epsilon = self->head->step.epsilon, gain;
  int        before  = 0;
  clv_status st      = CLV_OK;
  for (uint32_t n = 0; n < CLV_STEP_SEARCH_MOST; n++) {
    const clv_latent_start start = chain_from(self, epsilon, n);
    CLV_TRY(clv_latent_nuts_probe(nuts, &start, &gain));
    if (stop->now(stop->context)) return CLV_EINTERRUPT;
    const int way = gain > clv_log(CLV_STEP_SEARCH_ACCEPT) ? 1 : -1;
    if (before != 0 && way != before) break;
    epsilon *= way > 0 ? 2.0 : 0.5;
    before = way;
  }
  clv_step_size_restart(&self->head->step, self->setting->plan.target_accept, epsilon);
  self->head->is_search_due = 0;
out:
  return st;
}

/* s² = √(Var x / Var g) with the scale before as CLV_LATENT_PRIOR_DRAWS further draws. */
static void scale_learn(size_t n, const float *before, const float *sum_x, const float *sum_g, float *scale) {
  for (size_t k = 0; k < n; k++) {
    const double variance = (double)before[k] * before[k];
    const double x        = sum_x[k] + CLV_LATENT_PRIOR_DRAWS * variance;
    const double square   = x / (sum_g[k] + CLV_LATENT_PRIOR_DRAWS / variance);
    scale[k]              = square > 1e-60 && square < 1e60 ? (float)sqrt(sqrt(square)) : before[k];
  }
}

static void chain_adapt(clv_latent_chain *self, bool restart, clv_metric_room *room) {
  struct clv_latent_head   *head = self->head;
  const clv_latent_moments *own  = &self->own[head->foreground];
  if (!clv_metric_adapt(&self->metric, &self->moments[head->foreground], room)) return;
  scale_learn(chain_n_own(self), self->scale, own->sum_x, own->sum_g, self->scale);
  if (restart || head->n_metric++ == 0) head->is_search_due = 1;
}

/* What the warm-up learns of the draw before this one. */
static clv_status chain_learn(clv_latent_chain *self, clv_latent_pass *pass, clv_metric_room *room) {
  struct clv_latent_head *head = self->head;
  const clv_warmup_action todo = clv_warmup_after(self->setting->plan.num_warmup, head->n_draw - 1);
  clv_latent_found        found;
  clv_status              st = CLV_OK;
  if (todo.collect && head->has_moved) {
    const double count[2] = {*self->moments[0].n + 1.0, *self->moments[1].n + 1.0};
    CLV_TRY(clv_latent_pass_look(pass, &self->place, count, self->own, &found));
    for (int i = 0; i < 2; i++) clv_moments_add(&self->moments[i], self->place.phi, found.gradient);
  }
  if (todo.swap) {
    clv_moments_clear(&self->moments[head->foreground]);
    memset(self->own[head->foreground].mean_x, 0, 4 * chain_n_own(self) * sizeof(float));
    head->foreground = !head->foreground;
  }
  if (todo.adapt_metric) chain_adapt(self, todo.restart_steps, room);
  head->is_learning_due = 0;
out:
  return st;
}

clv_status clv_latent_chain_ready(clv_latent_chain *self, clv_latent_pass *pass, clv_latent_nuts *nuts,
                                  const clv_latent_stop *stop) {
  clv_status st = CLV_OK;
  if (!self->head->is_started) CLV_TRY(chain_start(self, pass));
  if (self->head->is_search_due) CLV_TRY(chain_search(self, nuts, stop));
out:
  return st;
}

clv_status clv_latent_chain_draw(clv_latent_chain *self, clv_latent_pass *pass, clv_latent_nuts *nuts,
                                 const clv_latent_stop *stop, clv_metric_room *room, clv_draw_stat *stat) {
  struct clv_latent_head *head = self->head;
  bool                    moved;
  clv_status              st = CLV_OK;
  if (head->is_learning_due) CLV_TRY(chain_learn(self, pass, room));
  CLV_TRY(clv_latent_chain_ready(self, pass, nuts, stop));
  const clv_latent_start start = chain_from(self, head->step.epsilon, 0);
  CLV_TRY(clv_latent_nuts_draw(nuts, &start, stop, &self->place, stat, &moved));
  const clv_warmup_action todo = clv_warmup_after(self->setting->plan.num_warmup, head->n_draw);
  if (todo.adapt_step) clv_step_size_update(&head->step, stat->acceptance_rate);
  head->n_draw++;
  head->n_gradient += stat->n_steps + 1;
  head->n_diverging += stat->diverging;
  head->has_moved       = moved;
  head->is_learning_due = head->n_draw < self->setting->plan.num_warmup;
out:
  return st;
}

/* Pools phi's moments and log step sizes into the first chain. */
static double chains_pool(clv_latent_chain *chain, clv_metric_room *room) {
  const clv_sampler_plan *plan     = &chain->setting->plan;
  const bool              brief    = plan->num_warmup < CLV_WARMUP_FEWEST;
  clv_moments            *all      = &chain->moments[chain->head->foreground];
  double                  log_step = clv_step_size_log_final(&chain->head->step);
  for (int c = 1; c < plan->num_chains; c++) {
    const double next = clv_step_size_log_final(&chain[c].head->step);
    clv_moments_pool(all, &chain[c].moments[chain[c].head->foreground]);
    log_step = brief ? fmin(log_step, next) : log_step + next;
  }
  clv_metric_adapt(&chain->metric, all, room);
  return brief ? log_step : log_step / plan->num_chains;
}

void clv_latent_chains_settle(clv_latent_chain *chain, float *scale, clv_metric_room *room) {
  const clv_sampler_plan   *plan     = &chain->setting->plan;
  const size_t              n        = chain_n_own(chain);
  const clv_latent_moments *first    = &chain->own[chain->head->foreground];
  const double              log_step = chains_pool(chain, room);
  for (int c = 1; c < plan->num_chains; c++) {
    const clv_latent_moments *own = &chain[c].own[chain[c].head->foreground];
    for (size_t k = 0; k < n; k++) first->sum_x[k] += own->sum_x[k], first->sum_g[k] += own->sum_g[k];
  }
  if (*chain->moments[chain->head->foreground].n >= CLV_METRIC_FEWEST)
    scale_learn(n, chain->scale, first->sum_x, first->sum_g, scale);
  else
    memcpy(scale, chain->scale, n * sizeof *scale);
  for (int c = 0; c < plan->num_chains; c++) {
    if (c > 0) clv_metric_copy(&chain->metric, &chain[c].metric);
    clv_step_size_restart(&chain[c].head->step, plan->target_accept, clv_exp(log_step));
    chain[c].head->n_diverging = 0;
    chain[c].scale             = scale;
    memset(chain[c].summary.origin, 0, CLV_LATENT_KEPT * n * sizeof(double));
  }
}

void clv_latent_chain_record(clv_latent_chain *self, double *value) {
  const clv_latent_setting   *set  = self->setting;
  const clv_latent_model_ops *ops  = set->model->ops;
  const int                   draw = self->head->n_draw - 1 - set->plan.num_warmup;
  for (size_t b = 0; b < set->n_block; b++) {
    const size_t             o  = b * set->width;
    const clv_latent_summary to = clv_latent_summary_at(&self->summary, o);
    ops->latent_constrain(set->model->self, b, self->place.phi, self->place.own + o, value);
    clv_latent_summary_add(&to, set->width, (size_t)draw, (size_t)set->plan.num_samples, value);
  }
}

int clv_latent_chain_n_draw(const clv_latent_chain *self) { return self->head->n_draw; }

int64_t clv_latent_chain_n_gradient(const clv_latent_chain *self) { return self->head->n_gradient; }

int64_t clv_latent_chain_n_diverging(const clv_latent_chain *self) { return self->head->n_diverging; }

double clv_latent_chain_epsilon(const clv_latent_chain *self) { return self->head->step.epsilon; }

size_t clv_latent_chain_record_bytes(const clv_latent_chain *self) {
  return self->bytes + self->setting->n_phi * sizeof(double);
}

void clv_latent_chain_pack(const clv_latent_chain *self, void *record) {
  memcpy(record, self->slab, self->bytes);
  memcpy((char *)record + self->bytes, self->place.phi, self->setting->n_phi * sizeof(double));
}

void clv_latent_chain_unpack(clv_latent_chain *self, const void *record) {
  memcpy(self->slab, record, self->bytes);
  memcpy(self->place.phi, (const char *)record + self->bytes, self->setting->n_phi * sizeof(double));
}

/* The pieces of one block: [0] the place, then what the warm-up learned or what the summary keeps. */
enum { PIECES_MOST = 1 + LEARNED };

static size_t block_pieces(const clv_latent_chain *self, size_t block, bool warmup, char **piece,
                           size_t *bytes) {
  const size_t n = chain_n_own(self), width = self->setting->width, o = block * width;
  const size_t count = warmup ? LEARNED : CLV_LATENT_KEPT;
  piece[0] = (char *)(self->place.own + o), bytes[0] = width * sizeof(double);
  for (size_t k = 0; k < count; k++) {
    piece[1 + k] = warmup ? (char *)(self->scale + k * n + o) : (char *)(self->summary.origin + k * n + o);
    bytes[1 + k] = width * (warmup ? sizeof(float) : sizeof(double));
  }
  return 1 + count;
}

size_t clv_latent_chain_block_bytes(const clv_latent_chain *self, bool warmup) {
  const size_t value = warmup ? LEARNED * sizeof(float) : CLV_LATENT_KEPT * sizeof(double);
  return self->setting->width * (sizeof(double) + value);
}

void clv_latent_chain_block_pack(const clv_latent_chain *self, size_t block, bool warmup, void *to) {
  char        *piece[PIECES_MOST], *at = to;
  size_t       bytes[PIECES_MOST];
  const size_t n = block_pieces(self, block, warmup, piece, bytes);
  for (size_t k = 0; k < n; k++, at += bytes[k - 1]) memcpy(at, piece[k], bytes[k]);
}

void clv_latent_chain_block_unpack(clv_latent_chain *self, size_t block, bool warmup, const void *from) {
  char        *piece[PIECES_MOST];
  const char  *at = from;
  size_t       bytes[PIECES_MOST];
  const size_t n = block_pieces(self, block, warmup, piece, bytes);
  for (size_t k = 0; k < n; k++, at += bytes[k - 1]) memcpy(piece[k], at, bytes[k]);
}
