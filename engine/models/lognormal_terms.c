#include "engine/models/lognormal_terms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/lognormal_grid_kernel.h"
#include "engine/models/lognormal_layout.h"
#include "engine/numerics/pinned.h"

enum {
  MOST        = CLV_LOGNORMAL_DIMENSIONS,
  SUMS_MOST   = 2 + MOST + MOST * (MOST + 1) / 2,
  TERMS_MOST  = CLV_LOGNORMAL_TERMS,
  CHUNKS_MOST = TERMS_MOST / 2,
  WIDTH       = CLV_LOGNORMAL_WIDTH
};
/* Priors whose means are this near, in whitened deviations along each coordinate, share a lattice: tilted by
 * up to sqrt(2) deviations, a density keeps all its digits. */
static const double CELL = 2.0;

typedef clv_lognormal_chunk chunk;
typedef clv_lognormal_group group;
typedef clv_lognormal_piece piece;
typedef clv_lognormal_run   run;

struct clv_lognormal_terms {
  clv_isa              isa;
  clv_lognormal_layout layout; /* owned */
};

void clv_lognormal_terms_free(clv_lognormal_terms **self) {
  if (self == NULL || *self == NULL) return;
  clv_lognormal_layout_free(&(*self)->layout);
  free(*self);
  *self = NULL;
}

clv_status clv_lognormal_terms_new(const clv_cells *cells, const clv_lognormal_amounts *amounts,
                                   clv_lognormal_terms **out) {
  clv_lognormal_terms *self = NULL;
  clv_status           st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->isa = clv_isa_best();
  CLV_TRY(clv_lognormal_layout_make(cells, amounts, &self->layout));
  *out = self, self = NULL;
out:
  clv_lognormal_terms_free(&self);
  return st;
}

size_t clv_lognormal_terms_n_block(const clv_lognormal_terms *self) { return self->layout.n_block; }

static const chunk                *chunks(const clv_lognormal_terms *self) { return self->layout.chunk.item; }
static const group                *groups(const clv_lognormal_terms *self) { return self->layout.group.item; }
static const piece                *pieces(const clv_lognormal_terms *self) { return self->layout.piece.item; }
static const run                  *runs(const clv_lognormal_terms *self) { return self->layout.run.item; }
static const clv_lognormal_term   *terms(const clv_lognormal_terms *self) { return self->layout.term.item; }
static const clv_lognormal_record *records(const clv_lognormal_terms *self) {
  return self->layout.record.item;
}
static const clv_lognormal_reach *reaches(const clv_lognormal_terms *self) { return self->layout.reach.item; }
static const double              *counts(const clv_lognormal_terms *self) { return self->layout.count.item; }
static const double              *covariates_at(const clv_lognormal_terms *self, size_t k) {
               const size_t n = self->layout.n_column;
               return n == 0 ? NULL : (const double *)self->layout.w.item + k * n;
}

/* ---- priors of chunks, and which of them share lattices ---- */

/* One chunk of a piece at one point. */
typedef struct spot {
  size_t              chunk;
  double              mean[MOST]; /* of its customers' logarithms, before amounts */
  clv_lognormal_prior prior;      /* of their rates, with amounts */
  double              cell[2];    /* of the lattice, in whitened deviations from the piece's base */
} spot;

/* Everything about a piece at one point. Large: keep one at a time. */
typedef struct stage {
  const clv_lognormal_terms *terms;
  const clv_lognormal_view  *view;
  const piece               *piece;
  clv_lognormal_point        at;
  size_t                     n;
  spot                       spot[CHUNKS_MOST]; /* ascending by cell */
  double                     moment[WIDTH * TERMS_MOST];
  /* standardised distance of a chunk's means from its lattices' */
  double off[CHUNKS_MOST][2], base[CHUNKS_MOST][2]; /* [k] belongs to spot[k] */
} stage;

static int spot_compare(const void *a, const void *b) {
  const spot *x = a, *y = b;
  for (size_t k = 0; k < 2; k++)
    if (x->cell[k] < y->cell[k] || x->cell[k] > y->cell[k]) return x->cell[k] < y->cell[k] ? -1 : 1;
  return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

static bool is_same_cell(const spot *x, const spot *y) {
  return x->cell[0] == y->cell[0] && x->cell[1] == y->cell[1];
}

static void spot_fill(stage *s, size_t k) {
  const clv_shifts *shifts = &s->view->coefficients->shifts;
  const double     *w      = covariates_at(s->terms, k);
  spot             *to     = &s->spot[s->n++];
  to->chunk                = k;
  memcpy(to->mean, s->at.mean, sizeof to->mean);
  for (size_t e = 0; e < shifts->n_effect; e++) {
    const double shift = clv_shifts_of_effect(shifts, e, clv_lognormal_view_gamma(s->view), w);
    for (size_t i = 0; i < MOST; i++) to->mean[i] += shifts->effect[e].direction[i] * shift;
  }
  to->prior        = clv_lognormal_amounts_prior(&s->at, to->mean, &chunks(s->terms)[k].amounts);
  const double one = (to->prior.mean[0] - s->at.mean[0]) / to->prior.sd[0];
  const double two = (to->prior.mean[1] - s->at.mean[1]) / to->prior.sd[1];
  to->cell[0]      = rint(one / CELL);
  to->cell[1]      = rint((two - to->prior.rho * one) / sqrt(to->prior.rest) / CELL);
}

/* @return false where a prior is nothing that can be computed with */
static bool spots_fill(stage *s) {
  s->n = 0;
  for (size_t k = s->piece->first; k < s->piece->last; k++) {
    spot_fill(s, k);
    const spot *it = &s->spot[s->n - 1];
    if (!(isfinite(it->cell[0]) && isfinite(it->cell[1]))) return false;
  }
  qsort(s->spot, s->n, sizeof *s->spot, spot_compare);
  return true;
}

/* The prior in the middle of a cell, and how far from it those of its chunks are. */
static clv_lognormal_prior cell_prior(stage *s, size_t first, size_t last) {
  clv_lognormal_prior prior = s->spot[first].prior;
  const double        one   = CELL * s->spot[first].cell[0];
  const double        two   = prior.rho * one + sqrt(prior.rest) * CELL * s->spot[first].cell[1];
  prior.mean[0] = s->at.mean[0] + prior.sd[0] * one, prior.mean[1] = s->at.mean[1] + prior.sd[1] * two;
  for (size_t k = first; k < last; k++)
    for (size_t i = 0; i < 2; i++) {
      s->base[k][i]   = prior.mean[i];
      s->off[k][i]    = (s->spot[k].prior.mean[i] - prior.mean[i]) / prior.sd[i];
      prior.spread[i] = fmax(prior.spread[i], fabs(s->off[k][i]));
    }
  return prior;
}

/* ---- moments of terms ---- */

/* Those of one group: with the lattice's weight and tilted to the chunk's prior. */
static void group_evaluate(stage *s, const group *g, const clv_lognormal_grid *grid,
                           const clv_lognormal_tilt *tilt) {
  clv_lognormal_rows at;
  const double       weight = clv_exp(grid->log_weight + tilt->log_front);
  for (const run *r = runs(s->terms) + g->first; r < runs(s->terms) + g->last; r++) {
    const clv_lognormal_term *first = terms(s->terms) + r->first;
    clv_lognormal_grid_tilted_columns(grid, first, r->last - r->first, tilt, &at);
    for (size_t k = r->first; k < r->last; k++) {
      double *to = s->moment + WIDTH * (k - s->piece->first_term);
      clv_lognormal_grid_tilted_term(grid, terms(s->terms) + k, tilt, &at, to);
      for (size_t m = 0; m < WIDTH; m++) to[m] *= weight;
    }
  }
}

/* The group of a chunk on a lattice; NULL: it has none. */
static const group *group_find(const stage *s, size_t k, size_t reach) {
  const chunk *c = &chunks(s->terms)[s->spot[k].chunk];
  for (size_t g = c->first_group; g < c->last_group; g++)
    if (groups(s->terms)[g].reach == reach) return &groups(s->terms)[g];
  return NULL;
}

/* All terms of chunks [first, last) of one cell. @return false where no lattice resolves the prior */
static bool cell_evaluate(stage *s, size_t first, size_t last) {
  const clv_lognormal_prior prior = cell_prior(s, first, last);
  clv_lognormal_grid        grid;
  for (size_t reach = s->piece->first_reach; reach < s->piece->last_reach; reach++) {
    bool is_placed = false;
    for (size_t k = first; k < last; k++) {
      const group *g = group_find(s, k, reach);
      if (g == NULL) continue;
      if (!is_placed && !clv_lognormal_grid_place(&grid, &prior, &reaches(s->terms)[reach], s->view->refine))
        return false;
      is_placed                     = true;
      const clv_lognormal_tilt tilt = clv_lognormal_tilt_of(&prior, s->off[k]);
      group_evaluate(s, g, &grid, &tilt);
    }
  }
  return true;
}

/* ---- sums ---- */

size_t clv_lognormal_terms_n_sum(size_t n) { return 1 + n + n * (n + 1) / 2 + (n == 3 ? 1 : 0); }

/* Products in the order 00, 10, 11, 20, 21, 22. */
void clv_lognormal_terms_moments(size_t n, const double *sum, clv_lognormal_moments *out) {
  const double *at = sum + 1 + n;
  *out             = (clv_lognormal_moments){.within = 0.0};
  memcpy(out->first, sum + 1, n * sizeof *sum);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++) out->second[i][j] = out->second[j][i] = *at++;
  if (n == 3) out->within = *at;
}

static void moments_add(size_t n, const clv_lognormal_moments *m, double *sum) {
  double *to = sum + 1 + n;
  for (size_t i = 0; i < n; i++) sum[1 + i] += m->first[i];
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++) *to++ += m->second[i][j];
  if (n == 3) *to += m->within;
}

/* Moments of the rates, standardised by the population, from those standardised by the lattice. */
static void rates_fill(const stage *s, size_t k, const double *mixed, clv_lognormal_moments *m) {
  const spot  *it     = &s->spot[k];
  const double raw[2] = {mixed[1], mixed[2]}, square[2][2] = {{mixed[3], mixed[5]}, {mixed[5], mixed[4]}};
  double       move[2], scale[2];
  for (size_t i = 0; i < 2; i++) {
    move[i]     = (s->base[k][i] - it->mean[i]) / s->at.sd[i];
    scale[i]    = it->prior.sd[i] / s->at.sd[i];
    m->first[i] = move[i] * m->count + scale[i] * raw[i];
  }
  for (size_t i = 0; i < 2; i++)
    for (size_t j = 0; j < 2; j++)
      m->second[i][j] = move[i] * move[j] * m->count + move[i] * scale[j] * raw[j] +
                        move[j] * scale[i] * raw[i] + scale[i] * scale[j] * square[i][j];
}

/* The gradient in coefficients: that in the chunk's means, by its covariates. */
static void tail_add(const stage *s, size_t k, const clv_lognormal_moments *m, double *tail) {
  const size_t n                          = s->view->segments->population.n;
  double       by_mean[CLV_PARAMETER_MAX] = {0.0};
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) by_mean[i] += s->at.inverse[i][j] * m->first[j] / s->at.sd[i];
  clv_shifts_pull(&s->view->coefficients->shifts, by_mean, covariates_at(s->terms, s->spot[k].chunk), tail);
}

static void chunk_add(const stage *s, size_t k, double *sum, double *tail) {
  const clv_lognormal_terms *self = s->terms;
  const chunk               *c    = &chunks(self)[s->spot[k].chunk];
  const size_t               n = c->last - c->first, dimensions = s->view->segments->population.n;
  const size_t               padded = (n + WIDTH - 1) / WIDTH * WIDTH;
  clv_lognormal_moments      m      = {.count = c->n_customer};
  double                     value[CLV_BLOCK_SIZE], mixed[WIDTH] = {0};
  CLV_KERNEL_PICK(clv_lognormal_mix, self->isa)(records(self) + c->first, n, s->moment, value, mixed);
  for (size_t i = n; i < padded; i++) value[i] = 1.0;
  sum[0] += c->log_most +
            CLV_KERNEL_PICK(clv_lognormal_logs, self->isa)(value, counts(self) + c->first_count, padded);
  rates_fill(s, k, mixed, &m);
  if (dimensions == 3) {
    sum[0] += clv_lognormal_amounts_density(&s->at, s->spot[k].mean[2], &c->amounts, m.count);
    clv_lognormal_amounts_moments(&s->at, s->spot[k].mean[2], &c->amounts, &m);
  } else {
    m.second[0][0] -= m.count, m.second[1][1] -= m.count;
    m.second[0][1] -= m.count * s->at.partial[0];
    m.second[1][0] = m.second[0][1];
  }
  moments_add(dimensions, &m, sum);
  tail_add(s, k, &m, tail);
}

/* @param sum  of the piece's segment */
static void piece_evaluate(stage *s, double *sum, double *tail) {
  bool fine = spots_fill(s);
  for (size_t first = 0, last; fine && first < s->n; first = last) {
    for (last = first + 1; last < s->n && is_same_cell(&s->spot[first], &s->spot[last]);) last++;
    fine = cell_evaluate(s, first, last);
  }
  for (size_t k = 0; fine && k < s->n; k++) chunk_add(s, k, sum, tail);
  if (!fine) sum[0] = NAN;
}

void clv_lognormal_terms_block(const clv_lognormal_terms *self, size_t block, const clv_lognormal_view *view,
                               double *sum) {
  const clv_lognormal_population *population = &view->segments->population;
  const size_t                    n          = clv_lognormal_terms_n_sum(population->n);
  double                         *tail       = sum + self->layout.n_segment * n;
  stage                           s; /* what is not set is not read */
  s.terms = self, s.view = view;
  for (size_t k = self->layout.block_piece[block]; k < self->layout.block_piece[block + 1]; k++) {
    double own[CLV_LOGNORMAL_PARAMETERS];
    s.piece = pieces(self) + k;
    clv_lognormal_segments_place(view->segments, view->phi, s.piece->segment, own);
    clv_lognormal_population_at(population, own, &s.at);
    piece_evaluate(&s, sum + s.piece->segment * n, tail);
  }
}
