#include "engine/models/lognormal_terms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/lognormal_grid_kernel.h"
#include "engine/models/vector_set.h"
#include "engine/numerics/pinned.h"

enum { LANES = 8, TERMS_MOST = 4096, N = 2, SUMS = CLV_LOGNORMAL_SUMS };
static const double NODES_MOST = 160.0; /* between the modes of one group, at the step it needs */

/* Terms of one time and kind, for which the part over log mu is computed once. */
typedef struct run {
  size_t first, last; /* terms */
} run;

/* Terms that share a grid: their powers of lambda are alike. */
typedef struct group {
  size_t              first, last; /* runs */
  clv_lognormal_reach reach;
} group;

/* Records of one segment and one vector of covariates in one block, whose terms fit a buffer. */
typedef struct chunk {
  size_t first, last;           /* records, of which there is a multiple of 8: filled up with count 0 */
  size_t first_term, last_term; /* a record's terms are numbered from first_term */
  size_t first_group, last_group;
  size_t segment;
  double n_customer, log_most; /* sum over customers of the larger of their terms' `most` */
} chunk;

/* A growing array. */
typedef struct list {
  void  *item; /* owned */
  size_t n, room;
} list;

struct clv_lognormal_terms {
  clv_isa isa;
  size_t  n_segment, n_block, n_column;
  size_t *block_chunk; /* owned [n_block + 1] */
  list    record, count, term, run, group, chunk;
  list    w; /* covariates [n_column] of each chunk */
};

static clv_status list_add(list *to, const void *item, size_t size) {
  clv_status st = CLV_OK;
  if (to->n == to->room) {
    const size_t room = to->room + to->room / 2 + 64;
    CLV_TRY(clv_realloc(room, size, &to->item));
    to->room = room;
  }
  memcpy((char *)to->item + to->n++ * size, item, size);
out:
  return st;
}

static const chunk                *chunks(const clv_lognormal_terms *self) { return self->chunk.item; }
static const group                *groups(const clv_lognormal_terms *self) { return self->group.item; }
static const run                  *runs(const clv_lognormal_terms *self) { return self->run.item; }
static const clv_lognormal_term   *terms(const clv_lognormal_terms *self) { return self->term.item; }
static const clv_lognormal_record *records(const clv_lognormal_terms *self) { return self->record.item; }
static const double               *counts(const clv_lognormal_terms *self) { return self->count.item; }

static const double *covariates_at(const clv_lognormal_terms *self, size_t k) {
  return self->n_column == 0 ? NULL : (const double *)self->w.item + k * self->n_column;
}

void clv_lognormal_terms_free(clv_lognormal_terms **self) {
  if (self == NULL || *self == NULL) return;
  list *all[] = {&(*self)->record, &(*self)->count, &(*self)->term, &(*self)->run,
                 &(*self)->group,  &(*self)->chunk, &(*self)->w};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]->item);
  free((*self)->block_chunk);
  free(*self);
  *self = NULL;
}

size_t clv_lognormal_terms_n_block(const clv_lognormal_terms *self) { return self->n_block; }

/* ---- the layout ---- */

/* A term that a record has; several records may have it. */
typedef struct wanted {
  double   power, t;
  uint32_t octave, with_mu, record;
} wanted;

/* Powers whose steps differ by less than a factor of sqrt(2): their terms share what belongs to a time. */
static uint32_t octave_of(double power) {
  return (uint32_t)floor(clv_log(power + 4.0) / 0.69314718055994531);
}

static int wanted_compare(const void *a, const void *b) {
  const wanted *x = a, *y = b;
  if (x->octave != y->octave) return x->octave < y->octave ? -1 : 1;
  if (x->with_mu != y->with_mu) return x->with_mu < y->with_mu ? -1 : 1;
  if (x->t != y->t) return x->t < y->t ? -1 : 1;
  if (x->power != y->power) return x->power < y->power ? -1 : 1;
  return x->record < y->record ? -1 : x->record > y->record;
}

static bool wanted_same(const wanted *x, const wanted *y) {
  return x->with_mu == y->with_mu && x->t == y->t && x->power == y->power;
}

/* A cell in the order in which a block is laid out. */
typedef struct place {
  const double *w; /* [n_column] */
  size_t        n_column, at;
  uint32_t      segment;
} place;

/* By segment, covariates, and else as they came. */
static int place_compare(const void *a, const void *b) {
  const place *x = a, *y = b;
  if (x->segment != y->segment) return x->segment < y->segment ? -1 : 1;
  const int order = clv_vector_compare(x->w, y->w, x->n_column);
  if (order != 0) return order;
  return x->at < y->at ? -1 : x->at > y->at;
}

static bool place_shares(const place *x, const place *y) {
  return x->segment == y->segment && clv_vector_compare(x->w, y->w, x->n_column) == 0;
}

static void places_fill(const clv_lognormal_terms *self, const clv_cells *cells, size_t first, size_t last,
                        place *to) {
  for (size_t i = first; i < last; i++)
    to[i - first] = (place){.w = self->n_column == 0 ? NULL : cells->covariates->value + i * self->n_column,
                            .n_column = self->n_column,
                            .at       = i,
                            .segment  = cells->segment == NULL ? 0 : cells->segment[i]};
  qsort(to, last - first, sizeof *to, place_compare);
}

/* Both terms of n cells, sorted. @return how many are distinct */
static size_t wanted_fill(const clv_cells *cells, const place *from, size_t n, wanted *to) {
  size_t distinct = 1;
  for (size_t i = 0; i < n; i++) {
    const size_t k = from[i].at;
    const double x = cells->x[k];
    to[2 * i] =
        (wanted){.power = x, .t = cells->t_x[k], .octave = octave_of(x), .with_mu = 1, .record = (uint32_t)i};
    to[2 * i + 1] =
        (wanted){.power = x + 1.0, .t = cells->T[k], .octave = octave_of(x + 1.0), .record = (uint32_t)i};
  }
  qsort(to, 2 * n, sizeof *to, wanted_compare);
  for (size_t k = 1; k < 2 * n; k++) distinct += !wanted_same(&to[k - 1], &to[k]);
  return distinct;
}

/* Would the group's modes with this one more span too many nodes? */
static bool reach_is_far(const clv_lognormal_reach *reach, const clv_lognormal_term *term) {
  clv_lognormal_reach with = *reach;
  clv_lognormal_reach_add(&with, term);
  return (with.mode[1] - with.mode[0]) * sqrt(with.power + 4.0) > NODES_MOST;
}

static clv_status group_open(clv_lognormal_terms *self) {
  const group fresh = {.first = self->run.n, .last = self->run.n, .reach = clv_lognormal_reach_none()};
  return list_add(&self->group, &fresh, sizeof fresh);
}

/* Terms, runs and groups of one chunk; record [] learns its terms. */
static clv_status terms_place(clv_lognormal_terms *self, const wanted *sorted, size_t n,
                              clv_lognormal_record *record) {
  const size_t  first_term = self->term.n, first_group = self->group.n;
  const wanted *before = NULL;
  clv_status    st     = CLV_OK;
  for (size_t k = 0; k < n; k++) {
    const wanted *w = &sorted[k];
    if (before == NULL || !wanted_same(before, w)) {
      const clv_lognormal_term term = clv_lognormal_term_of(w->with_mu != 0, w->power, w->t);
      group     *g     = self->group.n > first_group ? (group *)self->group.item + self->group.n - 1 : NULL;
      const bool opens = before == NULL || before->octave != w->octave || reach_is_far(&g->reach, &term);
      if (opens) CLV_TRY(group_open(self));
      g = (group *)self->group.item + self->group.n - 1;
      if (opens || before->with_mu != w->with_mu || before->t != w->t) {
        const run fresh = {.first = self->term.n, .last = self->term.n};
        CLV_TRY(list_add(&self->run, &fresh, sizeof fresh));
        g->last = self->run.n;
      }
      CLV_TRY(list_add(&self->term, &term, sizeof term));
      ((run *)self->run.item)[self->run.n - 1].last = self->term.n;
      clv_lognormal_reach_add(&g->reach, &term);
    }
    record[w->record].term[w->with_mu ? 0 : 1] = (uint32_t)(self->term.n - 1 - first_term);
    before                                     = w;
  }
out:
  return st;
}

/* Both terms of a record relative to the larger one's scale. */
static void record_settle(const clv_lognormal_terms *self, chunk *c, clv_lognormal_record *r) {
  const clv_lognormal_term *term = terms(self) + c->first_term;
  const double              one = term[r->term[0]].most, two = term[r->term[1]].most, most = fmax(one, two);
  r->share[0] = clv_exp(one - most), r->share[1] = clv_exp(two - most);
  c->n_customer += r->count;
  c->log_most += r->count * most;
}

/* Room for one block while it is laid out. */
typedef struct bench {
  wanted               *wanted; /* owned [2][CLV_BLOCK_SIZE] */
  clv_lognormal_record *record; /* owned [CLV_BLOCK_SIZE] */
  place                *place;  /* owned [CLV_BLOCK_SIZE] */
} bench;

/* Cells of one segment and covariates, from place `first` on; as many of the n as fit, at least one. */
static clv_status chunk_add(clv_lognormal_terms *self, const clv_cells *cells, size_t first, size_t *n,
                            bench *at) {
  const place *from = at->place + first;
  chunk        c    = {.first       = self->record.n,
                       .first_term  = self->term.n,
                       .first_group = self->group.n,
                       .segment     = from->segment};
  clv_status   st   = CLV_OK;
  while (wanted_fill(cells, from, *n, at->wanted) > TERMS_MOST) *n = (*n + 1) / 2;
  for (size_t i = 0; i < *n; i++)
    at->record[i] =
        (clv_lognormal_record){.count = cells->count == NULL ? 1.0 : (double)cells->count[from[i].at]};
  CLV_TRY(terms_place(self, at->wanted, 2 * *n, at->record));
  for (size_t i = 0; i < *n; i++) record_settle(self, &c, &at->record[i]);
  for (size_t i = 0; i < (*n + LANES - 1) / LANES * LANES; i++) {
    const clv_lognormal_record  spare = {.term  = {at->record[0].term[0], at->record[0].term[1]},
                                         .share = {at->record[0].share[0], at->record[0].share[1]}};
    const clv_lognormal_record *r     = i < *n ? &at->record[i] : &spare;
    CLV_TRY(list_add(&self->record, r, sizeof *r));
    CLV_TRY(list_add(&self->count, &r->count, sizeof r->count));
  }
  c.last = self->record.n, c.last_term = self->term.n, c.last_group = self->group.n;
  CLV_TRY(list_add(&self->chunk, &c, sizeof c));
  if (self->n_column > 0) CLV_TRY(list_add(&self->w, from->w, self->n_column * sizeof *from->w));
out:
  return st;
}

static clv_status block_add(clv_lognormal_terms *self, const clv_cells *cells, size_t first, size_t last,
                            bench *at) {
  clv_status st = CLV_OK;
  places_fill(self, cells, first, last, at->place);
  for (size_t k = 0, n; k < last - first; k += n) {
    for (n = 1; k + n < last - first && place_shares(&at->place[k], &at->place[k + n]);) n++;
    CLV_TRY(chunk_add(self, cells, k, &n, at));
  }
out:
  return st;
}

clv_status clv_lognormal_terms_new(const clv_cells *cells, clv_lognormal_terms **out) {
  clv_lognormal_terms *self = NULL;
  bench                at   = {0};
  const size_t         all  = (size_t)(cells->blocks.last - cells->blocks.first);
  clv_status           st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->isa       = clv_isa_best();
  self->n_segment = cells->n_segment;
  self->n_column  = cells->covariates == NULL ? 0 : cells->covariates->n;
  self->n_block   = (size_t)(cells->blocks.last_block - cells->blocks.first_block);
  CLV_TRY(clv_calloc(self->n_block + 1, sizeof *self->block_chunk, (void **)&self->block_chunk));
  CLV_TRY(clv_alloc(2 * CLV_BLOCK_SIZE, sizeof *at.wanted, (void **)&at.wanted));
  CLV_TRY(clv_alloc(CLV_BLOCK_SIZE, sizeof *at.record, (void **)&at.record));
  CLV_TRY(clv_alloc(CLV_BLOCK_SIZE, sizeof *at.place, (void **)&at.place));
  for (size_t b = 0; b < self->n_block; b++) {
    const size_t first = b * CLV_BLOCK_SIZE;
    CLV_TRY(block_add(self, cells, first, first + CLV_BLOCK_SIZE < all ? first + CLV_BLOCK_SIZE : all, &at));
    self->block_chunk[b + 1] = self->chunk.n;
  }
  *out = self, self = NULL;
out:
  clv_lognormal_terms_free(&self);
  free(at.wanted);
  free(at.record);
  free(at.place);
  return st;
}

/* ---- sums ---- */

/* Moments of all terms of a group, with the nodes' weight. @param moment  [8] of its first term */
static bool group_evaluate(const clv_lognormal_terms *self, const group *g, const clv_lognormal_prior *prior,
                           unsigned refine, double *moment) {
  clv_lognormal_grid grid;
  clv_lognormal_rows at;
  const size_t       first_term = runs(self)[g->first].first;
  if (!clv_lognormal_grid_place(&grid, prior, &g->reach, refine)) return false;
  const double weight = clv_exp(grid.log_weight);
  for (const run *r = runs(self) + g->first; r < runs(self) + g->last; r++) {
    const clv_lognormal_term *first = terms(self) + r->first;
    clv_lognormal_grid_columns(&grid, first->with_mu, first->t, &at);
    for (size_t k = r->first; k < r->last; k++) {
      double *to = moment + LANES * (k - first_term);
      clv_lognormal_grid_term(&grid, terms(self) + k, &at, to);
      for (size_t m = 0; m < LANES; m++) to[m] *= weight;
    }
  }
  return true;
}

/* What a chunk's customers come to: sums [SUMS] as they are handed on. */
static void chunk_evaluate(const clv_lognormal_terms *self, const chunk *c, const clv_lognormal_prior *prior,
                           unsigned refine, double *sum) {
  double       moment[LANES * TERMS_MOST], value[CLV_BLOCK_SIZE], mixed[LANES] = {0};
  const size_t n = c->last - c->first;
  for (const group *g = groups(self) + c->first_group; g < groups(self) + c->last_group; g++)
    if (!group_evaluate(self, g, prior, refine,
                        moment + LANES * (runs(self)[g->first].first - c->first_term))) {
      for (size_t k = 0; k < SUMS; k++) sum[k] = NAN;
      return;
    }
  CLV_KERNEL_PICK(clv_lognormal_mix, self->isa)(records(self) + c->first, n, moment, value, mixed);
  sum[0] = c->log_most + CLV_KERNEL_PICK(clv_lognormal_logs, self->isa)(value, counts(self) + c->first, n);
  sum[1] = mixed[1];
  sum[2] = mixed[2];
  sum[3] = mixed[3] - c->n_customer;
  sum[4] = mixed[4] - c->n_customer;
  sum[5] = mixed[5] - prior->rho * c->n_customer;
}

/* The prior of a chunk's customers: covariates shift its means. */
static clv_lognormal_prior prior_of(const clv_lognormal_view *view, const clv_lognormal_point *at,
                                    const double *w) {
  clv_lognormal_prior prior = clv_lognormal_population_rates(at);
  const clv_shifts   *s     = &view->coefficients->shifts;
  for (size_t e = 0; e < s->n_effect; e++) {
    const double shift = clv_shifts_of_effect(s, e, clv_lognormal_view_gamma(view), w);
    for (size_t k = 0; k < N; k++) prior.mean[k] += s->effect[e].direction[k] * shift;
  }
  return prior;
}

/* The gradient in coefficients: that in the chunk's means, by its covariates. */
static void tail_add(const clv_lognormal_view *view, const clv_lognormal_point *at, const double *first,
                     const double *w, double *tail) {
  double by_mean[CLV_PARAMETER_MAX] = {0.0};
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) by_mean[i] += at->inverse[i][j] * first[j] / at->sd[i];
  clv_shifts_pull(&view->coefficients->shifts, by_mean, w, tail);
}

void clv_lognormal_terms_block(const clv_lognormal_terms *self, size_t block, const clv_lognormal_view *view,
                               double *sum) {
  double *tail = sum + self->n_segment * SUMS;
  for (size_t k = self->block_chunk[block]; k < self->block_chunk[block + 1]; k++) {
    const chunk        *c = chunks(self) + k;
    double              own[CLV_LOGNORMAL_PARAMETERS], mine[SUMS];
    clv_lognormal_point at;
    clv_lognormal_segments_place(view->segments, view->phi, c->segment, own);
    clv_lognormal_population_at(&view->segments->population, own, &at);
    const clv_lognormal_prior prior = prior_of(view, &at, covariates_at(self, k));
    chunk_evaluate(self, c, &prior, view->refine, mine);
    for (size_t i = 0; i < SUMS; i++) sum[c->segment * SUMS + i] += mine[i];
    tail_add(view, &at, mine + 1, covariates_at(self, k), tail);
  }
}
