#ifndef CLV_TESTS_PORTFOLIO_MADE_H
#define CLV_TESTS_PORTFOLIO_MADE_H

#include <stdlib.h>
#include <string.h>

#include "comm/comm.h"
#include "engine/models/gamma_gamma.h"
#include "engine/models/process.h"
#include "engine/models/purchases.h"

/* A made portfolio on a day grid, so that histories repeat; in customer order. */
enum { MADE_N = 20000 };
typedef struct made {
  uint32_t x[MADE_N], count[MADE_N], spend_x[MADE_N];
  double   t_x[MADE_N], T[MADE_N], mean[MADE_N];
  size_t   n, n_spend;
} made;

static inline void made_fill(made *m) {
  static const double theta[] = {0.7, 5.0, 0.8, 2.5}, spend[] = {6.0, 4.0, 15.0};
  double              time[512], amount[512];
  m->n = MADE_N, m->n_spend = 0;
  for (size_t i = 0; i < MADE_N; i++) {
    clv_rng      rng = clv_rng_at(7, CLV_RNG_SIMULATE, i, 0, 0);
    const double T   = 27.0 + (double)(i % 7);
    const size_t n = clv_process_find("bg_nbd")->simulate(theta, T, &rng, time, 512), x = n < 512 ? n : 512;
    m->x[i] = (uint32_t)x, m->T[i] = T, m->count[i] = 1;
    m->t_x[i] = x == 0 ? 0.0 : (double)(long)(time[x - 1] * 2.0 + 1.0) / 2.0;
    if (m->t_x[i] > T) m->t_x[i] = T;
    if (x == 0) continue;
    CLV_GAMMA_GAMMA_SPEND.simulate(spend, x, &rng, amount);
    double total = 0.0;
    for (size_t k = 0; k < x; k++) total += amount[k];
    m->spend_x[m->n_spend] = (uint32_t)x, m->mean[m->n_spend++] = total / (double)x;
  }
}

/* Purchases at whole opportunities, as the BG/BB has them; spend as it was made. */
static inline void made_fill_whole(made *m) {
  static const double theta[] = {1.2, 0.75, 0.66, 2.8};
  double              time[16];
  made_fill(m);
  for (size_t i = 0; i < MADE_N; i++) {
    clv_rng      rng = clv_rng_at(8, CLV_RNG_SIMULATE, i, 0, 0);
    const double T   = 4.0 + (double)(i % 7);
    const size_t x   = clv_process_find("bg_bb")->simulate(theta, T, &rng, time, 16);
    m->x[i] = (uint32_t)x, m->T[i] = T;
    m->t_x[i] = x == 0 ? 0.0 : time[x - 1];
  }
}

/* The portfolio that a model is made for. */
static inline void made_fill_for(made *m, const char *name) {
  if (strcmp(name, "bg_bb") == 0)
    made_fill_whole(m);
  else
    made_fill(m);
}

static inline void made_reverse(made *m) {
  for (size_t i = 0, j = m->n - 1; i < j; i++, j--) {
    const uint32_t x = m->x[i];
    const double   t = m->t_x[i], T = m->T[i];
    m->x[i] = m->x[j], m->t_x[i] = m->t_x[j], m->T[i] = m->T[j];
    m->x[j] = x, m->t_x[j] = t, m->T[j] = T;
  }
  for (size_t i = 0, j = m->n_spend - 1; i < j; i++, j--) {
    const uint32_t x = m->spend_x[i];
    const double   z = m->mean[i];
    m->spend_x[i] = m->spend_x[j], m->mean[i] = m->mean[j];
    m->spend_x[j] = x, m->mean[j] = z;
  }
}

typedef struct made_cell {
  double   T, t_x;
  uint32_t x, count;
} made_cell;

static inline int made_compare(const void *a, const void *b) {
  const made_cell *k = a, *l = b;
  if (k->x != l->x) return k->x < l->x ? -1 : 1;
  if (k->t_x < l->t_x || k->t_x > l->t_x) return k->t_x < l->t_x ? -1 : 1;
  return k->T < l->T ? -1 : k->T > l->T;
}

/* Customers of one history become one row with a count. */
static inline void made_merge(made *m) {
  made_cell *cell = malloc(m->n * sizeof *cell);
  for (size_t i = 0; i < m->n; i++) cell[i] = (made_cell){m->T[i], m->t_x[i], m->x[i], 1};
  qsort(cell, m->n, sizeof *cell, made_compare);
  size_t n = 0;
  for (size_t i = 0; i < m->n; i++) {
    if (n > 0 && made_compare(&cell[n - 1], &cell[i]) == 0) {
      cell[n - 1].count++;
    } else {
      cell[n++] = cell[i];
    }
  }
  for (size_t i = 0; i < n; i++)
    m->x[i] = cell[i].x, m->t_x[i] = cell[i].t_x, m->T[i] = cell[i].T, m->count[i] = cell[i].count;
  m->n = n;
  free(cell);
}

static inline clv_cells made_cells(const clv_comm *comm, const made *m) {
  const clv_blocks b = clv_blocks_of(m->n, clv_comm_rank(comm), clv_comm_size(comm));
  return (clv_cells){.blocks    = b,
                     .x         = m->x + b.first,
                     .t_x       = m->t_x + b.first,
                     .T         = m->T + b.first,
                     .count     = m->n < MADE_N ? m->count + b.first : NULL, /* merged or not */
                     .n_segment = 1};
}

static inline clv_spends made_spends(const clv_comm *comm, const made *m, double rescale_factor) {
  const clv_blocks b = clv_blocks_of(m->n_spend, clv_comm_rank(comm), clv_comm_size(comm));
  return (clv_spends){.blocks         = b,
                      .x              = m->spend_x + b.first,
                      .mean           = m->mean + b.first,
                      .n_segment      = 1,
                      .rescale_factor = rescale_factor};
}

#endif
