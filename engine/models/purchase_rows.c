#include "engine/models/purchase_rows.h"

#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"

enum { LANES = CLV_ROW_LANES };

/* Order of rows inside a block: segment, then x = 0 before x > 0; otherwise as they came. */
static bool row_before(const clv_cells *cells, size_t i, size_t j) {
  const uint32_t gi = cells->segment == NULL ? 0 : cells->segment[i],
                 gj = cells->segment == NULL ? 0 : cells->segment[j];
  return gi != gj ? gi < gj : (cells->x[i] > 0) < (cells->x[j] > 0);
}

/* Stable merge sort of a block's indices; the portfolio is sorted already, so this seldom moves anything. */
static void indices_sort(const clv_cells *cells, uint32_t *index, uint32_t *spare, size_t n) {
  if (n < 2) return;
  const size_t half = n / 2;
  indices_sort(cells, index, spare, half);
  indices_sort(cells, index + half, spare, n - half);
  if (!row_before(cells, index[half], index[half - 1])) return;
  memcpy(spare, index, half * sizeof *spare);
  size_t i = 0, j = half, k = 0;
  while (i < half) index[k++] = j < n && row_before(cells, index[j], spare[i]) ? index[j++] : spare[i++];
}

static size_t up_to_lanes(size_t n) { return (n + LANES - 1) / LANES * LANES; }

/* Copies rows [from, to) of the sorted block into the columns, filled up with rows that count nothing. */
static size_t rows_copy(clv_purchase_rows *l, const clv_cells *cells, const uint32_t *index, size_t n,
                        size_t *used) {
  const size_t padded = up_to_lanes(n);
  for (size_t k = 0; k < padded; k++) {
    const size_t at = *used + k, i = index[k < n ? k : 0];
    l->x[at]     = (double)cells->x[i];
    l->t_x[at]   = cells->t_x[i];
    l->T[at]     = cells->T[i];
    l->count[at] = k >= n ? 0.0 : cells->count == NULL ? 1.0 : (double)cells->count[i];
  }
  *used += padded;
  return padded;
}

/* How many customers of a run were last seen at t_x, and what they bought: what depends on recency alone is
 * summed over these. */
typedef struct recency {
  double t_x, count, count_x;
} recency;

static int recency_compare(const void *a, const void *b) {
  const double x = ((const recency *)a)->t_x, y = ((const recency *)b)->t_x;
  return x < y ? -1 : x > y;
}

/* Distinct recencies of the buyers just copied; sums of whole numbers, so their order does not matter.
 * @return how many, filled up to lanes */
static size_t recencies_copy(clv_purchase_rows *l, const clv_purchase_run *run, recency *spare,
                             size_t *used) {
  size_t last = 0;
  for (size_t k = 0; k < run->n_buyer; k++) {
    const size_t at = run->first_buyer + k;
    spare[k]        = (recency){l->t_x[at], l->count[at], l->count[at] * l->x[at]};
  }
  qsort(spare, run->n_buyer, sizeof *spare, recency_compare);
  for (size_t k = 1; k < run->n_buyer; k++) {
    if (spare[k].t_x != spare[last].t_x) {
      spare[++last] = spare[k];
      continue;
    }
    spare[last].count += spare[k].count;
    spare[last].count_x += spare[k].count_x;
  }
  const size_t n = run->n_buyer > 0 ? last + 1 : 0, padded = up_to_lanes(n);
  for (size_t k = 0; k < padded; k++) {
    const recency from          = k < n ? spare[k] : (recency){spare[0].t_x, 0.0, 0.0};
    l->recency[*used + k]       = from.t_x;
    l->recency_count[*used + k] = from.count;
    l->recency_x[*used + k]     = from.count_x;
  }
  *used += padded;
  return padded;
}

static size_t group_length(const clv_cells *cells, const uint32_t *index, size_t first, size_t n) {
  size_t end = first + 1;
  while (end < n && !row_before(cells, index[first], index[end])) end++;
  return end - first;
}

/* How much of the columns is filled, and room to sort a block's recencies in. */
typedef struct layer {
  size_t   rows, recencies;
  recency *spare; /* owned [CLV_BLOCK_SIZE + LANES] */
} layer;

static void block_lay(clv_purchase_rows *l, const clv_cells *cells, const uint32_t *index, size_t n,
                      layer *to) {
  size_t *n_run = &l->block_run[l->n_block + 1];
  *n_run        = l->block_run[l->n_block];
  for (size_t first = 0; first < n;) {
    const size_t length  = group_length(cells, index, first, n);
    const size_t segment = cells->segment == NULL ? 0 : cells->segment[index[first]];
    const bool   buyers  = cells->x[index[first]] > 0;
    if (*n_run == l->block_run[l->n_block] || l->run[*n_run - 1].segment != segment)
      l->run[(*n_run)++] = (clv_purchase_run){.segment = segment};
    clv_purchase_run *now = &l->run[*n_run - 1];
    if (buyers) {
      now->first_buyer   = to->rows;
      now->n_buyer       = rows_copy(l, cells, index + first, length, &to->rows);
      now->first_recency = to->recencies;
      now->n_recency     = recencies_copy(l, now, to->spare, &to->recencies);
    } else {
      now->first_once = to->rows;
      now->n_once     = rows_copy(l, cells, index + first, length, &to->rows);
    }
    first += length;
  }
  l->n_block++;
}

/* Most runs and padded rows this rank can need: each segment adds two groups to the blocks it touches. */
static clv_status rows_lay(clv_purchase_rows *l, const clv_cells *cells) {
  const size_t n           = (size_t)(cells->blocks.last - cells->blocks.first);
  const size_t n_block     = (size_t)(cells->blocks.last_block - cells->blocks.first_block);
  const size_t groups_most = n_block * 2 * (l->n_segment < CLV_BLOCK_SIZE ? l->n_segment : CLV_BLOCK_SIZE);
  const size_t groups      = groups_most < n + n_block ? groups_most : n + n_block,
               room        = n + groups * (LANES - 1);
  uint32_t  *index         = NULL;
  layer      now           = {0};
  clv_status st            = CLV_OK;
  CLV_TRY(clv_calloc(n_block + 1, sizeof *l->block_run, (void **)&l->block_run));
  CLV_TRY(clv_calloc(groups + 1, sizeof *l->run, (void **)&l->run));
  CLV_TRY(clv_alloc(4 * room + 1, sizeof *l->x, (void **)&l->x));
  CLV_TRY(clv_alloc(3 * room + 1, sizeof *l->recency, (void **)&l->recency));
  CLV_TRY(clv_alloc(CLV_BLOCK_SIZE + LANES, sizeof *now.spare, (void **)&now.spare));
  CLV_TRY(clv_alloc(2 * (size_t)CLV_BLOCK_SIZE, sizeof *index, (void **)&index));
  l->recency_count = l->recency + room, l->recency_x = l->recency_count + room;
  l->t_x = l->x + room, l->T = l->t_x + room, l->count = l->T + room;
  for (size_t first = 0; first < n; first += CLV_BLOCK_SIZE) {
    const size_t length = n - first < CLV_BLOCK_SIZE ? n - first : CLV_BLOCK_SIZE;
    for (size_t k = 0; k < length; k++) index[k] = (uint32_t)(first + k);
    indices_sort(cells, index, index + CLV_BLOCK_SIZE, length);
    block_lay(l, cells, index, length, &now);
  }
out:
  free(index);
  free(now.spare);
  return st;
}

clv_status clv_purchase_rows_new(const clv_cells *cells, clv_purchase_rows **out) {
  clv_purchase_rows *self = NULL;
  clv_status         st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->n_segment = cells->n_segment;
  self->alike     = cells->count == NULL;
  CLV_TRY(rows_lay(self, cells));
  *out = self, self = NULL;
out:
  clv_purchase_rows_free(&self);
  return st;
}

void clv_purchase_rows_free(clv_purchase_rows **self) {
  if (self == NULL || *self == NULL) return;
  free((*self)->block_run);
  free((*self)->run);
  free((*self)->x);
  free((*self)->recency);
  free(*self);
  *self = NULL;
}

clv_status clv_mean_age(const clv_comm *comm, const clv_cells *cells, double *mean) {
  clv_exact_sum *sum = NULL;
  double         total[2];
  clv_status     st = clv_comm_agree(comm, clv_exact_sum_new(2, &sum));
  if (st < 0) goto out;
  for (size_t i = 0; i < (size_t)(cells->blocks.last - cells->blocks.first); i++) {
    const double count = cells->count == NULL ? 1.0 : (double)cells->count[i];
    clv_exact_sum_add(sum, (double[]){count, count * cells->T[i]});
  }
  CLV_TRY(clv_exact_sum_total(sum, comm, total));
  *mean = total[0] > 0.0 && total[1] > 0.0 ? total[1] / total[0] : 1.0;
out:
  clv_exact_sum_free(&sum);
  return st;
}
