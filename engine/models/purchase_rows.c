#include "engine/models/purchase_rows.h"

#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"

enum { LANES = CLV_ROW_LANES };

/* Rows that kernels take in different ways: never bought again, stands for one customer, for several. */
typedef enum kind { ONCE, SINGLE, SEVERAL, N_KIND } kind;

static kind kind_of(const clv_cells *cells, size_t i) {
  if (cells->x[i] == 0) return ONCE;
  return cells->count == NULL || cells->count[i] == 1 ? SINGLE : SEVERAL;
}

static uint32_t segment_of(const clv_cells *cells, size_t i) {
  return cells->segment == NULL ? 0 : cells->segment[i];
}

/* Order of rows inside a block: segment, then kind; otherwise as they came. */
static bool row_before(const clv_cells *cells, size_t i, size_t j) {
  const uint32_t gi = segment_of(cells, i), gj = segment_of(cells, j);
  return gi != gj ? gi < gj : kind_of(cells, i) < kind_of(cells, j);
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

/* Distinct recencies of a run's buyers, ascending, the last repeated to fill up lanes; sums of whole numbers,
 * so their order does not matter. @return how many with those */
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
    const recency from          = k < n ? spare[k] : (recency){spare[last].t_x, 0.0, 0.0};
    l->recency[*used + k]       = from.t_x;
    l->recency_count[*used + k] = from.count;
    l->recency_x[*used + k]     = from.count_x;
  }
  *used += padded;
  return padded;
}

static int time_compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Distinct ages of a run's buyers, ascending, the last repeated to fill up lanes. @return how many with those
 */
static size_t ages_copy(clv_purchase_rows *l, const clv_purchase_run *run, size_t *used) {
  double *age  = l->age + *used;
  size_t  last = 0;
  if (run->n_buyer == 0) return 0;
  memcpy(age, l->T + run->first_buyer, run->n_buyer * sizeof *age);
  qsort(age, run->n_buyer, sizeof *age, time_compare);
  for (size_t k = 1; k < run->n_buyer; k++)
    if (age[k] != age[last]) age[++last] = age[k];
  const size_t n = last + 1, padded = up_to_lanes(n);
  for (size_t k = n; k < padded; k++) age[k] = age[last];
  *used += padded;
  return padded;
}

/* Where a time is among ascending ones. */
static uint16_t place_of(const double *time, size_t n, double wanted) {
  size_t low = 0, high = n;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (time[middle] < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return (uint16_t)low;
}

/* Tables cost two logarithms and two divisions an entry, and save a logarithm and a division a row. */
static void tables_lay(clv_purchase_rows *l, clv_purchase_run *run) {
  const double *recencies = l->recency + run->first_recency, *ages = l->age + run->first_age;
  run->has_tables = run->n_recency <= CLV_ROW_TABLE_MOST && run->n_age <= CLV_ROW_TABLE_MOST &&
                    2 * (run->n_recency + run->n_age) <= run->n_buyer;
  for (size_t k = run->first_buyer; run->has_tables && k < run->first_buyer + run->n_buyer; k++) {
    l->at_recency[k] = place_of(recencies, run->n_recency, l->t_x[k]);
    l->at_age[k]     = place_of(ages, run->n_age, l->T[k]);
  }
}

/* How much of the columns is filled, and room to sort a block's recencies in. */
typedef struct layer {
  size_t   rows, recencies, ages;
  recency *spare; /* owned [CLV_BLOCK_SIZE + 2 LANES] */
} layer;

/* The rows of one segment inside a block. */
static void run_lay(clv_purchase_rows *l, const clv_cells *cells, const uint32_t *index, size_t n,
                    layer *to) {
  size_t           length[N_KIND] = {0};
  clv_purchase_run run            = {.segment = segment_of(cells, index[0])};
  for (size_t k = 0; k < n; k++) length[kind_of(cells, index[k])]++;
  run.first_once  = to->rows;
  run.n_once      = rows_copy(l, cells, index, length[ONCE], &to->rows);
  run.first_buyer = to->rows;
  run.n_single    = rows_copy(l, cells, index + length[ONCE], length[SINGLE], &to->rows);
  run.n_buyer =
      run.n_single + rows_copy(l, cells, index + length[ONCE] + length[SINGLE], length[SEVERAL], &to->rows);
  run.first_recency = to->recencies;
  run.n_recency     = recencies_copy(l, &run, to->spare, &to->recencies);
  run.first_age     = to->ages;
  run.n_age         = ages_copy(l, &run, &to->ages);
  tables_lay(l, &run);
  l->run[l->block_run[l->n_block + 1]++] = run;
}

static void block_lay(clv_purchase_rows *l, const clv_cells *cells, const uint32_t *index, size_t n,
                      layer *to) {
  l->block_run[l->n_block + 1] = l->block_run[l->n_block];
  for (size_t first = 0, end; first < n; first = end) {
    for (end = first + 1; end < n && segment_of(cells, index[end]) == segment_of(cells, index[first]);) end++;
    run_lay(l, cells, index + first, end - first, to);
  }
  l->n_block++;
}

/* Most padded rows this rank can need: each segment adds N_KIND groups to the blocks it touches. */
static size_t rows_most(const clv_purchase_rows *l, size_t n, size_t n_block, size_t *runs) {
  const size_t segments = l->n_segment < CLV_BLOCK_SIZE ? l->n_segment : CLV_BLOCK_SIZE;
  *runs                 = n_block * segments < n ? n_block * segments : n;
  const size_t groups   = *runs * N_KIND < n ? *runs * N_KIND : n;
  return n + groups * (LANES - 1);
}

static clv_status rows_lay(clv_purchase_rows *l, const clv_cells *cells) {
  const size_t n       = (size_t)(cells->blocks.last - cells->blocks.first);
  const size_t n_block = (size_t)(cells->blocks.last_block - cells->blocks.first_block);
  size_t       runs;
  const size_t room  = rows_most(l, n, n_block, &runs);
  uint32_t    *index = NULL;
  layer        now   = {0};
  clv_status   st    = CLV_OK;
  CLV_TRY(clv_calloc(n_block + 1, sizeof *l->block_run, (void **)&l->block_run));
  CLV_TRY(clv_calloc(runs + 1, sizeof *l->run, (void **)&l->run));
  CLV_TRY(clv_alloc(4 * room + 1, sizeof *l->x, (void **)&l->x));
  CLV_TRY(clv_alloc(3 * room + 1, sizeof *l->recency, (void **)&l->recency));
  CLV_TRY(clv_alloc(room + 1, sizeof *l->age, (void **)&l->age));
  CLV_TRY(clv_alloc(2 * room + 1, sizeof *l->at_recency, (void **)&l->at_recency));
  CLV_TRY(clv_alloc(CLV_BLOCK_SIZE + 2 * LANES, sizeof *now.spare, (void **)&now.spare));
  CLV_TRY(clv_alloc(2 * (size_t)CLV_BLOCK_SIZE, sizeof *index, (void **)&index));
  l->recency_count = l->recency + room, l->recency_x = l->recency_count + room;
  l->t_x = l->x + room, l->T = l->t_x + room, l->count = l->T + room;
  l->at_age = l->at_recency + room;
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
  free((*self)->age);
  free((*self)->at_recency);
  free(*self);
  *self = NULL;
}

void clv_purchase_rows_touched(const clv_purchase_rows *self, size_t block, size_t *first, size_t *last) {
  const size_t begin = self->block_run[block], end = self->block_run[block + 1];
  *first = begin < end ? self->run[begin].segment : 0; /* runs ascend by segment */
  *last  = begin < end ? self->run[end - 1].segment + 1 : 0;
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
