#include "engine/models/lognormal_layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/vector_set.h"
#include "engine/numerics/pinned.h"

enum { LANES = 8, TERMS_MOST = CLV_LOGNORMAL_TERMS };
static const double NODES_MOST = 160.0; /* between the modes of one lattice, at the step it needs */

typedef clv_lognormal_layout layout;
typedef clv_lognormal_chunk  chunk;
typedef clv_lognormal_group  group;
typedef clv_lognormal_piece  piece;
typedef clv_lognormal_run    run;

static clv_status list_add(clv_lognormal_list *to, const void *item, size_t size) {
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

void clv_lognormal_layout_free(clv_lognormal_layout *self) {
  clv_lognormal_list *all[] = {&self->record, &self->count, &self->term,  &self->run, &self->group,
                               &self->chunk,  &self->reach, &self->piece, &self->w};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]->item);
  free(self->block_piece);
  *self = (clv_lognormal_layout){0};
}

/* ---- the order of a block ---- */

/* A cell in the order in which its block is laid out. */
typedef struct place {
  const double         *w; /* [n_column] */
  size_t                n_column, at;
  clv_lognormal_amounts amounts;
  uint32_t              segment;
} place;

static int number_compare(double a, double b) { return a < b ? -1 : a > b; }

/* Those of one lattice: of one segment, and told as much by amounts. */
static int lattice_compare(const place *x, const place *y) {
  if (x->segment != y->segment) return x->segment < y->segment ? -1 : 1;
  return number_compare(x->amounts.n, y->amounts.n);
}

/* Those of one prior. */
static int prior_compare(const place *x, const place *y) {
  const int order = lattice_compare(x, y), next = clv_vector_compare(x->w, y->w, x->n_column);
  if (order != 0) return order;
  return next != 0 ? next : number_compare(x->amounts.mean_log, y->amounts.mean_log);
}

/* Else as they came. */
static int place_compare(const void *a, const void *b) {
  const place *x = a, *y = b;
  const int    order = prior_compare(x, y);
  if (order != 0) return order;
  return x->at < y->at ? -1 : x->at > y->at;
}

/* What a block is made of. */
typedef struct source {
  const clv_cells             *cells;
  const clv_lognormal_amounts *amounts; /* may be NULL */
} source;

static void places_fill(const layout *self, const source *from, size_t first, size_t last, place *to) {
  const clv_cells *cells = from->cells;
  for (size_t i = first; i < last; i++) {
    to[i - first] = (place){.w = self->n_column == 0 ? NULL : cells->covariates->value + i * self->n_column,
                            .n_column = self->n_column,
                            .at       = i,
                            .segment  = cells->segment == NULL ? 0 : cells->segment[i]};
    if (from->amounts != NULL && from->amounts[i].n > 0.0) to[i - first].amounts = from->amounts[i];
  }
  qsort(to, last - first, sizeof *to, place_compare);
}

/* ---- terms ---- */

/* A term that a record has; several records may have it. */
typedef struct wanted {
  double   power, t;
  uint32_t octave, with_mu, chunk, record, reach;
} wanted;

/* Powers whose steps differ by less than a factor of sqrt(2): their terms share lattices. */
static uint32_t octave_of(double power) {
  return (uint32_t)floor(clv_log(power + 4.0) / 0.69314718055994531);
}

static int function_compare(const wanted *x, const wanted *y) {
  if (x->with_mu != y->with_mu) return x->with_mu < y->with_mu ? -1 : 1;
  if (x->t != y->t) return x->t < y->t ? -1 : 1;
  return number_compare(x->power, y->power);
}

static int by_octave(const void *a, const void *b) {
  const wanted *x = a, *y = b;
  if (x->octave != y->octave) return x->octave < y->octave ? -1 : 1;
  return function_compare(x, y);
}

static int by_chunk(const void *a, const void *b) {
  const wanted *x = a, *y = b;
  if (x->chunk != y->chunk) return x->chunk < y->chunk ? -1 : 1;
  if (x->octave != y->octave) return x->octave < y->octave ? -1 : 1;
  if (x->reach != y->reach) return x->reach < y->reach ? -1 : 1;
  const int order = function_compare(x, y);
  if (order != 0) return order;
  return x->record < y->record ? -1 : x->record > y->record;
}

static bool is_same(const wanted *x, const wanted *y) {
  return x->chunk == y->chunk && function_compare(x, y) == 0;
}

/* Both terms of n cells. @return how many are distinct */
static size_t wanted_fill(const clv_cells *cells, const place *from, size_t n, wanted *to) {
  size_t   distinct = 1;
  uint32_t its      = 0;
  for (size_t i = 0; i < n; i++) {
    const size_t k = from[i].at;
    const double x = cells->x[k];
    its += i > 0 && prior_compare(&from[i - 1], &from[i]) != 0;
    to[2 * i]       = (wanted){.power = x, .t = cells->t_x[k], .octave = octave_of(x), .with_mu = 1};
    to[2 * i + 1]   = (wanted){.power = x + 1.0, .t = cells->T[k], .octave = octave_of(x + 1.0)};
    to[2 * i].chunk = to[2 * i + 1].chunk = its;
    to[2 * i].record = to[2 * i + 1].record = (uint32_t)i;
  }
  qsort(to, 2 * n, sizeof *to, by_chunk);
  for (size_t k = 1; k < 2 * n; k++) distinct += !is_same(&to[k - 1], &to[k]);
  return distinct;
}

/* Would the lattice's modes with this one more span too many nodes? */
static bool reach_is_far(const clv_lognormal_reach *reach, const clv_lognormal_term *term) {
  clv_lognormal_reach with = *reach;
  clv_lognormal_reach_add(&with, term);
  return (with.mode[1] - with.mode[0]) * sqrt(with.power + 4.0) > NODES_MOST;
}

/* Lattices of a piece: as few as its terms' modes allow. Equal terms get the same one. */
static clv_status reaches_find(layout *self, wanted *all, size_t n) {
  const size_t        first = self->reach.n;
  clv_lognormal_reach reach = clv_lognormal_reach_none();
  clv_status          st    = CLV_OK;
  qsort(all, n, sizeof *all, by_octave);
  for (size_t k = 0; k < n; k++) {
    const bool is_new = k == 0 || by_octave(&all[k - 1], &all[k]) != 0;
    if (is_new) {
      const clv_lognormal_term term = clv_lognormal_term_of(all[k].with_mu != 0, all[k].power, all[k].t);
      if (k > 0 && (all[k - 1].octave != all[k].octave || reach_is_far(&reach, &term))) {
        CLV_TRY(list_add(&self->reach, &reach, sizeof reach));
        reach = clv_lognormal_reach_none();
      }
      clv_lognormal_reach_add(&reach, &term);
    }
    all[k].reach = (uint32_t)(self->reach.n - first);
  }
  CLV_TRY(list_add(&self->reach, &reach, sizeof reach));
out:
  return st;
}

static clv_status run_open(layout *self, const wanted *w, bool opens_group, size_t first_reach) {
  const run   fresh = {.first = self->term.n, .last = self->term.n};
  const group its   = {.first = self->run.n, .reach = first_reach + w->reach};
  clv_status  st    = CLV_OK;
  if (opens_group) CLV_TRY(list_add(&self->group, &its, sizeof its));
  CLV_TRY(list_add(&self->run, &fresh, sizeof fresh));
  ((group *)self->group.item)[self->group.n - 1].last = self->run.n;
out:
  return st;
}

/* Terms, runs and groups of one chunk, sorted by them; the records learn their terms. */
static clv_status terms_place(layout *self, const piece *p, const wanted *sorted, size_t n,
                              clv_lognormal_record *record) {
  clv_status st = CLV_OK;
  for (size_t k = 0; k < n; k++) {
    const wanted *w = &sorted[k], *before = k == 0 ? NULL : &sorted[k - 1];
    if (before == NULL || !is_same(before, w)) {
      const clv_lognormal_term term = clv_lognormal_term_of(w->with_mu != 0, w->power, w->t);
      const bool opens = before == NULL || before->reach != w->reach || before->octave != w->octave;
      if (opens || before->with_mu != w->with_mu || before->t != w->t)
        CLV_TRY(run_open(self, w, opens, p->first_reach));
      CLV_TRY(list_add(&self->term, &term, sizeof term));
      ((run *)self->run.item)[self->run.n - 1].last = self->term.n;
    }
    record[w->record].term[w->with_mu ? 0 : 1] = (uint32_t)(self->term.n - 1 - p->first_term);
  }
out:
  return st;
}

/* ---- records ---- */

/* Both terms of a record relative to the larger one's scale. */
static void record_settle(const layout *self, const piece *p, chunk *c, clv_lognormal_record *r) {
  const clv_lognormal_term *term = (const clv_lognormal_term *)self->term.item + p->first_term;
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

/* A piece's records [first, last), which share a prior; `sorted` are their terms. */
static clv_status chunk_add(layout *self, const piece *p, const place *from, size_t first, size_t last,
                            const bench *at, const wanted *sorted) {
  static const double none = 0.0;
  chunk               c    = {.first       = self->record.n,
                              .last        = self->record.n + last - first,
                              .first_count = self->count.n,
                              .first_group = self->group.n,
                              .amounts     = from[first].amounts};
  clv_status          st   = CLV_OK;
  CLV_TRY(terms_place(self, p, sorted, 2 * (last - first), at->record));
  c.last_group = self->group.n;
  for (size_t i = first; i < last; i++) {
    record_settle(self, p, &c, &at->record[i]);
    if (i > first) c.amounts.ss += from[i].amounts.ss;
    CLV_TRY(list_add(&self->record, &at->record[i], sizeof *at->record));
    CLV_TRY(list_add(&self->count, &at->record[i].count, sizeof none));
  }
  while ((self->count.n - c.first_count) % LANES != 0) CLV_TRY(list_add(&self->count, &none, sizeof none));
  CLV_TRY(list_add(&self->chunk, &c, sizeof c));
  if (self->n_column > 0) CLV_TRY(list_add(&self->w, from[first].w, self->n_column * sizeof *from->w));
out:
  return st;
}

/* Cells of one lattice, from place `from` on; as many of the n as fit, at least one. */
static clv_status piece_add(layout *self, const source *of, const place *from, size_t *n, bench *at) {
  const uint32_t *count = of->cells->count;
  piece           p     = {.first       = self->chunk.n,
                           .first_term  = self->term.n,
                           .first_reach = self->reach.n,
                           .segment     = from->segment};
  clv_status      st    = CLV_OK;
  while (wanted_fill(of->cells, from, *n, at->wanted) > TERMS_MOST) *n = (*n + 1) / 2;
  for (size_t i = 0; i < *n; i++)
    at->record[i] = (clv_lognormal_record){.count = count == NULL ? 1.0 : (double)count[from[i].at]};
  CLV_TRY(reaches_find(self, at->wanted, 2 * *n));
  qsort(at->wanted, 2 * *n, sizeof *at->wanted, by_chunk);
  for (size_t first = 0, last; first < *n; first = last) {
    for (last = first + 1; last < *n && prior_compare(&from[first], &from[last]) == 0;) last++;
    CLV_TRY(chunk_add(self, &p, from, first, last, at, at->wanted + 2 * first));
  }
  p.last = self->chunk.n, p.last_reach = self->reach.n;
  CLV_TRY(list_add(&self->piece, &p, sizeof p));
out:
  return st;
}

static clv_status block_add(layout *self, const source *from, size_t first, size_t last, bench *at) {
  clv_status st = CLV_OK;
  places_fill(self, from, first, last, at->place);
  for (size_t k = 0, n; k < last - first; k += n) {
    for (n = 1; k + n < last - first && lattice_compare(&at->place[k], &at->place[k + n]) == 0;) n++;
    CLV_TRY(piece_add(self, from, at->place + k, &n, at));
  }
out:
  return st;
}

clv_status clv_lognormal_layout_make(const clv_cells *cells, const clv_lognormal_amounts *amounts,
                                     clv_lognormal_layout *out) {
  const size_t all  = (size_t)(cells->blocks.last - cells->blocks.first);
  const source from = {cells, amounts};
  bench        at   = {0};
  clv_status   st   = CLV_OK;
  out->n_segment    = cells->n_segment;
  out->n_column     = cells->covariates == NULL ? 0 : cells->covariates->n;
  out->n_block      = (size_t)(cells->blocks.last_block - cells->blocks.first_block);
  CLV_TRY(clv_calloc(out->n_block + 1, sizeof *out->block_piece, (void **)&out->block_piece));
  CLV_TRY(clv_alloc(2 * CLV_BLOCK_SIZE, sizeof *at.wanted, (void **)&at.wanted));
  CLV_TRY(clv_alloc(CLV_BLOCK_SIZE, sizeof *at.record, (void **)&at.record));
  CLV_TRY(clv_alloc(CLV_BLOCK_SIZE, sizeof *at.place, (void **)&at.place));
  for (size_t b = 0; b < out->n_block; b++) {
    const size_t first = b * CLV_BLOCK_SIZE;
    CLV_TRY(block_add(out, &from, first, first + CLV_BLOCK_SIZE < all ? first + CLV_BLOCK_SIZE : all, &at));
    out->block_piece[b + 1] = out->piece.n;
  }
out:
  free(at.wanted);
  free(at.record);
  free(at.place);
  return st;
}
