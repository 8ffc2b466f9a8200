#ifndef CLV_TESTS_SEGMENTS_MADE_H
#define CLV_TESTS_SEGMENTS_MADE_H

#include <string.h>

#include "comm/comm.h"
#include "engine/models/gamma_gamma.h"
#include "engine/models/process.h"
#include "engine/models/purchases.h"

/* Uneven segments on a day grid: the first has three customers, the second nobody who bought again, the
 * others more and more customers with parameters of their own. In customer order segments are mixed. */
enum { SEGMENTS_CUSTOMERS = 2000, SEGMENTS_N = 7 };

typedef struct segments_row {
  uint32_t segment, x, count;
  double   t_x, T, mean;
} segments_row;

typedef struct segments_made {
  segments_row row[SEGMENTS_CUSTOMERS];
  size_t       n, n_spend;
  uint32_t     segment[SEGMENTS_CUSTOMERS], x[SEGMENTS_CUSTOMERS], count[SEGMENTS_CUSTOMERS];
  uint32_t     spend_segment[SEGMENTS_CUSTOMERS], spend_x[SEGMENTS_CUSTOMERS];
  double       t_x[SEGMENTS_CUSTOMERS], T[SEGMENTS_CUSTOMERS], mean[SEGMENTS_CUSTOMERS];
} segments_made;

static inline uint32_t segments_of_customer(size_t i) {
  static const uint32_t until[SEGMENTS_N] = {3, 43, 103, 253, 553, 1103, SEGMENTS_CUSTOMERS};
  const size_t          place             = i * 777 % SEGMENTS_CUSTOMERS; /* coprime: a permutation */
  uint32_t              g                 = 0;
  while (place >= until[g]) g++;
  return g;
}

static inline void segments_simulate(segments_made *m) {
  double time[512], amount[512];
  for (size_t i = 0; i < SEGMENTS_CUSTOMERS; i++) {
    const uint32_t g  = segments_of_customer(i);
    const double   up = 0.3 * (double)g, T = 27.0 + (double)(i % 7);
    const double   theta[] = {0.4 + 0.2 * up, 6.0 - up, 0.6 + 0.2 * up, 2.5 - 0.3 * up};
    const double   spend[] = {6.0, 4.0 - 0.5 * up, 15.0 + 3.0 * up};
    clv_rng        rng     = clv_rng_at(8, CLV_RNG_SIMULATE, i, 0, 0);
    const size_t   n       = g == 1 ? 0 : clv_process_find("bg_nbd")->simulate(theta, T, &rng, time, 512);
    const size_t   x       = n < 512 ? n : 512;
    segments_row  *r       = &m->row[i];
    *r                     = (segments_row){.segment = g, .x = (uint32_t)x, .count = 1, .T = T};
    if (x == 0) continue;
    r->t_x = (double)(long)(time[x - 1] * 2.0 + 1.0) / 2.0;
    if (r->t_x > T) r->t_x = T;
    CLV_GAMMA_GAMMA_SPEND.simulate(spend, x, &rng, amount);
    for (size_t k = 0; k < x; k++) r->mean += amount[k] / (double)x;
  }
  m->n = SEGMENTS_CUSTOMERS;
}

/* The columns from the rows: of spend, from rows of one customer each. */
static inline void segments_columns(segments_made *m) {
  const bool merged = m->n < SEGMENTS_CUSTOMERS;
  if (!merged) m->n_spend = 0;
  for (size_t i = 0; i < m->n; i++) {
    const segments_row *r = &m->row[i];
    m->segment[i] = r->segment, m->x[i] = r->x, m->count[i] = r->count, m->t_x[i] = r->t_x, m->T[i] = r->T;
    if (r->x == 0 || merged) continue;
    m->spend_segment[m->n_spend] = r->segment, m->spend_x[m->n_spend] = r->x, m->mean[m->n_spend++] = r->mean;
  }
}

static inline int segments_compare(const void *a, const void *b) {
  const segments_row *k = a, *l = b;
  if (k->segment != l->segment) return k->segment < l->segment ? -1 : 1;
  if (k->x != l->x) return k->x < l->x ? -1 : 1;
  if (k->t_x < l->t_x || k->t_x > l->t_x) return k->t_x < l->t_x ? -1 : 1;
  return k->T < l->T ? -1 : k->T > l->T;
}

/* way 0: customers mixed; 1: in reverse; 2: sorted histories with counts, as a portfolio has them. */
static inline void segments_fill(segments_made *m, int way) {
  segments_simulate(m);
  for (size_t i = 0, j = m->n - 1; way == 1 && i < j; i++, j--) {
    const segments_row r = m->row[i];
    m->row[i] = m->row[j], m->row[j] = r;
  }
  segments_columns(m);
  if (way != 2) return;
  size_t n = 0;
  qsort(m->row, m->n, sizeof *m->row, segments_compare);
  for (size_t i = 0; i < m->n; i++) {
    if (n > 0 && segments_compare(&m->row[n - 1], &m->row[i]) == 0)
      m->row[n - 1].count++;
    else
      m->row[n++] = m->row[i];
  }
  m->n = n;
  segments_columns(m);
}

static inline clv_cells segments_cells(const clv_comm *comm, const segments_made *m, bool pooled) {
  const clv_blocks b = clv_blocks_of(m->n, clv_comm_rank(comm), clv_comm_size(comm));
  return (clv_cells){.blocks    = b,
                     .segment   = m->segment + b.first,
                     .x         = m->x + b.first,
                     .t_x       = m->t_x + b.first,
                     .T         = m->T + b.first,
                     .count     = m->count + b.first,
                     .n_segment = SEGMENTS_N,
                     .pooled    = pooled};
}

static inline clv_spends segments_spends(const clv_comm *comm, const segments_made *m, bool pooled,
                                         double rescale_factor) {
  const clv_blocks b = clv_blocks_of(m->n_spend, clv_comm_rank(comm), clv_comm_size(comm));
  return (clv_spends){.blocks         = b,
                      .segment        = m->spend_segment + b.first,
                      .x              = m->spend_x + b.first,
                      .mean           = m->mean + b.first,
                      .n_segment      = SEGMENTS_N,
                      .rescale_factor = rescale_factor,
                      .pooled         = pooled};
}

#endif
