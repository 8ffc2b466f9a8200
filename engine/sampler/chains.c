#include "engine/sampler/chains.h"

#include <stdlib.h>
#include <string.h>

struct clv_chains {
  size_t           dim;
  int              n;
  size_t           bytes; /* of one chain in the slab */
  char            *slab;  /* owned, [n][bytes] */
  clv_chain       *chain; /* owned, [n]: views on the slab */
  clv_metric_room *room;  /* owned: scratch of whichever chain adapts */
  int             *asked; /* owned, [n]: who asked in this round */
  int              n_asked;
  int              first;    /* number of the oldest draw kept */
  int              ahead;    /* chains that have made so many draws wait */
  int              capacity; /* draws of one chain that there is room for */
  double          *phi;      /* owned, [n][capacity][dim] */
  clv_draw_stat   *stat;     /* owned, [n][capacity] */
};

/* Bytes of one chain's state. */
static clv_status chains_measure(const clv_model *model, const clv_sampler_plan *plan, size_t *bytes) {
  clv_slab   count = {0};
  clv_chain  one   = {0};
  clv_status st    = clv_chain_cut(&count, model, plan, &one);
  clv_chain_free(&one);
  if (st == CLV_OK) *bytes = count.used;
  return st;
}

clv_status clv_chains_new(const clv_model *model, const clv_sampler_plan *plan, int first, int last,
                          clv_chains **out) {
  const size_t n    = (size_t)(last - first);
  clv_chains  *self = NULL;
  clv_status   st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->dim = model->ops->n_dim(model->self);
  CLV_TRY(chains_measure(model, plan, &self->bytes));
  CLV_TRY(clv_metric_room_new(self->dim, &self->room));
  CLV_TRY(clv_calloc(n + 1, self->bytes, (void **)&self->slab));
  CLV_TRY(clv_calloc(n + 1, sizeof *self->chain, (void **)&self->chain));
  CLV_TRY(clv_calloc(n + 1, sizeof *self->asked, (void **)&self->asked));
  for (size_t i = 0; i < n; i++) {
    clv_slab slab = {.base = self->slab + i * self->bytes};
    self->n++;
    CLV_TRY(clv_chain_cut(&slab, model, plan, &self->chain[i]));
    clv_chain_begin(&self->chain[i], first + (int)i);
  }
  *out = self, self = NULL;
out:
  clv_chains_free(&self);
  return st;
}

void clv_chains_free(clv_chains **self) {
  if (self == NULL || *self == NULL) return;
  for (int i = 0; i < (*self)->n; i++) clv_chain_free(&(*self)->chain[i]);
  clv_metric_room_free(&(*self)->room);
  free((*self)->slab);
  free((*self)->chain);
  free((*self)->asked);
  free((*self)->phi);
  free((*self)->stat);
  free(*self);
  *self = NULL;
}

int clv_chains_n(const clv_chains *self) { return self->n; }

clv_chain *clv_chains_at(const clv_chains *self, int i) { return &self->chain[i]; }

int clv_chains_first(const clv_chains *self) { return self->first; }

static int chains_kept(const clv_chains *self, int i) {
  return clv_chain_n_draw(&self->chain[i]) - self->first;
}

int clv_chains_most_kept(const clv_chains *self) {
  int most = 0;
  for (int i = 0; i < self->n; i++)
    if (chains_kept(self, i) > most) most = chains_kept(self, i);
  return most;
}

/* Room for `capacity` draws of each chain; those that are kept move along. */
static clv_status chains_widen(clv_chains *self, int capacity) {
  double        *phi  = NULL;
  clv_draw_stat *stat = NULL;
  clv_status     st   = CLV_OK;
  const size_t   n = (size_t)self->n, from = (size_t)self->capacity, to = (size_t)capacity, dim = self->dim;
  CLV_TRY(clv_calloc(n * to + 1, dim * sizeof *phi, (void **)&phi));
  CLV_TRY(clv_calloc(n * to + 1, sizeof *stat, (void **)&stat));
  for (size_t i = 0; i < n && from > 0; i++) {
    memcpy(phi + i * to * dim, self->phi + i * from * dim, from * dim * sizeof *phi);
    memcpy(stat + i * to, self->stat + i * from, from * sizeof *stat);
  }
  free(self->phi), free(self->stat);
  self->phi = phi, self->stat = stat, self->capacity = capacity;
  phi = NULL, stat = NULL;
out:
  free(phi), free(stat);
  return st;
}

clv_status clv_chains_open(clv_chains *self, int ahead) {
  /* After a stop, a chain may be amid a draw beyond a shorter leg's end, and finishes it. */
  const int amid = clv_chains_most_kept(self) + 1, wanted = ahead - self->first;
  const int room = wanted > amid ? wanted : amid;
  self->ahead    = ahead;
  return room > self->capacity ? chains_widen(self, room) : CLV_OK;
}

bool clv_chains_done(const clv_chains *self, int goal) {
  for (int i = 0; i < self->n; i++)
    if (clv_chain_n_draw(&self->chain[i]) < goal || !clv_chain_is_ready(&self->chain[i])) return false;
  return true;
}

size_t clv_chains_request(clv_chains *self, double *phi) {
  self->n_asked = 0;
  for (int i = 0; i < self->n; i++) {
    clv_chain *chain = &self->chain[i];
    if (clv_chain_is_at_rest(chain) && clv_chain_n_draw(chain) >= self->ahead) continue;
    clv_chain_request(chain, phi + (size_t)self->n_asked * self->dim);
    self->asked[self->n_asked++] = i;
  }
  return (size_t)self->n_asked;
}

/* Field by field into zeroed memory: the padding is saved too and must not differ between ranks. */
static void chains_store(clv_chains *self, int i) {
  const clv_nuts     *nuts = &self->chain[i].nuts;
  const clv_draw_stat stat = clv_nuts_stat(nuts);
  const size_t        at   = (size_t)i * (size_t)self->capacity + (size_t)chains_kept(self, i) - 1;
  clv_draw_stat      *to   = &self->stat[at];
  CLV_CHECK(chains_kept(self, i) <= self->capacity);
  memset(to, 0, sizeof *to);
  to->lp = stat.lp, to->energy = stat.energy, to->energy_error = stat.energy_error;
  to->acceptance_rate = stat.acceptance_rate, to->step_size = stat.step_size;
  to->tree_depth = stat.tree_depth, to->n_steps = stat.n_steps;
  to->diverging = stat.diverging, to->reached_max_treedepth = stat.reached_max_treedepth;
  memcpy(self->phi + at * self->dim, clv_nuts_position(nuts)->theta, self->dim * sizeof *self->phi);
}

clv_status clv_chains_feed(clv_chains *self, size_t n, const double *log_density, const double *gradient) {
  clv_status st = CLV_OK;
  CLV_CHECK(n == (size_t)self->n_asked);
  for (size_t k = 0; k < n; k++) {
    bool finished;
    CLV_TRY(clv_chain_feed(&self->chain[self->asked[k]], log_density[k], gradient + k * self->dim, self->room,
                           &finished));
    if (finished) chains_store(self, self->asked[k]);
  }
out:
  return st;
}

void clv_chains_copy(const clv_chains *self, int n, double *phi, clv_draw_stat *stat) {
  const size_t rows = (size_t)n, capacity = (size_t)self->capacity, dim = self->dim;
  for (size_t i = 0; i < (size_t)self->n && rows > 0; i++) {
    memcpy(phi + i * rows * dim, self->phi + i * capacity * dim, rows * dim * sizeof *phi);
    memcpy(stat + i * rows, self->stat + i * capacity, rows * sizeof *stat);
  }
}

void clv_chains_drop(clv_chains *self, int n) {
  const size_t gone = (size_t)n, capacity = (size_t)self->capacity, dim = self->dim;
  for (size_t i = 0; i < (size_t)self->n && gone > 0; i++) {
    double        *phi  = self->phi + i * capacity * dim;
    clv_draw_stat *stat = self->stat + i * capacity;
    memmove(phi, phi + gone * dim, (capacity - gone) * dim * sizeof *phi);
    memmove(stat, stat + gone, (capacity - gone) * sizeof *stat);
  }
  self->first += n;
}

size_t clv_chains_record_bytes(const clv_chains *self, int kept) {
  return self->bytes + (size_t)kept * (self->dim * sizeof(double) + sizeof(clv_draw_stat));
}

void clv_chains_pack(const clv_chains *self, int i, int kept, void *record) {
  const size_t row = self->dim * sizeof(double), mine = (size_t)chains_kept(self, i);
  const size_t at = (size_t)i * (size_t)self->capacity;
  char        *to = record;
  memset(to, 0, clv_chains_record_bytes(self, kept));
  memcpy(to, self->slab + (size_t)i * self->bytes, self->bytes);
  if (mine == 0) return;
  memcpy(to + self->bytes, self->phi + at * self->dim, mine * row);
  memcpy(to + self->bytes + (size_t)kept * row, self->stat + at, mine * sizeof *self->stat);
}

clv_status clv_chains_rewind(clv_chains *self, int first, int kept) {
  self->first = first;
  self->ahead = first;
  return kept > self->capacity ? chains_widen(self, kept) : CLV_OK;
}

void clv_chains_unpack(clv_chains *self, int i, int kept, const void *record) {
  const size_t row = self->dim * sizeof(double), rows = (size_t)kept;
  const size_t at   = (size_t)i * (size_t)self->capacity;
  const char  *from = record;
  memcpy(self->slab + (size_t)i * self->bytes, from, self->bytes);
  if (kept == 0) return;
  memcpy(self->phi + at * self->dim, from + self->bytes, rows * row);
  memcpy(self->stat + at, from + self->bytes + rows * row, rows * sizeof *self->stat);
}
